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
