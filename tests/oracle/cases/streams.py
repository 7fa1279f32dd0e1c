"""Cases: where streams come from and the operators that work on each batch by itself."""

from __future__ import annotations

from probe import failure, parts
from pyspark.streaming import StreamingContext

NUMBERS = [[1, 2, 3, 4], [5, 6], []]
PAIRS = [[("a", 1), ("b", 2), ("a", 3)], [("b", 4), (None, 5)], []]


def add(a, b):
    """The sum of two values."""
    return a + b


def stream_queue_of_lists(ssc, out):
    out(ssc.queueStream(NUMBERS))


def stream_queue_of_rdds(ssc, out):
    sc = ssc.sparkContext
    out(ssc.queueStream([sc.parallelize(range(n), n) for n in (3, 1, 2)]))


def stream_queue_all_at_once(ssc, out):
    sc = ssc.sparkContext
    out(ssc.queueStream([sc.parallelize(range(n), 2) for n in (3, 1, 2)], oneAtATime=False))


def stream_queue_all_at_once_lists(ssc, out):
    out(ssc.queueStream(NUMBERS, oneAtATime=False))


def stream_queue_default(ssc, out):
    out(ssc.queueStream([[1], [2]], default=ssc.sparkContext.parallelize([9, 9], 3)))


def stream_queue_default_list(ssc, out):
    out(ssc.queueStream([[1], [2]], default=[7]))


def stream_queue_all_at_once_default(ssc, out):
    out(ssc.queueStream([[1], [2]], oneAtATime=False, default=[7]))


def stream_queue_is_a_snapshot(ssc, out):
    batches = [[1]]
    stream = ssc.queueStream(batches)
    batches.append([2])
    out(stream)


def stream_queue_odd_values(ssc, out):
    out(ssc.queueStream([[None, b"\xff", "é😀", (1, None), {"k": [1]}], "abc", (4, 5)]))


def case_queue_errors(sc):
    ssc = StreamingContext(sc, 1)
    return [
        failure(lambda: ssc.queueStream([]))[0],
        failure(lambda: ssc.queueStream([1, 2]), "'int' object is not iterable"),
    ]


def stream_map(ssc, out):
    out(ssc.queueStream(NUMBERS).map(lambda n: n * 10))


def stream_flat_map(ssc, out):
    out(ssc.queueStream(NUMBERS).flatMap(lambda n: [n] * (n % 3)))


def stream_filter(ssc, out):
    out(ssc.queueStream(NUMBERS).filter(lambda n: n % 2))


def stream_map_partitions(ssc, out):
    out(ssc.queueStream(NUMBERS).mapPartitions(lambda records: [sum(records)]))


def stream_map_partitions_with_index(ssc, out):
    out(ssc.queueStream(NUMBERS).mapPartitionsWithIndex(lambda i, records: [(i, list(records))]))


def stream_map_values(ssc, out):
    out(ssc.queueStream(PAIRS).mapValues(lambda value: -value))


def stream_flat_map_values(ssc, out):
    out(ssc.queueStream(PAIRS).flatMapValues(range))


def stream_glom(ssc, out):
    out(ssc.queueStream(NUMBERS).glom())


def stream_chain(ssc, out):
    stream = ssc.queueStream([["a b a"], ["c"], []]).flatMap(str.split)
    out(
        stream.map(lambda word: (word, 1))
        .reduceByKey(add)
        .filter(lambda pair: pair[1] < 5)
        .map(str)
    )


def stream_count(ssc, out):
    out(ssc.queueStream(NUMBERS).count())


def stream_count_by_value(ssc, out):
    out(ssc.queueStream([["b", "a", "b"], [1, True, 1.0, None], []]).countByValue())


def stream_reduce(ssc, out):
    out(ssc.queueStream(NUMBERS).reduce(lambda a, b: f"({a}{b})"))


def stream_reduce_by_key(ssc, out):
    out(ssc.queueStream(PAIRS).reduceByKey(add))


