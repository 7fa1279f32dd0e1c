"""What `explain` says of stages, and what it keeps to say it."""

from __future__ import annotations

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
        lines = told(lambda sc: sc.parallelize(["ab cd"]).flatMap(function).reduceByKey(add).collect())
        return next(line for line in lines if "reduceByKey(" in line)

    assert reason(listed).endswith("CPython: an operator by key is not compiled for str")
    assert reason(pieces) == reason(listed)
