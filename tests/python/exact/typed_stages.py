"""Named chains where types begin anew: behind operators of the workers, of ranges, behind joins.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`; `server`
loads this file from its path.
"""


def _in_worker(function):
    """For `mapPartitionsWithIndex`, which is not compiled."""
    return lambda index, records: function(records)


def _number(line):
    try:
        return int(line)
    except ValueError:
        return len(line)


def made_by_workers(lines):
    def words(some):
        for line in some:
            for word in line.split():
                yield word, _number(word)

    return (
        lines.mapPartitionsWithIndex(_in_worker(words))
        .reduceByKey(lambda a, b: a + b)
        .map(lambda kv: kv[1] % 7)
    )


def made_by_workers_in_place(lines):
    def change(values):
        values.append(len(values))
        return values

    pairs = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(line[:1], [len(line)]) for line in some])
    )
    return pairs.partitionBy(2).mapValues(change).mapValues(lambda values: (values, sum(values)))


def lists_of_workers_there_twice(lines):
    def change(values):
        values.append(len(values))
        return len(values)

    def pairs(some):
        both = [1]
        for line in some:
            yield line[:1], both if len(line) % 3 else [2]

    return lines.mapPartitionsWithIndex(_in_worker(pairs)).partitionBy(1).mapValues(change)


def _described(some):
    for at, line in enumerate(some):
        yield line[:1], {"line": line, "at": at, "half": at / 2, "odd": at % 2 == 1}


def dicts_of_workers(lines):
    rows = lines.mapPartitionsWithIndex(_in_worker(_described)).partitionBy(1).map(lambda kv: kv[1])
    return rows.filter(lambda row: row["odd"]).map(lambda row: (row["line"], row["at"] * 2, row))


def dicts_of_workers_in_small_blocks(lines):
    rows = lines.mapPartitionsWithIndex(_in_worker(_described)).partitionBy(7)
    return rows.mapValues(lambda row: len(row["line"]) + row["at"]).reduceByKey(lambda a, b: a + b)


def dicts_of_workers_that_are_changed(lines):
    def change(row):
        row["at"] += len(row["line"])
        row["new"] = row["half"] if row["odd"] else None
        return row

    rows = lines.mapPartitionsWithIndex(_in_worker(_described)).partitionBy(2).mapValues(change)
    return rows.mapValues(lambda row: (sorted(row), row["at"], row.get("new"), row.get("none", 7)))


def dicts_of_workers_there_twice(lines):
    def pairs(some):
        both = {"n": 1}
        for line in some:
            yield line[:1], both if len(line) % 3 else {"n": 2}

    def change(row):
        row["n"] += 1
        return row["n"]

    return lines.mapPartitionsWithIndex(_in_worker(pairs)).partitionBy(1).mapValues(change)


def dicts_of_workers_with_none(lines):
    def pairs(index, some):
        for line in some:
            inner = None if (index + len(line)) % 3 else {"text": line, "sizes": [len(line)]}
            yield len(line) % 2, {"inner": inner, "name": line[:2] or None}

    def size(row):
        inner = row["inner"]
        return row["name"], -1 if inner is None else sum(inner["sizes"]) + len(inner["text"])

    return lines.mapPartitionsWithIndex(pairs).partitionBy(2).mapValues(size)


def dicts_of_workers_of_many_keys(lines):
    def pairs(some):
        for line in some:
            yield len(line) % 2, {"a": 1, "b": line} if len(line) % 3 else {"b": line, "a": 1}

    made = lines.mapPartitionsWithIndex(_in_worker(pairs)).partitionBy(2)
    return made.mapValues(lambda row: (list(row), row["a"], len(row["b"]), row))


def dicts_of_the_program(lines):
    rows = [row for _, row in lines.mapPartitionsWithIndex(_in_worker(_described)).collect()]
    made = lines.context.parallelize(rows, 3)
    return made.map(lambda row: (row["line"][:1], row["at"])).reduceByKey(lambda a, b: max(a, b))


def dicts_of_the_program_that_lack_a_key(lines):
    rows = [{"at": at} if at else {"line": line} for at, line in enumerate(lines.collect())]
    return lines.context.parallelize(rows, 2).map(lambda row: row.get("at", -1))


