"""Types reach past interpreted operators, joins and documents that change: what `explain` says.

That the answers are CPython's is compared in `test_compiler_exact` and, for documents that change
while a program runs, here.
"""

import contextlib
import json
import tempfile
from functools import partial
from pathlib import Path

import pytest
from exact.server import spelled
from exact.workers import in_worker

from tidemill import SparkConf, SparkContext
from tidemill.errors import JobError
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches

HERE = Path(__file__).name


def run(program, mode="auto"):
    """Return what a program of a context returns, and what `explain` says without places."""
    conf = SparkConf().setMaster("local[1]").setAppName("types")
    conf.set("tidemill.python.compile", mode)
    with SparkContext(conf=conf) as sc:
        value = program(sc)
        said = "\n".join(sc._engine.explain())
    return value, said.replace(str(Path(__file__).parent), "...")


def words(records):
    for record in records:
        for word in record.split():
            yield word, len(word)


LINES = ["a bb ccc", "bb a", "", "dd a"]


def test_what_workers_made_is_typed_past_a_shuffle():
    def program(sc):
        pairs = sc.parallelize(LINES, 2).mapPartitionsWithIndex(in_worker(words))
        return pairs.reduceByKey(lambda a, b: a + b).mapValues(lambda n: n * 2).collect()

    value, said = run(program)
    assert sorted(value) == [("a", 6), ("bb", 8), ("ccc", 6), ("dd", 4)]
    before, after = said.split("over tuple[str, int]:")
    assert "mapPartitionsWithIndex(in_worker.<locals>.<lambda> ..." in before
    assert "CPython: it takes whole partitions" in before
    assert after.count("compiled") == 2
    assert "CPython" not in after


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_few_records_of_other_types_are_left_to_cpython(mode):
    def program(sc):
        return (
            sc.parallelize([1, 2, "x", 3, 4, None, 5, 2**70], 1).map(lambda v: str(v)[:3]).collect()
        )

    value, said = run(program, mode)
    assert value == ["1", "2", "x", "3", "4", "Non", "5", "118"]
    assert "over int or None:" in said
    assert "2 of 8 rows ran in CPython" in said
    assert "2 because of a record of another type than most" in said


def test_records_of_workers_of_several_types_are_theirs():
    def program(sc):
        mixed = sc.parallelize(LINES, 2).mapPartitionsWithIndex(
            in_worker(lambda some: [(s, s or 0) for s in some])
        )
        return mixed.partitionBy(2).mapValues(str).count()

    value, said = run(program)
    assert value == len(LINES)
    assert "over other records:" in said
    assert "records that are not all of one type that compiled code can read" in said


def test_a_state_of_what_workers_made_is_compiled():
    conf = SparkConf().setMaster("local[1]").setAppName("types")
    with SparkContext(conf=conf) as sc, tempfile.TemporaryDirectory() as folder:
        ssc = StreamingContext(sc, 0.02)
        ssc.checkpoint(folder)
        pairs = ssc.queueStream([LINES, LINES, []]).mapPartitionsWithIndex(in_worker(words))
        totals = pairs.updateStateByKey(lambda new, total: sum(new) + (total or 0))
        states = collect_batches(totals, 3)
        said = "\n".join(sc._engine.explain())
    assert [dict(state)["bb"] for state in states] == [4, 8, 8]
    assert "over values of int and state of int:\n  updateStateByKey(" in said
    assert "CPython" not in said.split("over values of int")[1]


@pytest.mark.parametrize("count", [50, 150], ids=["pickles", "columns"])
def test_fields_that_are_none_now_and_then_make_few_types(count):
    """A type that was widened stays: else each set of such fields would be one of its own."""

    def program(sc):
        def rows(turn, index, _):
            for n in range(count):
                yield n % 3, {name: None if turn >> at & 1 else n for at, name in enumerate("abcd")}

        totals = []
        for turn in range(16):
            made = sc.parallelize([0], 1).mapPartitionsWithIndex(partial(rows, turn))
            filled = made.partitionBy(1).mapValues(lambda row: (row["a"] or 0) + (row["d"] or 1))
            totals.append(filled.values().sum())
        return totals

    (value, said), (expected, _) = run(program), run(program, "off")
    assert value == expected
    assert 1 <= said.count("over tuple[int, dict[") <= 5


@pytest.mark.parametrize("count", [50, 150], ids=["pickles", "columns"])
def test_what_is_in_a_none_is_no_none(count):
    def program(sc):
        def rows(_):
            return [(n, {"text": str(n), "at": [n]} if n % 2 else None) for n in range(count)]

        made = sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(rows)).partitionBy(1)
        return made.mapValues(lambda row: len(row["text"]) + row["at"][0] if row else 0).collect()

    value, said = run(program)
    assert value == [(n, len(str(n)) + n if n % 2 else 0) for n in range(count)]
    assert "over tuple[int, dict[text: str, at: list[int]] or None]:" in said


def test_the_operators_of_a_range_are_compiled():
    def program(sc):
        return sc.range(1000).map(lambda n: (n % 3, n)).reduceByKey(lambda a, b: a + b).collect()

    value, said = run(program)
    assert sorted(value) == [(0, 166833), (1, 166167), (2, 166500)]
    assert said.startswith("over int:\n  range: compiled\n  map(")
    assert "CPython" not in said


