"""Cases: operators that move records between partitions, and which partition a key goes to."""

from __future__ import annotations

import datetime
import decimal
import fractions

from probe import failure, pairs_of, parts
from pyspark.rdd import portable_hash

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "and",
    "the",
    "quick",
    "cat",
]


def where(sc, keys):
    """Return the hash of each key and which of 13 partitions it goes to, worked out in tasks."""
    hashes = sc.parallelize(keys, 2).map(portable_hash).collect()
    spread = sc.parallelize([(key, at) for at, key in enumerate(keys)], 2).partitionBy(13)
    index = spread.mapPartitionsWithIndex(lambda i, records: [(at, i) for _, at in records])
    return hashes, sorted(index.collect())


def case_hash_int(sc):
    big = [2**n + d for n in (31, 32, 61, 62, 63, 64, 100) for d in (-2, -1, 0, 1)]
    return where(sc, [*range(-5, 6), *big, *[-n for n in big]])


def case_hash_float(sc):
    return where(
        sc, [0.5, -0.5, 1e300, -1e-300, 3.14, float("inf"), float("-inf"), 2.0**70, 1e16, 0.1]
    )


def case_hash_equal_numbers(sc):
    keys = [1, 1.0, True, 0, 0.0, -0.0, False, -1, -1.0, -2, -2.0, 2**61 - 1, 1 + 0j]
    return where(sc, keys)


def case_hash_str(sc):
    ascii_ = ["", "a", "ab", "abc", "abcdefg", "abcdefgh", "abcdefghi", "x" * 100, "\x00", "\x7f"]
    latin = ["é", "ÿ", "caf\xe9", "a\xa0b"]
    wide = ["日本語", "Ω", "\u2028", "\uffff", "aé日", "日" * 50]
    astral = ["😀", "a😀", "é😀", "\U0010ffff", "😀" * 33]
    return where(sc, ascii_ + latin + wide + astral)


def case_hash_lone_surrogate(sc):
    return where(sc, ["\ud800", "a\udfffb"])


def case_hash_bytes(sc):
    return where(sc, [b"", b"a", b"abc", b"\x00\xff", b"x" * 100, bytes(range(256))])


def case_hash_none_and_tuples(sc):
    keys = [
        None,
        (),
        (1,),
        (None,),
        (1, 2),
        (2, 1),
        ("a", 1),
        ((), ()),
        (1, (2, (3, None))),
        (-1,),
        (1.5, "é"),
    ]
    return where(sc, keys)


def case_hash_long_tuples(sc):
    return where(sc, [tuple(range(n)) for n in range(12)] + [("k",) * n for n in range(6)])


def case_hash_other_types(sc):
    keys = [
        frozenset([1, 2, 3]),
        frozenset(["a", "b"]),
        decimal.Decimal("1.50"),
        decimal.Decimal(7),
        fractions.Fraction(1, 3),
        complex(1, 2),
        range(3),
        datetime.date(2026, 11, 22),
        datetime.datetime(2026, 11, 22, 10, 26),
        datetime.timedelta(seconds=5),
    ]
    return where(sc, keys)


def case_hash_unhashable(sc):
    one = sc.parallelize([([1], 1)], 1)
    return failure(lambda: one.partitionBy(3).collect(), "TypeError: unhashable type: 'list'")


def case_hash_unhashable_in_tuple(sc):
    one = sc.parallelize([((1, {}), 1)], 1)
    return failure(lambda: one.partitionBy(3).collect(), "TypeError: unhashable type: 'dict'")


def case_reduce_by_key_unhashable(sc):
    one = sc.parallelize([([1], 1)], 1)
    call = one.reduceByKey(lambda a, b: a + b).collect
    return failure(call, "TypeError: unhashable type: 'list'")


def case_partition_by(sc):
    rdd = sc.parallelize([(n, n * n) for n in range(10)], 3)
    return [parts(rdd.partitionBy(n)) for n in (1, 2, 3, 7)]


