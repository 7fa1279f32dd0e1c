"""Cases: actions, errors in functions, persistence, broadcasts and accumulators."""

from __future__ import annotations

from probe import failure, parts
from pyspark import AccumulatorParam, SparkContext, StorageLevel


def case_count(sc):
    return [sc.parallelize(range(n), 3).count() for n in (0, 1, 10)], sc.emptyRDD().count()


def case_collect_order(sc):
    return sc.parallelize([3, 1, 2, 5, 4], 3).collect()


def case_reduce(sc):
    return sc.parallelize(range(1, 8), 3).reduce(lambda a, b: f"({a}{b})")


def case_reduce_with_empty_partitions(sc):
    return sc.parallelize([5], 4).reduce(lambda a, b: a + b), sc.parallelize([1, 2], 5).reduce(max)


def case_reduce_empty(sc):
    text = "Can not reduce() empty RDD"
    add = lambda a, b: a + b  # noqa: E731
    empties = (sc.parallelize([], 2), sc.emptyRDD(), sc.parallelize([1]).filter(lambda _: False))
    return [failure(lambda rdd=rdd: rdd.reduce(add), text) for rdd in empties]


def case_take(sc):
    rdd = sc.parallelize(range(100), 10)
    return [rdd.take(n) for n in (0, 1, 9, 10, 11, 35, 100, 1000)]


def case_take_negative(sc):
    return sc.parallelize(range(5), 2).take(-1)


def case_take_over_empty_partitions(sc):
    sparse = sc.parallelize(range(100), 20).filter(lambda n: n in (57, 99))
    return sparse.take(1), sparse.take(2), sparse.take(5)


def case_take_empty(sc):
    return sc.parallelize([], 3).take(4), sc.emptyRDD().take(4)


def case_take_runs_few_partitions(sc):
    seen = sc.accumulator(0)

    def look(n):
        seen.add(1)
        return n

    sc.parallelize(range(100), 10).map(look).take(3)
    return seen.value <= 10


def case_first(sc):
    return sc.parallelize([7, 8], 2).first(), sc.parallelize([None], 3).first()


def case_first_empty(sc):
    empties = (sc.parallelize([], 2), sc.emptyRDD())
    return [failure(rdd.first, "RDD is empty") for rdd in empties]


def case_is_empty(sc):
    return (
        sc.parallelize([], 2).isEmpty(),
        sc.emptyRDD().isEmpty(),
        sc.parallelize([0], 3).isEmpty(),
    )


def case_foreach(sc):
    total = sc.accumulator(0)
    answer = sc.parallelize(range(10), 3).foreach(lambda n: total.add(n))
    return answer, total.value


def case_foreach_partition(sc):
    lengths, calls = sc.accumulator(0), sc.accumulator(0)

    def look(records):
        calls.add(1)
        lengths.add(len(list(records)))

    answer = sc.parallelize(range(10), 4).foreachPartition(look)
    return answer, calls.value, lengths.value


def case_foreach_partition_returning_values(sc):
    return sc.parallelize(range(4), 2).foreachPartition(lambda records: list(records))


def case_job_on_many_partitions(sc):
    return sc.parallelize(range(60), 60).map(lambda n: n * 2).collect() == list(range(0, 120, 2))


def case_large_records(sc):
    lengths = sc.parallelize([10**6, 3], 2).map(lambda n: "x" * n).map(len)
    return parts(lengths)


def case_error_in_map(sc):
    def check(n):
        if n == 3:
            raise ValueError(f"bad record {n}")
        return n

    rdd = sc.parallelize(range(5), 2).map(check)
    texts = ("ValueError: bad record 3", "Traceback (most recent call last)", "in check")
    return failure(rdd.collect, *texts), failure(rdd.count, texts[0]), rdd.take(2)


def case_error_of_own_class(sc):
    class Odd(Exception):
        pass

    def fail(_):
        raise Odd("mine")

    return failure(sc.parallelize([1], 1).map(fail).collect, "Odd: mine")


def case_error_with_odd_text(sc):
    def fail(_):
        raise ValueError("é 日 😀")

    return failure(sc.parallelize([1], 1).map(fail).collect, "ValueError: é 日 😀")


