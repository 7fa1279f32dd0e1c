"""What `explain` says of stages, and what it keeps to say it."""

from __future__ import annotations

import bisect
import collections
import hashlib
import importlib
import itertools
import os
import re
import sys
from operator import add, itemgetter

import pytest

from tidemill import SparkConf, SparkContext
from tidemill.compiler.front import describe
from tidemill.compiler.reasons import TOO_LARGE
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches


@pytest.fixture
def told():
    """Run a program on one thread; return what `explain` says of it."""

    def run(program):
        conf = SparkConf().setMaster("local[1]").setAppName("explain")
        with SparkContext(conf=conf) as sc:
            program(sc)
            return sc._engine.explain()

    return run


def test_what_follows_a_split_is_not_the_splits_fault(told):
    """The reason is the same whether the pieces are a list or walked where they are."""

    def pieces(text):
        return text.split(" ")

    def listed(text):
        return list(text.split(" "))

    def reason(function):
        lines = told(
            lambda sc: sc.parallelize(["ab cd"]).flatMap(function).reduceByKey(add).collect()
        )
        return next(line for line in lines if "reduceByKey(" in line)

    assert reason(listed).endswith("CPython: an operator by key is not compiled for str")
    assert reason(pieces) == reason(listed)


# Why rows ran in CPython --------------------------------------------------------------------------


def below(function, lines):
    """Return a place in this file: so many lines below the ``def`` of a function."""
    return f"{__file__}:{function.__code__.co_firstlineno + lines}"


def scaled(n):
    if n > 90:
        factor = 2**61
        return n * factor
    return added(round(n, -1) if n == 20 else n)


def added(n):
    if n % 10 == 7:
        print(end="")
    if n == 1:
        return int(2**-n)
    return n + 9223372036854775787


def test_rows_that_ran_in_cpython_are_told_with_reasons_and_places(told):
    def program(sc):
        assert sc.parallelize(range(100), 1).map(scaled).count() == 100

    lines = told(program)
    at = lines.index("  83 of 100 rows ran in CPython")
    assert lines[at + 1 : at + 5] == [
        f"    63 because of an int of more than 64 bits, {below(added, 5)}",
        f"    9 because of a statement that is not compiled, {below(added, 2)}",
        f"    9 because of an int of more than 64 bits, {below(scaled, 3)}",
        "    2 for other reasons",
    ]


def test_calls_that_ran_in_cpython_are_told_with_reasons_and_places(told, tmp_path):
    def total(values, state):
        kept = state or 0
        return kept + sum(values) + 2**62

    def program(sc):
        ssc = StreamingContext(sc, 0.02)
        ssc.checkpoint(str(tmp_path))
        pairs = ssc.queueStream([[("a", 1), ("b", 2)], [("a", 3)]])
        assert dict(collect_batches(pairs.updateStateByKey(total), 2)[1])["a"] == 2**63 + 4

    lines = told(program)
    at = lines.index("  2 of 4 calls ran in CPython")
    assert lines[at + 1] == f"    2 because of an int of more than 64 bits, {below(total, 2)}"


# Reasons have places ----------------------------------------------------------------------------


def mixes(text):
    if not text:
        return text[:1]
    return float(text)


def nests(n):
    return [[n]]


def counts(text):
    return {char: 1 for char in text}


@pytest.mark.parametrize(
    ("function", "records", "reason", "lines"),
    [
        (mixes, ["1", "", "2"], "results of more than one type (str and float)", 3),
        (nests, [1, 2], "a record with a list of lists or dicts in it is not compiled", 0),
        (itemgetter(3), [(1, 2)], "an index out of range is not compiled, in operator.itemg", None),
        (lambda n: n[3], [(1, 2)], "an index out of range is not compiled", 0),
        (nests([[1]]).append, [1], "a bound method (append)", None),
    ],
)
def test_reasons_have_places(told, function, records, reason, lines):
    def program(sc):
        mapped = sc.parallelize(records, 1).map(function)
        try:
            mapped.collect()
        except Exception as error:
            assert "IndexError" in str(error)

    lines_told = "\n".join(told(program))
    place = "" if lines is None else f", {below(function, lines)}"
    assert reason + place in lines_told


def test_a_method_of_the_users_has_a_place(told):
    class Scale:
        def scaled(self, n):
            return n * 2

    lines = told(lambda sc: sc.parallelize([1]).map(Scale().scaled).collect())
    assert any(
        line.endswith(f"a bound method ({Scale.scaled.__qualname__}), {below(Scale.scaled, 0)}")
        for line in lines
    )


def test_a_function_that_is_nested_too_deeply_has_a_place(tmp_path, monkeypatch):
    (tmp_path / "nested_deep.py").write_text("def deep(n):\n    return n" + " + 1" * 130 + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = describe(importlib.import_module("nested_deep").deep)
    assert (found["reason"], found["detail"]) == (TOO_LARGE, "nested too deeply")
    assert (found["file"], found["line"]) == (str(tmp_path / "nested_deep.py"), 1)


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda text: hashlib.md5(text.encode()).hexdigest(), "hashlib.md5"),
        (lambda text: list(itertools.chain(text, text)), "itertools.chain"),
        (lambda text: collections.Counter(text)["a"], "collections.Counter"),
        (lambda n: bisect.bisect_left(["a", "b"], n), "bisect.bisect_left"),
    ],
)
def test_functions_of_libraries_are_unknown_calls(told, function, what):
    lines = told(lambda sc: sc.parallelize(["ab"]).map(function).collect())
    expected = f"CPython: a call of something unknown ({what}), {below(function, 0)}"
    assert any(line.endswith(expected) for line in lines), lines