def stream_reduce_by_key_partitions(ssc, out):
    out(ssc.queueStream(PAIRS).reduceByKey(add, 3), "three")
    out(ssc.queueStream(PAIRS).reduceByKey(add, numPartitions=1), "one")


def stream_reduce_by_key_of_many_partitions(ssc, out):
    rdds = [ssc.sparkContext.parallelize([(n % 5, n) for n in range(20)], 4)]
    out(ssc.queueStream(rdds).reduceByKey(add))


def stream_combine_by_key(ssc, out):
    made = ssc.queueStream(PAIRS).combineByKey(lambda v: [v], lambda c, v: [*c, v], add)
    out(made)


def stream_combine_by_key_partitions(ssc, out):
    out(
        ssc.queueStream(PAIRS).combineByKey(
            str, lambda c, v: f"{c},{v}", lambda a, b: f"{a}|{b}", 3
        )
    )


def stream_group_by_key(ssc, out):
    grouped = ssc.queueStream(PAIRS).groupByKey()
    out(grouped.mapValues(list))
    out(grouped.mapValues(lambda values: type(values).__name__), "types")


def stream_group_by_key_partitions(ssc, out):
    out(ssc.queueStream(PAIRS).groupByKey(4).mapValues(list))


def stream_partition_by(ssc, out):
    out(ssc.queueStream(PAIRS).partitionBy(3))


def stream_repartition(ssc, out):
    rdds = [ssc.sparkContext.parallelize(range(n), 2) for n in (25, 5, 0)]
    out(ssc.queueStream(rdds).repartition(3))


def stream_union(ssc, out):
    out(ssc.queueStream(NUMBERS).union(ssc.queueStream([["x"], ["y", "z"]])))


def stream_union_of_three(ssc, out):
    streams = [ssc.queueStream([[n, n]]) for n in range(3)]
    out(ssc.union(*streams))


def stream_union_with_itself(ssc, out):
    stream = ssc.queueStream(NUMBERS)
    out(stream.union(stream))


def case_union_errors(sc):
    ssc = StreamingContext(sc, 1)
    one = ssc.queueStream([[1]])
    return failure(lambda: ssc.union(), "should have at least one DStream to union"), ssc.union(
        one
    ) is one


def stream_transform(ssc, out):
    out(ssc.queueStream(NUMBERS).transform(lambda rdd: rdd.map(str).union(rdd)))


def stream_transform_with_time(ssc, out):
    def stamp(time, rdd):
        kind = type(time).__name__
        return rdd.map(lambda n: (n, kind))

    out(ssc.queueStream(NUMBERS).transform(stamp))


def stream_transform_to_none(ssc, out):
    """A batch without an RDD runs no outputs."""
    stream = ssc.queueStream([[1], [2], [3], [4]])
    out(stream.transform(lambda rdd: rdd if rdd.first() % 2 else None))
    out.batches = 4


def stream_transform_with_shared_rdd(ssc, out):
    fixed = ssc.sparkContext.parallelize([("a", "known"), ("z", "unused")], 2)
    out(ssc.queueStream(PAIRS).transform(lambda rdd: rdd.cogroup(fixed, 2).mapValues(len)))


def stream_transform_counting(ssc, out):
    """An action inside transform."""
    sc = ssc.sparkContext
    out(ssc.queueStream(NUMBERS).transform(lambda rdd: sc.parallelize([rdd.count()], 1)))


def stream_transform_with(ssc, out):
    left, right = ssc.queueStream(PAIRS), ssc.queueStream([[("a", "x")], [], [("c", "y")]])

    def both(a, b):
        return a.cogroup(b, 2).mapValues(lambda sides: [list(side) for side in sides])

    out(left.transformWith(both, right))


def stream_transform_with_and_time(ssc, out):
    left, right = ssc.queueStream(NUMBERS), ssc.queueStream([["x"]])

    def both(time, a, b):
        kind = type(time).__name__
        return a.union(b).map(lambda value: (kind, value))

    out(left.transformWith(both, right))


