"""`mapArrow`, and typed records on their way to the workers: exactly what was sent arrives."""

from __future__ import annotations

import math
import os
import pickle
import signal
import struct
import sys

import pytest
from conftest import require, wait_until
from exact.workers import in_worker

from tidemill import SparkConf, SparkContext
from tidemill.errors import IllegalArgumentError, JobError
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError:
    pa = None

ENOUGH = 1_200  # records from which a block is handed over as columns

ODD_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_1234))[0]
TEXTS = ["", "a", "é", "日本", "\U0001f600", "a\0b", "line\nbreak\r", " " * 300]
INTS = [0, 1, -1, 2**63 - 1, -(2**63), 255, 256, 2**31]
FLOATS = [0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, ODD_NAN, 5e-324, 1e308]

# One type each; records of it.
TYPED = {
    "int": INTS,
    "float": FLOATS,
    "bool": [True, False],
    "str": TEXTS,
    "None": [None],
    "int or None": [None, *INTS],
    "str or None": [*TEXTS, None],
    "bool or None": [True, None, False],
    "float or None": [None, *FLOATS],
    "tuple": [(n, text) for n, text in zip(INTS, TEXTS)],
    "tuple of one": [(n,) for n in INTS],
    "wide tuple": [(n, 1.5, True, "x", None, n, n, n, n, n, n, n) for n in INTS],
    "tuple with None": [(None, "a", 1.0), (1, None, None), (None, None, -0.0)],
    "tuple in tuple": [((n, "a"), (True, (None,))) for n in INTS],
    "tuple or None in tuple": [(1, (2, "b")), (1, None), (3, (4, "c"))],
    "list": [[], [1], [1, 2, 3], [-1] * 50],
    "list of str": [[], ["a", ""], ["é" * 90]],
    "list of tuples": [[], [(1, "a"), (2, "b")], [(3, "")]],
    "list of None": [[None], [None, None]],
    "empty lists": [[], []],
    "list or None in tuple": [(1, [1.5]), (2, None), (3, [])],
}
# Made by json.loads or literals; compiled or not.
DICTS = {
    "dict": [{"a": n, "b": text} for n, text in zip(INTS, TEXTS)],
    "dict with None": [{"x": None, "é": 1.0}, {"x": "s", "é": None}],
    "dict in dict": [{"a": {"b": n, "c": [n, n]}} for n in INTS],
    "dict of tuples": [{"pair": (n, "a"), "list": [(n,)]} for n in INTS],
    "list of dicts": [[{"a": n}, {"a": -1}] for n in INTS[:4]],
}
# Not to be told from others as columns, or of no type: handed over in another way.
OTHER = {
    "dict like a tuple": [{"_1": n, "_2": "a"} for n in INTS],
    "dict like a scalar": [{"value": n} for n in INTS],
    "mixed": [1, True, 1.0, "1", None],
    "long int": [2**64, -(2**70), 1],
    "lone surrogate": ["\ud800", "a\udfff", "b"],
    "empty tuple": [()],
    "empty dict": [{}],
    "set": [{1}, frozenset([2])],
    "bytes": [b"", b"a\xff"],
    "tuples of many lengths": [(1,), (1, 2), ()],
    "list of mixed": [[1, 1.0, True], ["a", None]],
    "dicts of many keys": [{"a": 1}, {"b": 1}, {}],
}


def spelled(value):
    """Return a text that tells apart all that Python does: types, order, signs, bits."""
    if type(value) is float:
        return struct.pack("<d", value).hex()
    if type(value) in (tuple, list):
        return f"{type(value).__name__}({', '.join(map(spelled, value))})"
    if type(value) is dict:
        items = (f"{key!r}: {spelled(item)}" for key, item in value.items())
        return f"dict({', '.join(items)})"
    return f"{type(value).__name__} {value!r}"


def same(found, expected):
    """Compare exactly."""
    assert list(map(spelled, found)) == list(map(spelled, expected))