def case_error_leaves_context_usable(sc):
    failed = failure(sc.parallelize([0], 1).map(lambda n: 1 // n).collect, "ZeroDivisionError")
    return failed, sc.parallelize(range(3), 2).collect()


def case_error_stop_iteration(sc):
    def fail(_):
        raise StopIteration

    return failure(sc.parallelize([1], 1).map(fail).collect, "StopIteration")


def case_error_in_reduce_function(sc):
    rdd = sc.parallelize([1, "a"], 1)
    return failure(lambda: rdd.reduce(lambda a, b: a + b), "TypeError")


def case_error_unpicklable_function(sc):
    import threading

    lock = threading.Lock()
    return failure(lambda: sc.parallelize([1]).map(lambda n: lock).collect())[0]


def case_error_unpicklable_result(sc):
    import threading

    return failure(
        lambda: sc.parallelize([1], 1).map(lambda n: threading.Lock()).collect(), "pickle"
    )


def case_error_context_in_closure(sc):
    return failure(
        lambda: sc.parallelize([1]).map(lambda n: sc.parallelize([n])).collect(), "SPARK-5063"
    )


def case_error_rdd_in_closure(sc):
    inner = sc.parallelize([1])
    return failure(lambda: sc.parallelize([1]).map(lambda n: inner.count()).collect(), "SPARK-5063")


def case_error_second_context(sc):
    return failure(
        lambda: SparkContext("local[2]", "second"), "Cannot run multiple SparkContexts at once"
    )


def case_context_get_or_create(sc):
    return SparkContext.getOrCreate() is sc


def case_context_attributes(sc):
    return sc.master, sc.appName, type(sc.startTime).__name__, sc.applicationId.startswith("local-")


def case_context_conf(sc):
    conf = sc.getConf()
    return (
        conf.get("spark.master"),
        conf.get("spark.app.name"),
        conf.get("no.such", "none"),
        conf.contains("x.y"),
    )


def case_persist_evaluates_once(sc):
    seen = sc.accumulator(0)

    def look(n):
        seen.add(1)
        return n

    rdd = sc.parallelize(range(6), 2).map(look)
    first = rdd.cache() is rdd
    counts = [rdd.count(), rdd.count(), seen.value]
    rdd.unpersist()
    return first, counts, rdd.count(), seen.value, rdd.is_cached


def case_persist_under_further_operators(sc):
    seen = sc.accumulator(0)

    def look(n):
        seen.add(1)
        return (n % 2, n)

    rdd = sc.parallelize(range(6), 2).map(look).persist(StorageLevel.MEMORY_ONLY)
    sums = rdd.reduceByKey(lambda a, b: a + b).collect()
    return sums, rdd.mapValues(str).collect(), rdd.is_cached, seen.value


def case_persist_partial_action(sc):
    seen = sc.accumulator(0)

    def look(n):
        seen.add(1)
        return n

    rdd = sc.parallelize(range(6), 2).map(look).cache()
    return rdd.first(), rdd.count(), rdd.count(), seen.value


def case_storage_levels(sc):
    names = ("MEMORY_ONLY", "MEMORY_AND_DISK", "MEMORY_AND_DISK_2", "DISK_ONLY")
    return [
        (name, repr(getattr(StorageLevel, name)), str(getattr(StorageLevel, name)))
        for name in names
    ]


def case_get_storage_level(sc):
    rdd = sc.parallelize([1])
    before = str(rdd.getStorageLevel())
    return before, str(rdd.cache().getStorageLevel())


def case_broadcast(sc):
    table = sc.broadcast({1: "one", 2: "two"})
    rdd = sc.parallelize([1, 2, 3], 2).map(lambda n: table.value.get(n))
    first = rdd.collect()
    table.unpersist()
    return first, rdd.collect(), table.value


def case_broadcast_two_and_large(sc):
    words, numbers = sc.broadcast(["w"] * 3), sc.broadcast(list(range(200_000)))
    return parts(sc.parallelize(range(4), 2).map(lambda n: (words.value[n % 3], numbers.value[-n])))


def case_accumulator(sc):
    whole, real = sc.accumulator(1), sc.accumulator(0.5)
    sc.parallelize(range(10), 3).foreach(lambda n: (whole.add(n), real.add(0.5)))
    whole += 100
    return whole.value, real.value, str(whole)


def case_accumulator_of_vectors(sc):
    class Vector(AccumulatorParam):
        def zero(self, value):
            return [0.0] * len(value)

        def addInPlace(self, left, right):
            return [a + b for a, b in zip(left, right)]

    total = sc.accumulator([1.0, 2.0], Vector())
    sc.parallelize([[1.0, 0.0], [0.0, 5.0]], 2).foreach(lambda vector: total.add(vector))
    return total.value


def case_accumulator_of_list(sc):
    return failure(lambda: sc.accumulator([]), "No default accumulator param for type")


def case_accumulator_value_in_task(sc):
    total = sc.accumulator(0)
    return failure(lambda: sc.parallelize([1], 1).map(lambda n: total.value).collect())[0]


def case_accumulator_in_lazy_map(sc):
    total = sc.accumulator(0)
    rdd = sc.parallelize(range(4), 2).map(lambda n: total.add(1))
    before = total.value
    rdd.count()
    rdd.count()
    return before, total.value


def case_rdd_names_and_ids(sc):
    first, second = sc.parallelize([1]), sc.parallelize([2])
    return (
        first.name(),
        first.setName("numbers").name(),
        first.setName("n") is first,
        second.id() > first.id(),
    )


def case_rdd_context(sc):
    rdd = sc.parallelize([1])
    return rdd.context is sc, rdd.map(str).context is sc


def case_print_in_driver_only(sc):
    print("to the driver")
    return sc.parallelize([1], 1).map(lambda n: n).collect()
