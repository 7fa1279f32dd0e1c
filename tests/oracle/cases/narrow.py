"""Cases: making RDDs and the operators that work partition by partition."""

from __future__ import annotations

from probe import failure, parts


def case_parallelize_slices(sc):
    sizes = [(0, 3), (1, 4), (2, 2), (3, 2), (5, 3), (10, 4), (7, 7), (7, 9)]
    return [parts(sc.parallelize(range(n), slices)) for n, slices in sizes]


def case_parallelize_list_slices(sc):
    sizes = [(0, 3), (1, 4), (3, 2), (10, 4), (7, 9), (25, 3)]
    return [parts(sc.parallelize(list(range(n)), slices)) for n, slices in sizes]


def case_parallelize_step_range(sc):
    return [
        parts(sc.parallelize(range(0, 20, 3), 3)),
        parts(sc.parallelize(range(10, 0, -2), 2)),
        parts(sc.parallelize(range(-5, 5), 3)),
    ]


def case_parallelize_default_slices(sc):
    return (
        sc.parallelize(range(9)).getNumPartitions(),
        sc.defaultParallelism,
        sc.defaultMinPartitions,
    )


def case_parallelize_iterables(sc):
    generator = (n * n for n in range(5))
    return [
        parts(sc.parallelize(generator, 2)),
        parts(sc.parallelize((1, 2, 3), 2)),
        parts(sc.parallelize("abcde", 2)),
        parts(sc.parallelize({"k": 1, "l": 2}, 2)),
        parts(sc.parallelize(b"xyz", 2)),
    ]


def case_parallelize_empty(sc):
    empty = sc.parallelize([])
    return (
        empty.getNumPartitions(),
        parts(empty),
        parts(sc.parallelize([], 4)),
        parts(sc.emptyRDD()),
    )


def case_parallelize_odd_values(sc):
    values = [
        None,
        True,
        1,
        1.5,
        -0.0,
        10**30,
        "é日😀",
        b"\x00\xff",
        (1, (2, None)),
        [1, [2]],
        {"a": {1: 2}},
    ]
    return parts(sc.parallelize(values, 3))


def case_parallelize_not_iterable(sc):
    return failure(lambda: sc.parallelize(5))[0]


def case_map(sc):
    return parts(sc.parallelize(range(10), 3).map(lambda n: n * n))


def case_map_odd_results(sc):
    made = sc.parallelize(range(6), 2).map(lambda n: [None, "", b"", (), float("inf"), -(2**70)][n])
    return parts(made)


def case_map_builtin_and_method(sc):
    words = sc.parallelize(["one", "two"], 2)
    return parts(words.map(len)), parts(words.map(str.upper))


def case_map_closure_and_default(sc):
    base = 10
    table = {0: "zero", 1: "one"}
    return parts(sc.parallelize(range(3), 2).map(lambda n, by=2: (n * by + base, table.get(n))))


def case_map_is_lazy(sc):
    def fail(_):
        raise ValueError("must not run")

    made = sc.parallelize(range(3)).map(fail)
    return made.getNumPartitions()


def case_map_chain(sc):
    numbers = sc.parallelize(range(20), 4)
    return parts(numbers.map(lambda n: n + 1).filter(lambda n: n % 3).map(str).flatMap(list))


def case_map_state_starts_afresh_in_each_task(sc):
    seen = []

    def count(n):
        seen.append(n)
        return len(seen)

    return parts(sc.parallelize(range(6), 3).map(count)), seen


def case_flat_map(sc):
    return parts(sc.parallelize(range(5), 2).flatMap(lambda n: range(n)))


def case_flat_map_iterables(sc):
    makers = [lambda: "ab", lambda: (1, 2), lambda: {"k": 1}, lambda: iter([3]), lambda: []]
    return parts(sc.parallelize(range(5), 2).flatMap(lambda n: makers[n]()))


def case_flat_map_not_iterable(sc):
    rdd = sc.parallelize(range(2), 1).flatMap(lambda n: n)
    return failure(rdd.collect, "TypeError: 'int' object is not iterable")


def case_filter(sc):
    return parts(sc.parallelize(range(10), 4).filter(lambda n: n % 4 == 0))


def case_filter_truthiness(sc):
    return parts(sc.parallelize([0, 1, "", "a", None, [], [0], 0.0], 3).filter(lambda value: value))


def case_filter_all_out(sc):
    return parts(sc.parallelize(range(10), 3).filter(lambda n: False))