def many(records, count=ENOUGH):
    """Return at least so many records; no list or dict is there twice."""
    times = -(-count // len(records))
    return [pickle.loads(pickle.dumps(record)) for _ in range(times) for record in records]


def identity(batch):
    """Return the batch."""
    return batch


@pytest.fixture(autouse=True)
def needs_pyarrow():
    require(pa, "needs pyarrow (tests/requirements.txt)")


# Blocks of typed records for ordinary functions ---------------------------------------------------


@pytest.mark.parametrize("count", [1, ENOUGH])
def test_records_reach_a_worker_as_they_are(sc, count):
    for name, some in {**TYPED, **DICTS, **OTHER}.items():
        records = many(some, count)
        seen = sc.parallelize(records, 1).mapPartitionsWithIndex(
            in_worker(lambda part: list(map(spelled, part)))
        )
        assert seen.collect() == list(map(spelled, records)), name


def test_compiled_records_reach_a_worker_as_they_are(sc):
    # What compiled code made, not parallelize: dicts of known keys too.
    numbers = sc.parallelize(list(range(3 * ENOUGH)), 2)
    made = numbers.map(lambda n: {"n": n, "text": str(n), "half": n / 2, "odd": n % 2 == 1})
    seen = made.mapPartitionsWithIndex(
        in_worker(lambda part: [spelled(record) for record in part])
    ).collect()
    assert seen == [
        spelled({"n": n, "text": str(n), "half": n / 2, "odd": n % 2 == 1})
        for n in range(3 * ENOUGH)
    ]
    assert any(": compiled" in line for line in sc._engine.explain())


def test_dicts_that_look_like_tuples_or_scalars_stay_dicts(sc):
    numbers = sc.parallelize(list(range(ENOUGH)), 1)
    for make in (
        lambda n: {"_1": n, "_2": str(n)},
        lambda n: {"value": n},
        lambda n: (n, {"_1": n}),
    ):
        seen = numbers.map(make).mapPartitionsWithIndex(
            in_worker(lambda part: list(map(spelled, part)))
        )
        assert seen.collect() == [spelled(make(n)) for n in range(ENOUGH)]
    assert sum(": compiled" in line for line in sc._engine.explain()) >= 3


def test_worker_may_change_what_it_got(sc):
    lists = sc.parallelize([(n, [n]) for n in range(ENOUGH)], 1)

    def grow(part):
        for number, items in part:
            items.append(number)
            yield items

    assert lists.mapPartitionsWithIndex(in_worker(grow)).collect() == [
        [n, n] for n in range(ENOUGH)
    ]
    dicts = sc.parallelize(list(range(ENOUGH)), 1).map(lambda n: {"n": n})

    def add(part):
        for record in part:
            record["more"] = len(record)
            yield record

    assert dicts.mapPartitionsWithIndex(in_worker(add)).collect() == [
        {"n": n, "more": 1} for n in range(ENOUGH)
    ]


def test_state_reaches_a_worker(sc, tmp_path):
    ssc = StreamingContext(sc, 0.1)
    ssc.checkpoint(str(tmp_path))
    batches = [[(f"k{n}", n) for n in range(ENOUGH)], []]
    totals = ssc.queueStream(batches).updateStateByKey(lambda new, old: (old or 0) + sum(new))
    seen = collect_batches(totals.mapPartitionsWithIndex(in_worker(lambda part: [sorted(part)])), 2)
    for found in seen:
        assert sorted(pair for part in found for pair in part) == sorted(
            (f"k{n}", n) for n in range(ENOUGH)
        )


# mapArrow -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, ENOUGH])
def test_map_arrow_gives_back_what_it_got(sc, count):
    for some in [*TYPED.values(), *DICTS.values()]:
        records = many(some, count)
        same(sc.parallelize(records, 1).mapArrow(identity).collect(), records)
        # From a worker: not typed before.
        opaque = sc.parallelize([pickle.dumps(record) for record in records], 1).map(pickle.loads)
        same(opaque.mapArrow(identity).collect(), records)


def test_map_arrow_says_which_record_has_no_columns(sc):
    for name in OTHER:
        with pytest.raises(JobError) as caught:
            sc.parallelize(many(OTHER[name], 1), 1).mapArrow(identity).collect()
        text = str(caught.value)
        assert "TypeError: mapArrow expects records that have Arrow columns" in text, name
        assert "Record " in text and "Give them one such type" in text


def test_map_arrow_names_the_first_record_that_does_not_fit(sc):
    rows = [[1, 2.0, 3], [True, 1], [(1, 2), (1, "b")], [None, (1,)], [{"a": 1}, {"b": 1}]]
    says = [
        "Record 1 of the partition, 2.0, is float, where those before are int",
        "Record 1 of the partition, 1, is int, where those before are bool",
        "Record 1 of the partition, (1, 'b'), is tuple[int, str], where those before are",
        "Record 0 of the partition, None, is None, where others are tuple[int]",
        "Record 1 of the partition, {'b': 1}, is dict[b: int], where those before are dict[a: int]",
    ]
    for records, expected in zip(rows, says):
        with pytest.raises(JobError) as caught:
            sc.parallelize(records, 1).mapArrow(identity).collect()
        assert expected in str(caught.value)


def test_map_arrow_messages_have_a_bound(sc):
    wide = {f"key{n}": n for n in range(5_000)}
    other = {**wide, "key7": "seven"}
    for records in ([wide, other], [[wide, other]], [wide, None], ["x" * 100_000, 1.5]):
        with pytest.raises(JobError) as caught:
            sc.parallelize(records, 1).mapArrow(identity).collect()
        assert len(str(caught.value)) < 2_000


TAKEN = {
    "a dict with the single key value": {"value": 1},
    "or holds a dict with the keys _1, _2 and so on": {"_1": 1, "_2": "a"},
    "holds a dict with the keys _1": {"a": {"_1": 1}},
    "a dict with the keys _1, _2": [{"_1": None}],
    "keys of other names": (1, [{"_1": [1]}]),
}


@pytest.mark.parametrize("count", [1, ENOUGH])
@pytest.mark.parametrize("says", TAKEN)
def test_map_arrow_refuses_dicts_that_would_come_back_as_something_else(sc, says, count):
    records = many([TAKEN[says]], count)
    opaque = sc.parallelize([pickle.dumps(record) for record in records], 1).map(pickle.loads)
    numbers = sc.parallelize(list(range(count)), 1)
    for rdd in (
        sc.parallelize(records, 1),
        opaque,
        opaque.mapPartitionsWithIndex(in_worker(lambda part: part)),
        numbers.map(lambda n: {"value": n}) if "value" in says else opaque,
    ):
        with pytest.raises(JobError) as caught:
            rdd.mapArrow(identity).collect()
        assert says in str(caught.value)
        assert "Record 0 of the partition, " in str(caught.value)


def test_map_arrow_takes_dicts_that_only_look_a_little_like_something_else(sc):
    for record in (
        {"value": 1, "a": 2},
        {"a": {"value": 1}},
        [{"value": 1}],
        {"_2": 1, "_1": 2},
        {"_1": 1, "_3": 2},
        {"_0": 1},
        {"_01": 1},
    ):
        same(sc.parallelize([record], 1).mapArrow(identity).collect(), [record])


def test_map_arrow_takes_the_same_records_however_many_are_in_a_batch(sc):
    taken = [
        [{"a": 1, "b": None}, {"b": "x", "a": 2}],
        [None, 1, None, 2],
        [(None, []), (1, [None]), (2, ["a"])],
    ]
    refused = [
        ([1, "a"], "Record 1 of the partition, 'a', is str, where those before are int"),
        ([{"a": 1}, {"b": 1}], "Record 1 of the partition, {'b': 1}, is dict[b: int], where"),
        ([None, (1,)], "Record 0 of the partition, None, is None, where others are tuple[int]"),
        ([(1,), None], "Record 1 of the partition, None, is None, where others are tuple[int]"),
        ([(1, [])] * 4 + [(2, [1]), (3, ["a"])], "Record 5 of the partition, (3, ['a']), is"),
    ]
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    for rows in ("0", "2", "1"):
        sc._conf.set(key, rows)
        for records in taken:
            expected = [
                dict(zip("ab", map(r.get, "ab"))) if type(r) is dict else r for r in records
            ]
            gathered = sc.parallelize(records, 1).mapPartitionsWithIndex(
                in_worker(lambda part: part)
            )
            same(gathered.mapArrow(identity).collect(), expected)
        for records, says in refused:
            gathered = sc.parallelize(records, 1).mapPartitionsWithIndex(
                in_worker(lambda part: part)
            )
            with pytest.raises(JobError) as caught:
                gathered.mapArrow(identity).collect()
            assert says in str(caught.value), rows


def test_map_arrow_counts_the_records_of_all_blocks(sc):
    blocks = [sc.parallelize(list(range(n)), 1) for n in (ENOUGH, 2)]
    found = sc.union([*blocks, sc.parallelize([3, {4}], 1)]).coalesce(1)
    with pytest.raises(JobError) as caught:
        found.mapArrow(identity).collect()
    assert f"Record {ENOUGH + 3} of the partition, {{4}}, is of class" in str(caught.value)


def test_map_arrow_columns_have_sparks_names(sc):
    def names(batch):
        return pa.record_batch({"value": [",".join(batch.schema.names)]})

    for records, expected in [
        ([1], "value"),
        (["a"], "value"),
        ([[1]], "value"),
        ([(1, "a", None)], "_1,_2,_3"),
        ([{"b": 1, "a": 2}], "b,a"),
    ]:
        assert sc.parallelize(records, 1).mapArrow(names).collect() == [expected]


def test_map_arrow_columns_have_types(sc):
    def types(batch):
        return pa.record_batch({"value": [str(column.type) for column in batch.columns]})

    record = (1, 1.0, True, "a", None, [1], (1, "a"), [(1.5,)])
    found = sc.parallelize([record] * ENOUGH, 1).mapArrow(types).collect()
    opaque = sc.parallelize([pickle.dumps(record)], 1).map(pickle.loads)
    assert opaque.mapArrow(types).collect() == found
    assert found == [
        "int64",
        "double",
        "bool",
        "string",
        "null",
        "list<item: int64>",
        "struct<_1: int64, _2: string>",
        "list<item: struct<_1: double>>",
    ]


def test_map_arrow_keys_may_come_in_any_order(sc):
    records = [{"a": 1, "b": "x"}, {"b": "y", "a": 2}]
    found = sc.parallelize(records, 1).mapArrow(identity).collect()
    same(found, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])


