"""What `explain` says of stages, and what it keeps to say it."""

from __future__ import annotations

import sys
from operator import add

import pytest

from tidemill import SparkConf, SparkContext
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