def test_what_rows_do_not_get_past_can_be_read(told):
    def stops(n):
        if n > 9:
            os._exit(n)
        if n > 8:
            print(n)
        if n > 7:
            return len(sys.path)
        return n

    lines = told(lambda sc: sc.parallelize([1]).map(stops).collect())
    first = stops.__code__.co_firstlineno
    (line,) = (line for line in lines if "map(" in line)
    assert line.endswith(
        f": compiled, but for rows that reach os._exit in line {first + 2}, print in line "
        f"{first + 4}, a captured value that may change (sys.path, which a worker may have "
        f"otherwise) in line {first + 6}"
    )


def test_dynamic_values_are_not_of_json_alone(told):
    def program(sc):
        sc.parallelize(["ab"]).flatMap(lambda text: counts(text)).collect()

    lines = "\n".join(told(program))
    assert "iteration is not compiled for a dynamic value, " in lines and "JSON" not in lines


# What ran ----------------------------------------------------------------------------------------


def test_an_operator_none_of_whose_rows_ran_as_code_is_not_told_as_compiled(told):
    def large(n):
        return n + 2**62 + 2**62

    def program(sc):
        assert sc.parallelize(range(9), 1).map(large).keyBy(abs).groupByKey().count() == 9

    lines = told(program)
    named = f"  map({large.__qualname__} {below(large, 0)}): "
    assert named + "CPython: no row could run otherwise" in lines
    assert "  groupByKey: compiled" in lines
    assert "  9 of 9 rows ran in CPython" in lines


def test_a_stage_that_went_to_cpython_says_so_for_its_operators(told):
    def large(n):
        return (n, 1) if n < 10 else (n % 10, n + 2**62 + 2**62)

    lines = told(lambda sc: sc.parallelize(range(9000), 4).map(large).reduceByKey(add).count())
    named = f"  map({large.__qualname__} {below(large, 0)}): "
    assert named + "CPython: too many rows could not run otherwise" in lines
    assert any("rows ran in CPython, therefore now all of them" in line for line in lines)


def test_slides_that_ran_in_cpython_are_told_with_reasons_and_places(told, tmp_path):
    def merge(a, b):
        return a + b + 2**62 + 2**62 - 2**63

    def inverse(a, b):
        return a - b

    def program(sc):
        ssc = StreamingContext(sc, 0.02)
        ssc.checkpoint(str(tmp_path))
        pairs = ssc.queueStream([[("a", 1)]] * 12)
        window = pairs.reduceByKeyAndWindow(merge, inverse, 0.2, 0.02, 1)
        collect_batches(window, 12)

    lines = told(program)
    at = next(at for at, line in enumerate(lines) if "slides of partitions ran" in line)
    assert lines[at + 1].endswith(f"because of an int of more than 64 bits, {below(merge, 1)}")


def test_rows_of_a_run_that_failed_are_not_counted(told, tmp_path):
    """A worker dies of one row the first time: the partition's rows are counted once."""
    died = str(tmp_path / "died")

    def sometimes(n):
        if n == 3:
            if not os.path.exists(died):
                open(died, "x").close()
                os._exit(1)
        return n

    lines = told(lambda sc: sc.parallelize(range(5), 1).map(sometimes).collect())
    assert any("of 5 rows ran in CPython" in line for line in lines)
    assert not any("of 10 rows" in line for line in lines)


def test_a_stage_is_compiled_once_by_executors_that_need_it_at_once():
    """Long code, so that they do; each gives up another number of rows."""

    def long(text):
        found = 0
        for word in text.split():
            found += len(f"{word:>9}") + len(word.upper()) + len(word.lower()) + len(word.strip())
            found += len(f"{word:<9}") + len(word.title()) + len(word.lstrip()) + word.find("a")
        return found

    def large(n):
        return n + 2**62 + 2**62 if n > 99 else n

    texts = ["a" * (n % 99 if n % 1000 < n // 1000 else 1) for n in range(40000)]
    for _ in range(3):
        conf = SparkConf().setMaster("local[4]").setAppName("explain")
        with SparkContext(conf=conf) as sc:
            rows = sc.parallelize(texts, 8)
            rows.map(long).map(large).map(lambda n: str(n)).map(long).count()
            told = sc._engine.explain()
        assert told.count("over str:") == 1, told
        assert any(re.search(r"^  \d+ of 40000 rows ran in CPython", line) for line in told), told


# Compiles different functions; tells before and after each half of them how much memory for machine
# code there is that is of no file.
MANY_STAGES = """
from pyspark import SparkConf, SparkContext

def executable():
    found = 0
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            fields = line.split()
            if "x" in fields[1] and len(fields) == 5:
                start, end = (int(place, 16) for place in fields[0].split("-"))
                found += end - start
    return found

with SparkContext(conf=SparkConf().setMaster("local[1]")) as sc:
    print(executable())
    for number in range(600):
        assert sc.parallelize([1], 1).map(lambda x: x + number).collect() == [1 + number]
        if number in (299, 599):
            print(executable())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_machine_code_of_dropped_stages_is_given_back(submit, write_program):
    """As many stages again as are kept compiled (256) take no more.

    In a process of its own: others would keep or give back code meanwhile.
    """
    program = submit("--explain", write_program(MANY_STAGES))
    assert program.finish() == 0, program.report()
    before, kept, again = map(int, program.stdout.split())
    assert kept > before
    assert again - before < 1.2 * (kept - before)
    assert ": compiled\n" in program.stderr