def test_map_arrow_over_lines(sc, tmp_path):
    lines = [f"é{n}" * (n % 5) for n in range(5_000)]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = sc.textFile(str(tmp_path / "lines.txt"), 2)
    assert text.mapArrow(identity).collect() == lines
    lengths = text.mapArrow(lambda b: pa.record_batch({"value": pc.utf8_length(b["value"])}))
    assert lengths.collect() == list(map(len, lines))


def test_map_arrow_after_other_functions(sc):
    words = sc.parallelize(["b a", "c"], 1).mapPartitionsWithIndex(
        in_worker(lambda part: list(part))
    )
    found = words.flatMap(str.split).map(lambda w: (w, {w})).map(lambda pair: (pair[0], 1))
    assert found.mapArrow(identity).collect() == [("b", 1), ("a", 1), ("c", 1)]


def test_map_arrow_of_nothing_is_not_called(sc):
    def fail(batch):
        raise AssertionError

    assert sc.parallelize([], 3).mapArrow(fail).collect() == []
    assert sc.parallelize([1, 2], 2).filter(lambda n: n > 5).mapArrow(fail).collect() == []
    opaque = sc.parallelize([{1}], 1).filter(lambda found: 2 in found)
    assert opaque.mapArrow(fail).count() == 0
    assert sc.parallelize([1], 4).mapArrow(identity).glom().map(len).sum() == 1