def long_texts_of_workers_there_twice(lines):
    def pairs(some):
        for line in some:
            text = line * 300
            yield text[:1], (text, text, len(text))

    made = lines.mapPartitionsWithIndex(_in_worker(pairs)).partitionBy(1)
    return made.mapValues(lambda row: (row[0] == row[1], len(row[0]) == row[2]))


def nan_of_workers_there_twice(lines):
    def pairs(some):
        key = float("nan"), "x"
        for line in some:
            yield len(line) % 2, (key, key) if line else (key, (0.5, "x"))

    def keys(part):
        found = [key for _, both in part for key in both]
        return [(len(set(found)), found[0] in found[1:])]

    return (
        lines.mapPartitionsWithIndex(_in_worker(pairs))
        .partitionBy(1)
        .mapPartitionsWithIndex(_in_worker(keys))
    )


def workers_of_two_types(lines):
    pairs = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(line[:1], True if line < "b" else len(line)) for line in some])
    )
    return pairs.partitionBy(2).map(lambda kv: (kv[0], str(kv[1]))).reduceByKey(max)


def workers_of_narrower_types(lines):
    def pairs(index, some):
        return [(line[:1], None if (index + len(line)) % 3 else len(line)) for line in some]

    made = lines.mapPartitionsWithIndex(pairs).partitionBy(2)
    return made.map(lambda kv: (kv[0], -1 if kv[1] is None else kv[1] * 2)).groupByKey()


def workers_of_large_numbers(lines):
    pairs = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(len(line) % 3, 1 << 8 * len(line)) for line in some])
    )
    return pairs.partitionBy(2).mapValues(lambda n: n + 1).mapValues(lambda n: n % 1000)


def workers_of_other_types(lines):
    made = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(len(line) % 3, line.encode()) for line in some])
    )
    return made.partitionBy(2).mapValues(len).reduceByKey(max)


def workers_that_print(lines):
    def pairs(some):
        for line in some:
            print("made", ascii(line))
            yield len(line) % 3, line

    def tell(kv):
        if kv[1] == "b":
            print("b")
        return kv[0], len(kv[1])

    made = lines.mapPartitionsWithIndex(_in_worker(pairs)).map(lambda kv: (kv[0], kv[1].strip()))
    return made.partitionBy(1).map(tell).filter(lambda kv: kv[1] > 1)


def workers_that_print_in_step(lines):
    def pairs(some):
        for line in some:
            print("made", ascii(line))
            yield len(line) % 3, line

    def tell(kv):
        print("seen", ascii(kv[1]))
        return kv[0], len(kv[1])

    return lines.mapPartitionsWithIndex(_in_worker(pairs)).map(tell).reduceByKey(lambda a, b: a + b)


def first_few_of_workers(lines):
    def tell(some):
        for line in some:
            print("made", ascii(line))
            yield line

    few = lines.mapPartitionsWithIndex(_in_worker(tell)).map(len).take(3)
    return lines.context.parallelize(few, 1)


def united_with_workers(lines):
    made = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(line[:1], len(line)) for line in some])
    )
    both = made.union(lines.map(lambda line: (line[:1], 1)))
    return both.reduceByKey(lambda a, b: a + b).mapValues(lambda n: n * 2)


def numbers_of_a_range(lines):
    pairs = lines.context.range(-7, 5000, 3).map(lambda n: (n % 5, n * n))
    return pairs.reduceByKey(lambda a, b: a + b)


def range_that_overflows(lines):
    numbers = lines.context.parallelize(range(2**62, 2**63 - 1, 2**60), 3)
    return numbers.map(lambda n: (n % 3, n + 2**62)).reduceByKey(lambda a, b: max(a, b))


def range_of_large_numbers(lines):
    return lines.context.parallelize(range(2**64, 2**64 + 10), 3).map(lambda n: n - 1)


def range_downwards(lines):
    return lines.context.parallelize(range(9, -9, -2), 4).filter(lambda n: n > -5)


