"""What `explain` says of stages, and what it keeps to say it."""

from __future__ import annotations

import sys
from operator import add

import pytest

from tidemill import SparkConf, SparkContext


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


def executable():
    """Return the bytes of memory for machine code that is of no file."""
    found = 0
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            fields = line.split()
            if "x" in fields[1] and len(fields) == 5:
                start, end = (int(place, 16) for place in fields[0].split("-"))
                found += end - start
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_machine_code_of_dropped_stages_is_given_back(told):
    """As many stages again as are kept compiled (256) take no more."""

    def more(sc, first, last):
        for number in range(first, last):
            assert sc.parallelize([1], 1).map(lambda x: x + number).collect() == [1 + number]  # noqa: B023
        return executable()

    def program(sc):
        before = executable()
        kept = more(sc, 0, 300)
        assert kept > before
        assert more(sc, 300, 600) - before < 1.2 * (kept - before)

    lines = told(program)
    assert sum(line.endswith(": compiled") for line in lines) >= 1