def test_map_arrow_may_give_more_or_fewer(sc):
    numbers = sc.parallelize(list(range(100)), 4)
    assert numbers.mapArrow(lambda b: b.slice(0, 0)).collect() == []
    assert numbers.mapArrow(lambda b: b.slice(0, 1)).collect() == [0, 25, 50, 75]
    twice = numbers.mapArrow(lambda b: pa.concat_tables([pa.Table.from_batches([b])] * 2))
    assert twice.count() == 200


def test_map_arrow_batches_have_a_bound(sc):
    def rows(batch):
        return pa.record_batch({"value": [batch.num_rows]})

    numbers = list(range(25_001))
    expected = [10_000, 10_000, 5_001]
    assert sc.parallelize(numbers, 1).mapArrow(rows).collect() == expected
    assert sc.parallelize(range(25_001), 1).mapArrow(rows).collect() == expected
    opaque = sc.parallelize(numbers, 1).mapPartitionsWithIndex(in_worker(lambda part: list(part)))
    assert opaque.mapArrow(rows).collect() == expected


@pytest.mark.parametrize("most, expected", [("7", [7, 7, 6]), ("0", [20]), ("-1", [20])])
def test_map_arrow_bound_can_be_set(most, expected):
    conf = SparkConf().setMaster("local[1]").setAppName("bound")
    conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", most)
    with SparkContext(conf=conf) as sc:
        rdd = sc.parallelize([str(n) for n in range(20)], 1)
        rows = rdd.mapArrow(lambda b: pa.record_batch({"value": [b.num_rows]}))
        assert rows.collect() == expected
        opaque = rdd.map(lambda text: {text}).map(lambda found: sorted(found)[0])
        assert opaque.mapArrow(identity).collect() == [str(n) for n in range(20)]