def stream_transform_with_missing_side(ssc, out):
    left = ssc.queueStream(NUMBERS)
    right = ssc.queueStream([[8], [9]]).transform(lambda rdd: None)
    out(left.transformWith(lambda a, b: a.union(b), right))


def stream_context_transform(ssc, out):
    streams = [ssc.queueStream([[n], [n * 10]]) for n in (1, 2, 3)]
    out(ssc.transform(streams, lambda rdds: rdds[2].union(rdds[0]).union(rdds[1])))


def stream_context_transform_union(ssc, out):
    streams = [ssc.queueStream([[n]]) for n in (1, 2)]
    out(ssc.transform(streams, lambda rdds: rdds[0].context.union(list(rdds))))


def case_arity_errors(sc):
    ssc = StreamingContext(sc, 1)
    one = ssc.queueStream([[1]])
    return [
        failure(lambda: one.transform(lambda: None), "func should take one or two arguments"),
        failure(
            lambda: one.transform(lambda a, b, c: None), "func should take one or two arguments"
        ),
        failure(
            lambda: one.transformWith(lambda a: None, one),
            "func should take two or three arguments",
        ),
        failure(lambda: one.foreachRDD(print))[0],
    ]


def stream_foreach_rdd(ssc, out):
    def look(rdd):
        out.note((type(rdd).__name__ != "", rdd.count(), rdd.getNumPartitions()))

    ssc.queueStream(NUMBERS).foreachRDD(look)


def stream_foreach_rdd_with_time(ssc, out):
    def look(time, rdd):
        out.note((type(time).__name__, time.tzinfo, time.microsecond % 200_000, rdd.collect()))

    ssc.queueStream(NUMBERS).foreachRDD(look)


def stream_foreach_rdd_returning_values(ssc, out):
    def look(rdd):
        out.note(rdd.count())
        return None

    ssc.queueStream(NUMBERS).foreachRDD(look)


def stream_outputs_run_in_order(ssc, out):
    stream = ssc.queueStream([[1], [2]])
    stream.foreachRDD(lambda rdd: out.note(("a", rdd.collect())))
    stream.map(lambda n: -n).foreachRDD(lambda rdd: out.note(("b", rdd.collect())))
    stream.foreachRDD(lambda rdd: out.note(("c", rdd.count())))


def stream_outputs_share_the_rdd(ssc, out):
    stream = ssc.queueStream(NUMBERS)
    ids = []
    stream.foreachRDD(lambda rdd: ids.append(rdd.id()))
    stream.foreachRDD(lambda rdd: out.note(ids[-1] == rdd.id()))


def stream_times_are_one_interval_apart(ssc, out):
    times = []

    def look(time, rdd):
        times.append(time)
        if len(times) > 1:
            out.note((times[-1] - times[-2]).total_seconds())

    ssc.queueStream(NUMBERS).foreachRDD(look)


def stream_cached(ssc, out):
    seen = ssc.sparkContext.accumulator(0)

    def look(n):
        seen.add(1)
        return n

    stream = ssc.queueStream([[1, 2], [3]]).map(look).cache()
    out(stream, "a")
    out(stream, "b")
    return lambda _: seen.value


def stream_not_cached(ssc, out):
    seen = ssc.sparkContext.accumulator(0)

    def look(n):
        seen.add(1)
        return n

    stream = ssc.queueStream([[1, 2], [3]]).map(look)
    out(stream, "a")
    out(stream, "b")
    return lambda _: seen.value


def stream_two_streams_two_outputs(ssc, out):
    left, right = ssc.queueStream(NUMBERS), ssc.queueStream(PAIRS)
    out(left.count(), "left")
    out(right.groupByKey().mapValues(len), "right")


def stream_of_rdds_shared_with_the_driver(ssc, out):
    rdd = ssc.sparkContext.parallelize(range(4), 2)
    out(ssc.queueStream([rdd, rdd]).map(lambda n: n + 1))
    return lambda _: parts(rdd)