def case_map_partitions(sc):
    return parts(sc.parallelize(range(10), 3).mapPartitions(lambda records: [sum(records)]))


def case_map_partitions_generator(sc):
    def twice(records):
        for record in records:
            yield record
            yield record

    return parts(sc.parallelize(range(4), 3).mapPartitions(twice))


def case_map_partitions_empty_partitions(sc):
    return parts(sc.parallelize([1], 3).mapPartitions(lambda records: [len(list(records))]))


def case_map_partitions_ignoring_input(sc):
    return parts(sc.parallelize(range(6), 2).mapPartitions(lambda records: ["only"]))


def case_map_partitions_returning_none(sc):
    rdd = sc.parallelize(range(2), 1).mapPartitions(lambda records: None)
    return failure(rdd.collect, "TypeError")


def case_map_partitions_with_index(sc):
    def label(index, records):
        return [(index, list(records))]

    return parts(sc.parallelize(range(7), 3).mapPartitionsWithIndex(label))


def case_map_values(sc):
    return parts(sc.parallelize([("a", 1), ("b", None), (None, 3)], 2).mapValues(str))


def case_map_values_on_lists(sc):
    return parts(sc.parallelize([["a", 1], "xy"], 2).mapValues(lambda value: [value]))


def case_flat_map_values(sc):
    return parts(sc.parallelize([("a", "xyz"), ("b", ""), ("c", [1, 2])], 2).flatMapValues(list))


def case_glom(sc):
    return sc.parallelize(range(5), 3).glom().collect(), parts(sc.parallelize(range(5), 3).glom())


def case_glom_empty(sc):
    return sc.emptyRDD().glom().collect(), sc.parallelize([], 2).glom().collect()


def case_union(sc):
    left, right = sc.parallelize(range(4), 2), sc.parallelize("abc", 3)
    both = left.union(right)
    return both.getNumPartitions(), parts(both), parts(right.union(left)), parts(left + right)


def case_union_with_itself(sc):
    rdd = sc.parallelize(range(3), 2)
    return parts(rdd.union(rdd))


def case_union_with_empty(sc):
    rdd = sc.parallelize(range(3), 2)
    return parts(rdd.union(sc.emptyRDD())), parts(sc.emptyRDD().union(rdd))


def case_context_union(sc):
    rdds = [sc.parallelize(range(n), n) for n in (1, 2, 3)]
    return parts(sc.union(rdds)), parts(sc.union(rdds[:1]))


def case_union_of_text_and_objects(sc):
    from probe import write_files

    folder = write_files({"a.txt": b"one\ntwo\n"})
    return parts(sc.textFile(folder, 1).union(sc.parallelize([1, 2], 1)))


def case_coalesce(sc):
    sizes = [(n, m) for n in (1, 3, 8) for m in range(1, n + 2)]
    return [(n, m, parts(sc.parallelize(range(n), n).coalesce(m))) for n, m in sizes]


def case_coalesce_uneven(sc):
    rdd = sc.parallelize(range(25), 7)
    return [parts(rdd.coalesce(m)) for m in (1, 2, 3, 4, 6, 10)]


def case_coalesce_after_filter(sc):
    return parts(
        sc.parallelize(range(20), 5).filter(lambda n: n > 10).coalesce(2).map(lambda n: -n)
    )


def case_coalesce_after_partition_functions(sc):
    """A function of a partition below coalesce sees the partitions as they were."""
    rdd = sc.parallelize(range(10), 5)
    return [
        parts(rdd.mapPartitions(lambda records: [sum(records)]).coalesce(2)),
        parts(rdd.mapPartitionsWithIndex(lambda i, records: [(i, *records)]).coalesce(2)),
        parts(rdd.coalesce(2).mapPartitionsWithIndex(lambda i, records: [(i, *records)])),
        parts(rdd.glom().coalesce(3)),
    ]


def case_partition_index_after_union(sc):
    label = lambda rdd: rdd.mapPartitionsWithIndex(lambda i, records: [(i, *records)])  # noqa: E731
    left, right = sc.parallelize(range(4), 2), sc.parallelize("abc", 3)
    return parts(label(left).union(label(right))), parts(label(left.union(right)))


def case_coalesce_with_shuffle(sc):
    rdd = sc.parallelize(range(25), 2)
    return parts(rdd.coalesce(3, True)), parts(rdd.coalesce(3, shuffle=False))


def case_coalesce_to_nothing(sc):
    return failure(lambda: sc.parallelize(range(3), 2).coalesce(0).collect())[0]