@pytest.mark.parametrize("wrong", ["many", "1.5", "", str(2**31), str(10**30)])
def test_map_arrow_wrong_bound(wrong):
    conf = SparkConf().setMaster("local[1]").setAppName("bound")
    conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", wrong)
    with SparkContext(conf=conf) as sc, pytest.raises(IllegalArgumentError, match="whole number"):
        sc.parallelize([1]).mapArrow(identity)


def result_of(sc, table, partitions=1):
    """Return the records that a function gives which returns this table."""
    return sc.parallelize(list(range(partitions)), partitions).mapArrow(lambda _: table).collect()


def test_map_arrow_results_of_other_types(sc):
    import datetime
    import decimal

    day = datetime.date(2026, 1, 2)
    columns = {
        "int8": (pa.array([1, None], pa.int8()), [1, None]),
        "uint32": (pa.array([2**32 - 1], pa.uint32()), [2**32 - 1]),
        "uint64": (pa.array([2**64 - 1, 1], pa.uint64()), [2**64 - 1, 1]),
        "float32": (pa.array([0.1], pa.float32()), [struct.unpack("f", struct.pack("f", 0.1))[0]]),
        "large text": (pa.array(["a", None], pa.large_string()), ["a", None]),
        "dictionary": (pa.array(["a", "b", "a", None]).dictionary_encode(), ["a", "b", "a", None]),
        "binary": (pa.array([b"a", None]), [b"a", None]),
        "date": (pa.array([day, None]), [day, None]),
        "decimal": (pa.array([decimal.Decimal("1.10")]), [decimal.Decimal("1.10")]),
        "large list": (pa.array([[1], []], pa.large_list(pa.int32())), [[1], []]),
        "fixed list": (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [[1, 2]]),
        "nested dates": (pa.array([{"_1": day, "_2": [day]}, None]), [(day, [day]), None]),
        "struct": (pa.array([{"a": 1, "b": None}, None]), [{"a": 1, "b": None}, None]),
        "null": (pa.nulls(2), [None, None]),
    }
    for column, expected in columns.values():
        same(result_of(sc, pa.table({"value": column})), expected)
        beside = pa.table({"_1": column, "_2": column})
        same(result_of(sc, beside), [(value, value) for value in expected])


def test_map_arrow_results_of_slices_and_chunks(sc):
    table = pa.table(
        {
            "n": pa.array([None, 1, 2, None, 4]),
            "t": pa.array(["a", None, "c", "d", "e"]),
            "l": pa.array([[1], [2, 3], None, [], [4]]),
            "s": pa.array([{"x": 1}, None, {"x": 2}, {"x": None}, {"x": 5}]),
            "b": pa.array([True, False, None, True, False]),
        }
    )
    for cut in (table, table.slice(1, 3), pa.concat_tables([table.slice(3), table.slice(0, 2)])):
        same(result_of(sc, cut), cut.to_pylist())


def test_map_arrow_batches_of_several_types(sc):
    def by_size(batch):
        first = batch["value"][0].as_py()
        if first < 10_000:
            return pa.record_batch({"value": [1]})
        if first < 20_000:
            return pa.record_batch({"value": [2.5]})
        return pa.record_batch({"a": [None], "b": ["x"]})

    found = sc.parallelize(list(range(25_000)), 1).mapArrow(by_size).collect()
    same(found, [1, 2.5, {"a": None, "b": "x"}])
    parts = sc.parallelize([1, 2], 1).mapArrow(
        lambda b: pa.Table.from_batches([b.slice(n, 1) for n in range(2)])
    )
    assert parts.collect() == [1, 2]


def test_map_arrow_keys_that_only_some_batches_have(sc):
    def keys(batch):
        first = batch["value"][0].as_py()
        return pa.record_batch({"a": [1]} if first else {"a": [1], "b": [2]})

    found = sc.parallelize(list(range(15_000)), 1).mapArrow(keys).collect()
    same(found, [{"a": 1, "b": 2}, {"a": 1}])


def test_map_arrow_bad_results(sc):
    for result, says in [
        (5, "got int"),
        (None, "got NoneType"),
        ([1], "got list"),
        (pa.table({}), "columns []"),
        (pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), "columns ['a', 'a']"),
    ]:
        with pytest.raises(JobError) as caught:
            result_of(sc, result)
        assert says in str(caught.value)


