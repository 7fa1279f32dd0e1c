"""With strict it is an error if a function of the user's goes to CPython as a whole.

What Tidemill does itself may, and single rows may; so may functions that are there for effects.
"""

from __future__ import annotations

import re

import pytest

from tidemill import SparkConf, SparkContext
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches


@pytest.fixture
def sc():
    conf = SparkConf().setMaster("local[1]").setAppName("strict")
    with SparkContext(conf=conf.set("tidemill.python.compile", "strict")) as context:
        yield context


def place(function, lines=0):
    """Return a place in this file: so many lines below the ``def`` of a function."""
    return f"{__file__}:{function.__code__.co_firstlineno + lines}"


def refused(run):
    """Return what the error of strict says of a program."""
    with pytest.raises(Exception, match=r"tidemill\.python\.compile=strict") as error:
        run()
    return str(error.value)


def parse(line):
    if not line:
        return line[:1]
    return float(line)


def give_up(n):
    return n + 2**62 + 2**62


def identity(value):
    return value


# Too many rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_function_most_of_whose_rows_run_in_cpython_is_refused(sc, partitions):
    texts = sc.parallelize([str(n) for n in range(5000)], partitions)
    said = refused(lambda: texts.map(parse).collect())
    assert f"map(parse {place(parse)})" in said
    assert re.search(r"(\d+) of \1 rows ran in CPython", said)
    assert f"results of more than one type (str and float), {place(parse, 3)}" in said


def test_a_reduction_of_which_cpython_has_most_is_refused(sc):
    def merge(a, b):
        return max(a, b) + 2**62 + 2**62

    numbers = sc.range(0, 4000, 1, 2).map(lambda n: (0, n))
    said = refused(lambda: numbers.reduceByKey(merge).collect())
    assert f"an int of more than 64 bits, {place(merge, 1)}" in said


def test_few_rows_may_run_in_cpython(sc):
    few = sc.parallelize(range(4000), 2).map(lambda n: n * 2**62 if n % 4 == 3 else n)
    assert few.collect()[3] == 3 * 2**62


# Operators that are not compiled ------------------------------------------------------------------


def test_a_function_of_partitions_with_their_index_is_refused(sc):
    def numbered(index, records):
        return [index, *records]

    said = refused(lambda: sc.range(3).mapPartitionsWithIndex(numbered).collect())
    assert f"numbered {place(numbered)}) runs in CPython" in said
    assert "it takes whole partitions" in said


def test_what_follows_an_operator_of_cpythons_is_refused(sc):
    said = refused(lambda: sc.range(3).glom().map(len).collect())
    assert "map(len) runs in CPython: it follows what runs in CPython (glom: it takes" in said
    pairs = sc.parallelize([("a", 1)]).groupByKey()
    said = refused(pairs.mapValues(lambda v: str(v)).collect)
    assert "mapValues(" in said and f"<lambda> {__file__}:" in said
    assert "(groupByKey: it gives ResultIterables)" in said
    left = sc.range(3, numSlices=1)
    said = refused(lambda: left.zip(left).map(identity).collect())
    assert f"map(identity {place(identity)}) runs in CPython" in said and "(zip: " in said


def test_a_function_that_chooses_partitions_is_refused(sc):
    def second(key):
        return 1

    pairs = sc.parallelize([("a", 1)])
    said = refused(lambda: pairs.partitionBy(2, second).collect())
    assert f"partitionBy({second.__qualname__} {place(second)}) runs in CPython" in said
    assert pairs.partitionBy(2).collect() == [("a", 1)]


def test_a_function_that_does_not_compile_for_the_type_is_refused(sc):
    said = refused(lambda: sc.parallelize([(1, "a")]).map(lambda p: p[0] + p[1]).collect())
    assert "the operator + is not compiled for int and str" in said and __file__ in said


def test_records_without_a_type_are_refused(sc):
    mixed = sc.parallelize([1, "a", None, 2.5])
    said = refused(lambda: mixed.map(identity).collect())
    assert f"map(identity {place(identity)}) runs in CPython: records that are not all" in said
    said = refused(lambda: mixed.groupBy(identity).collect())
    assert "records that are not all" in said


def test_a_captured_function_of_the_users_counts(sc):
    """What Tidemill wraps around it does not hide it."""
    mixed = sc.parallelize([1, "a", None])
    assert "keyBy runs in CPython: records" in refused(lambda: mixed.keyBy(identity).collect())
    pairs = sc.parallelize([(1, "a"), ("b", 2)])
    summed = pairs.aggregateByKey(0, lambda a, b: a, lambda a, b: a)
    assert "records that are not all" in refused(summed.collect)


def test_what_tidemill_does_itself_may_run_in_cpython(sc):
    mixed = sc.parallelize([1, "a", None, 2.5], 2)
    assert mixed.count() == 4
    assert mixed.distinct().count() == 4
    assert mixed.glom().collect() == [[1, "a"], [None, 2.5]]
    assert mixed.zipWithIndex().collect()[2] == (None, 2)
    assert mixed.zip(mixed).collect()[1] == ("a", "a")
    assert sc.parallelize(["b", "a"]).pipe("sort").collect() == ["a", "b"]
    assert sc.parallelize([("b", 1), ("a", 2)]).sortByKey().keys().collect() == ["a", "b"]
    assert dict(sc.parallelize([("a", 1)]).groupByKey().collect())["a"].data == [1]


def test_functions_for_their_effects_may_run_in_cpython(sc):
    seen = sc.accumulator(0)
    rdd = sc.range(0, 10, 1, 2).map(lambda n: n + 1)
    rdd.foreach(lambda n: seen.add(n))
    rdd.foreachPartition(lambda records: seen.add(sum(records)))
    assert seen.value == 110
    assert rdd.mapArrow(lambda batch: batch).map(lambda n: n + 1).sum() == 65


# Streams -----------------------------------------------------------------------------------------


def streamed(sc, folder, batches, transform):
    ssc = StreamingContext(sc, 0.02)
    ssc.checkpoint(str(folder))
    return lambda: collect_batches(transform(ssc.queueStream(batches)), len(batches))


def test_an_update_function_most_of_whose_calls_run_in_cpython_is_refused(sc, tmp_path):
    def total(values, state):
        return (state or 0) + sum(values) + 2**62 + 2**62

    keys = [(n, 1) for n in range(3000)]
    run = streamed(sc, tmp_path, [keys], lambda s: s.updateStateByKey(total))
    said = refused(run)
    assert re.search(r"(\d+) of \1 calls ran in CPython", said) and place(total, 1) in said


def test_a_state_that_is_cpythons_is_refused(sc, tmp_path):
    def mixes(values, state):
        return 0.5 if 7 in values else sum(values)

    batches = [[("a", 1), ("b", 2)], [("a", 7), ("b", 1)], [("b", 1)]]
    run = streamed(sc, tmp_path, batches, lambda s: s.updateStateByKey(mixes))
    assert "updateStateByKey(" in refused(run)


def test_a_window_most_of_whose_slides_run_in_cpython_is_refused(sc, tmp_path):
    def merge(a, b):
        return max(a, b) + 2**62 + 2**62 - 2**63

    def inverse(a, b):
        return a

    batches = [[("a", 1)]] * 40
    run = streamed(
        sc,
        tmp_path,
        batches,
        lambda s: s.reduceByKeyAndWindow(merge, inverse, 0.2, 0.02, 1),
    )
    said = refused(run)
    assert "slides of partitions ran in CPython" in said and place(merge, 1) in said