def test_joins_are_compiled_and_named_as_they_were_called():
    def program(sc):
        left = sc.parallelize([("a", 1), ("b", 2)], 1)
        right = sc.parallelize([("a", 0.5), ("c", 1.5)], 1)
        joined = left.fullOuterJoin(right, 1).filter(lambda kv: kv[1][0] is not None)
        rest = left.subtractByKey(right, 1).mapValues(lambda n: n + 1)
        return joined.collect() + rest.collect()

    value, said = run(program)
    assert value == [("a", (1, 0.5)), ("b", (2, None)), ("b", 3)]
    assert "over str with int and float:\n  fullOuterJoin: compiled\n  filter(" in said
    assert "over str with int and float:\n  subtractByKey: compiled\n  mapValues(" in said
    assert "CPython" not in said


def test_no_inner_name_is_told():
    def program(sc):
        lines = sc.parallelize(LINES, 2)
        lines.glom().collect()
        lines.distinct().count()
        lines.mapPartitionsWithIndex(lambda index, some: some).foreach(len)
        pairs = lines.map(lambda line: (line, 1))
        pairs.cogroup(pairs).count()
        pairs.groupByKey().count()
        pairs.foldByKey(0, lambda a, b: a + b).join(pairs).count()
        pairs.zipWithIndex().count()
        lines.zip(lines).count()
        lines.cartesian(lines).count()
        lines.sample(False, 0.5, 1).count()

    _, said = run(program)
    assert "mapPartitionsWithIndex(test_no_inner_name_is_told.<locals>.program.<locals>" in said
    assert "_" not in said.replace("test_no_inner_name_is_told", "").replace(HERE, "")


def document(index, late):
    """A document; the late ones have other kinds, and a key that the first have not got."""
    if late:
        return json.dumps({"id": str(index), "size": index / 2, "tags": ["x"] * (index % 3)})
    return json.dumps({"id": index, "size": index, "tags": None})


def read(line):
    event = json.loads(line)
    return str(event["id"])[-1:], len(event["tags"] or []), event["size"] + 1


def changing(sc, most=3000):
    """Documents that change after the first thousand, a thousand to each task."""
    with tempfile.TemporaryDirectory() as folder:
        for part in range(most // 500):
            lines = [document(index, part > 1) for index in range(part * 500, part * 500 + 500)]
            name = Path(folder) / f"{part:03}"
            name.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return sc.textFile(folder).map(read).collect()


def test_documents_that_change_are_learnt_again():
    value, said = run(changing)
    assert [*map(spelled, value)] == [*map(spelled, run(changing, "off")[0])]
    first, *again = said.split("over str:")[1:]
    assert "rows ran in CPython, therefore compiled again for what rows look like now" in first
    assert again
    assert "ran in CPython" not in again[-1]


def test_documents_after_a_shuffle_are_looked_at():
    def program(sc):
        lines = [(index % 50, document(index, True)) for index in range(3000)]
        last = sc.parallelize(lines, 2).reduceByKey(lambda a, b: b, 2)
        read_values = last.mapValues(lambda line: json.loads(line)["size"] + 1.5)
        return read_values.collect()

    value, said = run(program)
    assert [*map(spelled, value)] == [*map(spelled, run(program, "off")[0])]
    after = said.split("over tuple[int, str]:")[-1]
    assert "mapValues(" in after
    assert "CPython" not in after


@pytest.mark.parametrize("period", [2, 3])
def test_documents_that_keep_changing_go_to_the_workers_in_the_end(period):
    def program(sc):
        with tempfile.TemporaryDirectory() as folder:
            for part in range(40):
                lines = [kinds(index, part // period % 5) for index in range(2000)]
                name = Path(folder) / f"{part:03}"
                name.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return sc.textFile(folder).map(plus).collect()

    value, said = run(program)
    assert [*map(spelled, value)] == [*map(spelled, run(program, "off")[0])]
    assert said.count("therefore compiled again") <= 3
    assert said.count("therefore now all of them") <= 1


def kinds(index, kind):
    """A document whose only value is of one of five kinds."""
    return json.dumps({"v": [index, index / 4, str(index), [index], {"n": index}][kind]})


def plus(line):
    value = json.loads(line)["v"]
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "1"
    return len(value)


def adds(line):
    return line + len(line)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (adds, "the operator + is not compiled for str and int"),
        (lambda s: [s, [s]], "a list with items of more than one type (str and list[str])"),
        (lambda s: 1 if s else "", "a conditional expression of more than one type (int and str)"),
        (lambda s: {len(s): s}, "a dict with keys of type int is not compiled"),
        (lambda s: str({"a": s}), "str() is not compiled for dict[a: str]"),
    ],
)
def test_reasons_are_sentences_with_a_place(function, expected):
    line = function.__code__.co_firstlineno + (function is adds)
    conf = SparkConf().setMaster("local[1]").setAppName("types")
    with SparkContext(conf=conf) as sc:
        lines = sc.parallelize(["a", "b"], 1).map(function)
        with contextlib.suppress(JobError):
            lines.count()
        said = "\n".join(sc._engine.explain())
    assert f"{expected}, {__file__}:{line}" in said


def test_a_join_of_many_pairs_makes_them_one_by_one():
    """All pairs of one key at once would take gigabytes."""

    def program(sc):
        left = sc.range(20_000).map(lambda n: ("k", n))
        right = sc.range(20_000).map(lambda n: ("k", -n))
        return left.join(right, 1).take(2)

    assert run(program)[0] == [("k", (0, 0)), ("k", (0, -1))]