def test_map_arrow_function_that_raises(sc):
    def fail(batch):
        raise LookupError(f"{batch.num_rows} rows")

    with pytest.raises(JobError) as caught:
        sc.parallelize([1, 2], 1).mapArrow(fail).collect()
    assert "LookupError: 2 rows" in str(caught.value)


def test_map_arrow_without_pyarrow(sc, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'tidemill\[arrow\]'"):
        sc.parallelize([1]).mapArrow(identity)


def test_map_arrow_keeps_the_partitioner(sc):
    pairs = sc.parallelize([(n, n) for n in range(10)], 2).partitionBy(3)
    assert pairs.mapArrow(identity, True).partitioner == pairs.partitioner
    assert pairs.mapArrow(identity).partitioner is None
    assert sorted(pairs.mapArrow(identity, True).collect()) == [(n, n) for n in range(10)]


def test_what_follows_map_arrow_is_compiled(sc):
    pairs = sc.parallelize([{"word": "a", "n": n} for n in range(100)], 2).mapArrow(
        lambda b: pa.record_batch({"_1": b["word"], "_2": b["n"]})
    )
    counted = pairs.map(lambda pair: (pair[0], pair[1] * 2)).reduceByKey(lambda a, b: a + b)
    assert counted.collect() == [("a", 9900)]
    lines = sc._engine.explain()
    assert "over tuple[str, int]:" in lines
    assert any("map(" in line and line.endswith(": compiled") for line in lines), lines


def test_map_arrow_on_a_stream(sc):
    ssc = StreamingContext(sc, 0.1)
    doubled = ssc.queueStream([[1, 2], [], [3]]).mapArrow(
        lambda b: pa.record_batch({"value": pc.multiply(b["value"], 2)})
    )
    assert collect_batches(doubled, 3) == [[2, 4], [], [6]]


# The memory that batches lie in -------------------------------------------------------------------


def test_map_arrow_reads_where_the_engine_wrote(sc):
    require(hasattr(os, "memfd_create"), "needs memfd_create")

    def where(batch):
        address = batch["value"].buffers()[1].address
        with open("/proc/self/maps") as maps:
            for line in maps:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                if start <= address < end:
                    return pa.record_batch({"value": ["tidemill-blocks" in line]})
        return None

    numbers = sc.parallelize([n * 1.0 for n in range(9_999)], 1)
    assert numbers.mapArrow(where).collect() == [True]


def test_map_arrow_batches_that_are_kept_stay_as_they_were():
    def keep(batch):
        import tidemill.columns as home

        store = home.__dict__.setdefault("_kept_by_test", [])
        store.append((batch, batch.to_pylist()))
        right = all(batch.to_pylist() == copy for batch, copy in store)
        return pa.record_batch({"value": [len(store)], "right": [right]})

    with SparkContext("local[1]", "kept") as sc:
        for turn in range(4):
            numbers = sc.parallelize([n + turn * 10**6 for n in range(9_999)], 1)
            assert numbers.mapArrow(keep).collect() == [{"value": turn + 1, "right": True}]


def test_map_arrow_killed_worker(sc, tmp_path):
    def die_once(batch):
        marker = tmp_path / "died"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    numbers = list(range(300_000))
    before = os.listdir("/dev/shm")
    assert sc.parallelize(numbers, 2).mapArrow(die_once).collect() == numbers
    assert (tmp_path / "died").exists()
    assert os.listdir("/dev/shm") == before
    wait_until(lambda: len(memory_files()) <= 2, "memory of the dead worker given back")


def memory_files():
    """Return the shared memory that this process has open."""
    found = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            continue
    return [name for name in found if "tidemill-blocks" in name]


def test_map_arrow_two_hundred_megabytes(sc):
    numbers = sc.parallelize([(n, n * 0.5, "x" * 84) for n in range(1_000)], 2)
    rows = numbers.flatMap(lambda record: [record for _ in range(2_000)])

    def total(batch):
        size = pc.sum(pc.binary_length(batch["_3"])).as_py()
        return pa.record_batch({"_1": [pc.sum(batch["_1"]).as_py()], "_2": [size]})

    found = rows.mapArrow(total).reduce(lambda a, b: (a[0] + b[0], a[1] + b[1]))
    assert found == (2_000 * sum(range(1_000)), 2_000_000 * 84)


def test_map_arrow_many_partitions(sc):
    numbers = sc.parallelize([(n, str(n)) for n in range(60_000)], 50)
    assert numbers.mapArrow(identity).collect() == [(n, str(n)) for n in range(60_000)]