def first_few_of_a_range(lines):
    def tell(n):
        if n == 2:
            print("two")
        return 10 // (n - 3) if n > 4 else n

    few = lines.context.parallelize(range(10**15), 2).map(tell).take(7)
    return lines.context.parallelize(few, 1)


def counted_range(lines):
    numbers = lines.context.parallelize(range(0, 10000, 3), 3)
    return lines.context.parallelize([numbers.count(), numbers.map(lambda n: n * 2).sum()], 1)


def range_that_prints(lines):
    def tell(n):
        if n % 3 == 0:
            print(n)
        return n % 2, n

    return lines.context.parallelize(range(20), 2).map(tell).reduceByKey(lambda a, b: a - b)


def range_that_raises(lines):
    return lines.context.parallelize(range(-3, 20), 2).map(lambda n: 7 // n)


def _sides(lines):
    left = lines.map(lambda line: (line[:1], len(line)))
    return left, lines.filter(lambda line: line > "b").map(lambda line: (line[:1], line))


def joined_sides(lines):
    left, right = _sides(lines)
    return left.join(right, 3).mapValues(lambda v: v[0] + len(v[1]))


def joined_left(lines):
    left, right = _sides(lines)
    kept = left.leftOuterJoin(right, 2).mapValues(lambda v: (v[0], v[1] is None, v[1]))
    return kept.filter(lambda kv: kv[1][0] % 2 == 0)


def joined_right(lines):
    left, right = _sides(lines)
    return right.rightOuterJoin(left).map(lambda kv: (kv[0], kv[1][0] or "none", kv[1][1]))


def joined_full(lines):
    left, right = _sides(lines)
    shifted = right.map(lambda kv: (kv[0] + "!" if len(kv[1]) % 2 else kv[0], kv[1]))
    return left.fullOuterJoin(shifted, 2)


def joined_without_one(lines):
    left, right = _sides(lines)
    kept = left.subtractByKey(right).mapValues(lambda n: n * 2)
    return kept.union(right.subtractByKey(left.filter(lambda kv: kv[1] > 4)).mapValues(len))


def common_records(lines):
    return lines.map(lambda line: line[:2]).intersection(lines.map(lambda line: line[-2:]))


def records_taken_away(lines):
    return lines.map(lambda line: line[:2]).subtract(lines.map(lambda line: line[1:3]))


def joined_with_nothing(lines):
    left, right = _sides(lines)
    none = right.filter(lambda kv: len(kv[1]) > 10**6)
    inner = left.join(none).mapValues(lambda v: len(v[1])).count()
    outer = left.leftOuterJoin(none).mapValues(lambda v: len(v[1]) if v[1] else -v[0])
    return outer.union(lines.context.parallelize([("inner", inner)], 1))


def joined_maybe_values(lines):
    left = lines.map(lambda line: (len(line), line if len(line) % 2 else None))
    right = lines.map(lambda line: (len(line) + 1, (line[:1], None)))
    return left.fullOuterJoin(right, 2).mapValues(lambda v: (v[0], v[1]))


def joined_keys_of_two_types(lines):
    left = lines.map(lambda line: (len(line), 1))
    right = lines.map(lambda line: (len(line) > 1, 2))
    return left.fullOuterJoin(right, 2).union(left.fullOuterJoin(right.mapValues(str), 2))


def joined_keys_of_none(lines):
    left = lines.map(lambda line: (line[0] if line else None, 1))
    return left.join(lines.map(lambda line: (line[-1] if line else None, 0.5)), 2)


def joined_lists_that_change(lines):
    def change(values):
        values[0].append(values[1])
        return len(values[0])

    left = lines.map(lambda line: (len(line) % 5, [len(line)]))
    return left.join(lines.map(lambda line: (len(line) % 5, len(line))), 1).mapValues(change)


def lists_without_the_other_side(lines):
    def change(values):
        values.append(1)
        return len(values)

    left = lines.map(lambda line: (len(line) % 5, [len(line)]))
    kept = left.subtractByKey(lines.map(lambda line: (len(line) % 3, 1)), 1)
    return kept.mapValues(change).mapValues(str)


def joined_with_workers(lines):
    def pairs(some):
        for line in some:
            yield line[:1], len(line) / 2

    left, _ = _sides(lines)
    return left.leftOuterJoin(lines.mapPartitionsWithIndex(_in_worker(pairs)), 2).mapValues(
        lambda v: v[0] * v[1]
    )


def joined_with_large_numbers(lines):
    left, _ = _sides(lines)
    right = lines.mapPartitionsWithIndex(
        _in_worker(lambda some: [(line[:1], 1 << 3 * len(line)) for line in some])
    )
    return left.join(right, 2).mapValues(lambda v: v[0] + v[1])


def joined_then_printing(lines):
    def tell(kv):
        if kv[1][0] == 3:
            print("three", ascii(kv[0]))
        return kv[1][1], 7 // (kv[1][0] - 40) if kv[1][0] > 30 else kv[1][0]

    left, right = _sides(lines)
    return left.join(right, 1).map(tell).reduceByKey(lambda a, b: a - b)


def joined_then_raising(lines):
    left, right = _sides(lines)
    return left.join(right, 2).mapValues(lambda v: 10 // (v[0] - 5))


def first_few_of_a_join(lines):
    left, right = _sides(lines)
    few = left.join(right, 1).mapValues(lambda v: int(v[1]) if v[0] == 1 else 0).take(9)
    return lines.context.parallelize(few, 1)


def joined_twice(lines):
    left, right = _sides(lines)
    both = left.reduceByKey(lambda a, b: a + b).join(right.mapValues(len), 2)
    return both.mapValues(lambda v: v[0] - v[1]).join(right, 2).map(lambda kv: kv[1][0])


def joined_where_it_is(lines):
    left, right = _sides(lines)
    return left.partitionBy(2).join(right.partitionBy(2), 2).mapValues(lambda v: v[0])


def grouped_sides(lines):
    left, right = _sides(lines)
    groups = left.groupWith(right, left.mapValues(float)).mapValues(lambda v: list(map(list, v)))
    return groups.union(left.cogroup(right).mapValues(lambda v: [len(v[0]), list(v[1])]))


_ODD = ["ß", 2.5, 2**70, (1, [2]), None, b"\x00", {1: []}, True, "\ud800"]


def _mostly_numbers(some):
    for at, line in enumerate(some):
        yield line[:1], _ODD[at % 9] if at % 8 == 3 else len(line)


def _told(value):
    return repr(value), type(value).__name__


def odd_values_of_workers(lines):
    pairs = lines.mapPartitionsWithIndex(_in_worker(_mostly_numbers)).partitionBy(2)
    return pairs.mapValues(_told).map(lambda kv: (kv[0], kv[1][0] + kv[1][1]))


def odd_values_of_workers_by_key(lines):
    def more(a, b):
        return max(len(str(a)), len(str(b)))

    pairs = lines.mapPartitionsWithIndex(_in_worker(_mostly_numbers)).partitionBy(2)
    return pairs.reduceByKey(more).union(pairs.mapValues(str).groupByKey().mapValues(len))


def odd_values_that_raise(lines):
    pairs = lines.mapPartitionsWithIndex(_in_worker(_mostly_numbers)).partitionBy(2)
    return pairs.mapValues(lambda v: v + 1)


def odd_values_that_print(lines):
    def seen(value):
        if value == 2.5 or value == 3:
            print("seen", value)
        return value == 3

    pairs = lines.mapPartitionsWithIndex(_in_worker(_mostly_numbers)).partitionBy(2)
    return pairs.mapValues(seen).filter(lambda kv: kv[1] or print("no", kv))


def odd_values_of_the_driver(lines):
    some = [value for _, value in _mostly_numbers(lines.take(200))]
    values = lines.context.parallelize(some, 3)
    return values.map(_told).union(
        values.filter(lambda v: v).mapPartitions(lambda it: map(_told, it))
    )


def odd_records_of_the_driver_by_key(lines):
    some = [("a", at % 3, at) if at % 5 else (at, "a") for at in range(lines.count() % 1000)]
    pairs = lines.context.parallelize(some, 2)
    counts = pairs.map(lambda t: (t[0], t[1])).reduceByKey(lambda a, b: a if a == b else str(a))
    return counts.union(pairs.partitionBy(2)).map(_told)