def case_partition_by_function(sc):
    rdd = sc.parallelize([(n, str(n)) for n in range(10)], 3)
    return parts(rdd.partitionBy(3, lambda key: key // 4)), parts(
        rdd.partitionBy(3, lambda key: -key)
    )


def case_partition_by_default_count(sc):
    return sc.parallelize([(1, 1)], 5).partitionBy(None).getNumPartitions()


def case_partition_by_twice(sc):
    once = sc.parallelize([(n, n) for n in range(6)], 3).partitionBy(2)
    return once.partitionBy(2) is once, once.partitionBy(3) is once, parts(once.partitionBy(3))


def case_partition_by_keeps_duplicates_in_order(sc):
    rdd = sc.parallelize([("k", n) for n in range(25)] + [("l", n) for n in range(25)], 4)
    return parts(rdd.partitionBy(2))


def case_partition_by_wrong_records(sc):
    return failure(lambda: sc.parallelize([1, 2], 1).partitionBy(2).collect(), "TypeError")


def case_reduce_by_key(sc):
    return parts(sc.parallelize([(n % 5, n) for n in range(23)], 3).reduceByKey(lambda a, b: a + b))


def case_reduce_by_key_words(sc):
    counts = sc.parallelize([(word, 1) for word in WORDS], 3).reduceByKey(lambda a, b: a + b)
    return parts(counts), counts.getNumPartitions()


def case_reduce_by_key_merge_order(sc):
    rdd = sc.parallelize([(n % 2, str(n)) for n in range(12)], 4)
    return parts(rdd.reduceByKey(lambda a, b: f"({a}{b})"))


def case_reduce_by_key_counts(sc):
    rdd = sc.parallelize([(n % 7, 1) for n in range(30)], 4)
    return [parts(rdd.reduceByKey(lambda a, b: a + b, n)) for n in (1, 2, 5, 9)]


def case_reduce_by_key_partition_function(sc):
    rdd = sc.parallelize([(word, 1) for word in WORDS], 2)
    return parts(rdd.reduceByKey(lambda a, b: a + b, 3, len))


def case_reduce_by_key_empty(sc):
    add = lambda a, b: a + b  # noqa: E731
    return parts(sc.parallelize([], 3).reduceByKey(add)), parts(sc.emptyRDD().reduceByKey(add, 2))


def case_reduce_by_key_of_no_partitions(sc):
    return failure(lambda: parts(sc.emptyRDD().reduceByKey(lambda a, b: a + b)))


def case_reduce_by_key_equal_keys_keep_the_first(sc):
    keys = [1, 1.0, True, 0, False, 0.0, -0.0, "1", b"1", None, (1,), (1.0,), (True,)]
    return parts(sc.parallelize([(key, 1) for key in keys], 1).reduceByKey(lambda a, b: a + b, 3))


def case_reduce_by_key_equal_keys_across_partitions(sc):
    keys = [1.0, True, 1, 0.0, False, 0]
    return parts(sc.parallelize([(key, 1) for key in keys], 6).reduceByKey(lambda a, b: a + b, 2))


def case_reduce_by_key_none_keys(sc):
    rdd = sc.parallelize([(None, 1), ("a", 2), (None, 3), ((None, 1), 4), ((None, 1), 5)], 2)
    return parts(rdd.reduceByKey(lambda a, b: a + b))


def case_reduce_by_key_nan_keys(sc):
    nan = float("nan")
    return sc.parallelize([(nan, 1), (nan, 2)], 1).reduceByKey(lambda a, b: a + b, 1).count()


def case_reduce_by_key_does_not_call_for_single_values(sc):
    def fail(a, b):
        raise ValueError("one value a key: nothing to merge")

    return parts(sc.parallelize([(n, n) for n in range(5)], 2).reduceByKey(fail))


def case_reduce_by_key_many(sc):
    rdd = sc.parallelize([(f"key{n % 1000}", n) for n in range(5000)], 3)
    return parts(rdd.reduceByKey(lambda a, b: a + b))


def case_reduce_by_key_then_map_values(sc):
    summed = sc.parallelize([(n % 4, n) for n in range(12)], 3).reduceByKey(lambda a, b: a + b)
    again = summed.mapValues(lambda value: value + 1).reduceByKey(lambda a, b: a + b)
    moved = summed.map(lambda pair: (pair[0] + 1, pair[1])).reduceByKey(lambda a, b: a + b)
    return parts(again), parts(moved)


def case_preserves_partitioning(sc):
    spread = sc.parallelize([(n, n) for n in range(8)], 4).partitionBy(2)
    kept = spread.map(lambda pair: (pair[0], -pair[1]), preservesPartitioning=True)
    dropped = spread.map(lambda pair: (pair[0], -pair[1]))
    return [
        rdd.partitioner is not None
        for rdd in (spread, kept, dropped, spread.filter(bool), spread.mapValues(str))
    ]


def case_combine_by_key(sc):
    rdd = sc.parallelize([(n % 3, n) for n in range(14)], 3)
    made = rdd.combineByKey(lambda v: f"c{v}", lambda c, v: f"{c}+{v}", lambda a, b: f"({a}|{b})")
    return parts(made), made.getNumPartitions()


def case_combine_by_key_lists(sc):
    def add(values, value):
        values.append(value)
        return values

    def extend(left, right):
        left.extend(right)
        return left

    rdd = sc.parallelize([(word[0], word) for word in WORDS], 4)
    return parts(rdd.combineByKey(lambda word: [word], add, extend, 2))


def case_combine_by_key_partition_function(sc):
    rdd = sc.parallelize([(n, n) for n in range(9)], 2)
    add = lambda a, b: a + b  # noqa: E731
    return parts(rdd.combineByKey(lambda v: v, add, add, 3, lambda key: key // 3))


def case_group_by_key(sc):
    grouped = sc.parallelize([(word[0], word) for word in WORDS], 3).groupByKey()
    return pairs_of(grouped), grouped.getNumPartitions()


def case_group_by_key_iterable(sc):
    ((_, values),) = sc.parallelize([("k", 1), ("k", 2)], 2).groupByKey(1).collect()
    return type(values).__name__, len(values), list(values), list(values), values.data


def case_group_by_key_counts(sc):
    rdd = sc.parallelize([(n % 5, n) for n in range(20)], 4)
    return pairs_of(rdd.groupByKey(2)), pairs_of(rdd.groupByKey(3, lambda key: key * 2))


def case_group_by_key_odd_keys(sc):
    keys = [None, (), (1, None), 1, True, 1.0, "é", "日", "😀", b"\xff", -1, -2]
    return pairs_of(sc.parallelize([(key, n) for n, key in enumerate(keys * 2)], 3).groupByKey(4))


def case_group_by_key_empty(sc):
    return pairs_of(sc.parallelize([], 2).groupByKey())


def case_group_by_key_values_in_order(sc):
    return pairs_of(sc.parallelize([(n % 2, n) for n in range(50)], 5).groupByKey(2))


def case_cogroup(sc):
    left = sc.parallelize([("a", 1), ("b", 2), ("a", 3)], 2)
    right = sc.parallelize([("a", "x"), ("c", "y"), ("c", "z")], 3)
    both = left.cogroup(right)
    return both.getNumPartitions(), parts(
        both.mapValues(lambda sides: [list(side) for side in sides])
    )


def case_cogroup_types(sc):
    left, right = sc.parallelize([("a", 1)], 1), sc.parallelize([("a", 2)], 1)
    ((_, sides),) = left.cogroup(right).collect()
    return (
        type(sides).__name__,
        [type(side).__name__ for side in sides],
        [len(side) for side in sides],
    )


def case_cogroup_counts(sc):
    left = sc.parallelize([(n % 4, n) for n in range(9)], 3)
    right = sc.parallelize([(n % 6, -n) for n in range(9)], 2)
    plain = lambda sides: tuple(list(side) for side in sides)  # noqa: E731
    return [parts(left.cogroup(right, n).mapValues(plain)) for n in (None, 1, 4)]


def case_cogroup_empty_side(sc):
    left = sc.parallelize([("a", 1), (None, 2)], 2)
    plain = lambda sides: tuple(list(side) for side in sides)  # noqa: E731
    return [
        parts(left.cogroup(sc.parallelize([], 2), 2).mapValues(plain)),
        parts(sc.emptyRDD().cogroup(left, 2).mapValues(plain)),
    ]


def case_cogroup_same_partitioner(sc):
    left = sc.parallelize([(n, n) for n in range(6)], 3).partitionBy(2)
    right = sc.parallelize([(n, -n) for n in range(3, 9)], 3).partitionBy(2)
    both = left.cogroup(right)
    plain = lambda sides: tuple(list(side) for side in sides)  # noqa: E731
    return both.getNumPartitions(), parts(both.mapValues(plain))


def case_union_same_partitioner(sc):
    left = sc.parallelize([(n, n) for n in range(6)], 3).partitionBy(2)
    right = sc.parallelize([(n, -n) for n in range(3, 9)], 3).partitionBy(2)
    both = left.union(right)
    return both.getNumPartitions(), parts(both), both.partitioner is not None


def case_union_different_partitioner(sc):
    left = sc.parallelize([(n, n) for n in range(6)], 3).partitionBy(2)
    right = sc.parallelize([(n, -n) for n in range(6)], 3).partitionBy(3)
    return parts(left.union(right))


def case_repartition_batches(sc):
    sizes = [
        (25, 2, 3),
        (25, 3, 4),
        (25, 2, 2),
        (45, 1, 4),
        (100, 4, 2),
        (9, 3, 2),
        (10, 1, 3),
        (11, 1, 3),
        (0, 2, 3),
    ]
    return [(n, a, b, parts(sc.parallelize(range(n), a).repartition(b))) for n, a, b in sizes]


def case_repartition_starts(sc):
    """Which partition each of many input partitions starts with."""
    return [parts(sc.parallelize(range(40), 40).repartition(n)) for n in (2, 3, 4, 5, 7, 8, 16)]


def case_repartition_after_operators(sc):
    rdd = sc.parallelize([(n % 30, n) for n in range(60)], 3)
    return [
        parts(rdd.map(lambda pair: pair[1]).repartition(2)),
        parts(rdd.filter(lambda pair: pair[1] % 2).repartition(2)),
        parts(rdd.flatMap(lambda pair: pair).repartition(4)),
        parts(rdd.reduceByKey(lambda a, b: a + b).repartition(2)),
        parts(rdd.union(rdd).repartition(3)),
    ]


def case_repartition_text_records(sc):
    from probe import write_files

    folder = write_files({"a.txt": b"".join(b"line %d\n" % n for n in range(33))})
    return parts(sc.textFile(folder, 1).repartition(3))


def case_repartition_of_repartition(sc):
    return parts(sc.parallelize(range(50), 2).repartition(5).repartition(2))


def case_count_by_value(sc):
    return sc.parallelize(WORDS, 3).countByValue()


def case_count_by_value_odd(sc):
    return sc.parallelize([1, True, 1.0, None, None, (1,), (1.0,), "1", b"1"], 3).countByValue()


def case_count_by_value_empty(sc):
    return sc.parallelize([], 2).countByValue()
