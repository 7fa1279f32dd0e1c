"""Cases: the RDD operators beyond those that streams need: joins, sorting, sets, statistics."""

from __future__ import annotations

from operator import add

from probe import failure, parts

LEFT = [("a", 1), ("b", 2), ("a", 3), (None, 4)]
RIGHT = [("a", "x"), ("c", "y"), ("a", "z"), (None, "n")]


def sides(sc):
    """Return two RDDs to join."""
    return sc.parallelize(LEFT, 2), sc.parallelize(RIGHT, 3)


def case_join(sc):
    left, right = sides(sc)
    return parts(left.join(right)), parts(left.join(right, 2))


def case_outer_joins(sc):
    left, right = sides(sc)
    return [
        parts(left.leftOuterJoin(right, 2)),
        parts(left.rightOuterJoin(right, 2)),
        parts(left.fullOuterJoin(right, 2)),
    ]


def case_group_with(sc):
    left, right = sides(sc)
    third = sc.parallelize([("a", 0.5)], 1)
    plain = lambda values: tuple(list(value) for value in values)  # noqa: E731
    return parts(left.groupWith(right, third).mapValues(plain))


def case_distinct(sc):
    rdd = sc.parallelize([3, 1, 2, 3, 1, True, 1.0, None, None], 3)
    return parts(rdd.distinct()), parts(rdd.distinct(2))


def case_set_operators(sc):
    left, right = sc.parallelize([1, 1, 2, 3, 4], 2), sc.parallelize([1, 3, 3, 5], 2)
    return [
        parts(left.intersection(right)),
        parts(left.subtract(right)),
        parts(left.subtract(right, 1)),
        parts(sc.parallelize(LEFT, 2).subtractByKey(sc.parallelize(RIGHT, 2))),
    ]


def case_cartesian(sc):
    left, right = sc.parallelize([1, 2, 3], 2), sc.parallelize("ab", 2)
    return parts(left.cartesian(right))


def case_zip(sc):
    left, right = sc.parallelize(range(5), 2), sc.parallelize("abcde", 2)
    return parts(left.zip(right)), parts(left.map(str).zip(left))


def case_zip_errors(sc):
    left = sc.parallelize(range(4), 2)
    text = "Can only zip with RDD which has the same number of partitions"
    return failure(lambda: left.zip(sc.parallelize(range(4), 3)).collect(), text)


def case_zip_with_ids(sc):
    rdd = sc.parallelize("abcde", 3)
    return parts(rdd.zipWithIndex()), parts(rdd.zipWithUniqueId())


def case_sort_by_key(sc):
    pairs = [("b", 1), ("a", 2), ("c", 3), ("B", 4), ("a", 5), ("", 6)]
    rdd = sc.parallelize(pairs, 3)
    return [
        parts(rdd.sortByKey()),
        parts(rdd.sortByKey(False)),
        parts(rdd.sortByKey(True, 1)),
        parts(rdd.sortByKey(True, 2, str.lower)),
    ]


def case_sort_by(sc):
    rdd = sc.parallelize([5, 3, 8, 1, 9, 2, 7], 3)
    return [
        parts(rdd.sortBy(lambda n: n)),
        parts(rdd.sortBy(lambda n: -n, numPartitions=2)),
        parts(rdd.sortBy(lambda n: n % 3, ascending=False)),
        parts(sc.parallelize([], 2).sortBy(lambda n: n)),
    ]


def case_group_by(sc):
    return parts(sc.parallelize(range(10), 3).groupBy(lambda n: n % 3).mapValues(list))


def case_aggregates_by_key(sc):
    rdd = sc.parallelize([(n % 3, n) for n in range(10)], 3)
    return [
        parts(rdd.foldByKey(0, add)),
        parts(rdd.foldByKey("", lambda a, b: f"{a}{b}", 2)),
        parts(rdd.aggregateByKey([], lambda values, n: [*values, n], add, 2)),
        list(rdd.reduceByKeyLocally(add).items()),
        list(rdd.countByKey().items()),
        rdd.collectAsMap(),
    ]


def case_aggregates(sc):
    rdd = sc.parallelize(range(1, 8), 3)
    seq = lambda total, n: (total[0] + n, total[1] + 1)  # noqa: E731
    comb = lambda a, b: (a[0] + b[0], a[1] + b[1])  # noqa: E731
    return [
        rdd.fold(10, add),
        sc.parallelize([], 2).fold(10, add),
        rdd.aggregate((0, 0), seq, comb),
        rdd.treeReduce(lambda a, b: f"({a}{b})"),
        rdd.treeAggregate(0, add, add),
        rdd.sum(),
        rdd.max(),
        rdd.min(),
        rdd.max(key=lambda n: -n),
        rdd.mean(),
    ]


def case_stats(sc):
    rdd = sc.parallelize([1.5, 2, 3, 10], 2)
    return [
        repr(rdd.stats()),
        rdd.variance(),
        rdd.stdev(),
        rdd.sampleVariance(),
        rdd.sampleStdev(),
        rdd.histogram(3),
        rdd.histogram([0, 2, 5, 10]),
        sc.parallelize([], 2).sum(),
    ]


def case_empty_aggregates(sc):
    empty = sc.parallelize([], 2)
    return [
        failure(empty.max),
        failure(empty.min),
        failure(empty.mean),
        failure(empty.collectAsMap),
    ]


def case_top_and_ordered(sc):
    rdd = sc.parallelize([5, 3, 8, 1, 9, 2, 7], 3)
    return [rdd.top(3), rdd.top(2, key=str), rdd.takeOrdered(3), rdd.takeOrdered(2, lambda n: -n)]


def case_keys_values_lookup(sc):
    rdd = sc.parallelize(LEFT, 2)
    spread = rdd.partitionBy(3)
    return rdd.keys().collect(), rdd.values().collect(), rdd.lookup("a"), spread.lookup("a")


def case_key_by(sc):
    return parts(sc.parallelize(["one", "three"], 2).keyBy(len))


def case_local_iterator(sc):
    return list(sc.parallelize(range(7), 3).toLocalIterator())


def case_samples(sc):
    rdd = sc.parallelize(range(20), 2)
    return [
        parts(rdd.sample(False, 0.3, 7)),
        parts(rdd.sample(True, 0.5, 3)),
        rdd.takeSample(False, 4, 7),
        rdd.takeSample(True, 30, 7),
        [parts(split) for split in rdd.randomSplit([1, 1], 3)],
    ]


def case_sample_by_key(sc):
    rdd = sc.parallelize([(n % 2, n) for n in range(40)], 2)
    return parts(rdd.sampleByKey(False, {0: 0.2, 1: 0.5}, 5))


def case_pipe(sc):
    return parts(sc.parallelize(["b", "a", "c"], 2).pipe("cat"))


def case_repartition_and_sort(sc):
    rdd = sc.parallelize([(n * 7 % 10, n) for n in range(10)], 3)
    return parts(rdd.repartitionAndSortWithinPartitions(2)), parts(
        rdd.repartitionAndSortWithinPartitions(2, lambda key: key // 5, False)
    )


def case_range(sc):
    return [
        parts(sc.range(5)),
        parts(sc.range(2, 9, 3, 2)),
        parts(sc.range(5, 0, -2, 3)),
    ]
