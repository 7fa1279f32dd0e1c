"""Named chains over several stages: what happens to typed records past a shuffle.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`; `server`
loads this file from its path.
"""


def _number(line):
    try:
        return int(line)
    except ValueError:
        return len(line)


def counts_of_counts(lines):
    words = lines.flatMap(lambda line: line.split()).map(lambda word: (word, 1))
    counts = words.reduceByKey(lambda a, b: a + b)
    return counts.map(lambda kv: (kv[1], kv[0])).groupByKey().mapValues(sorted)


def reduced_twice(lines):
    pairs = lines.map(lambda line: ((line[:1], len(line) % 3), _number(line)))
    by_both = pairs.reduceByKey(lambda a, b: max(a, b))
    return by_both.map(lambda kv: (kv[0][0], kv[1])).reduceByKey(lambda a, b: a + b)


def reduced_with_overflow(lines):
    return lines.map(lambda line: (len(line) % 2, _number(line))).reduceByKey(lambda a, b: a * b)


def reduced_texts(lines):
    return lines.map(lambda line: (len(line) % 4, line)).reduceByKey(lambda a, b: a + "|" + b)


def reduced_tuples(lines):
    pairs = lines.map(lambda line: (line[:1], (_number(line), 1)))
    sums = pairs.reduceByKey(lambda a, b: (a[0] + b[0], a[1] + b[1]))
    return sums.mapValues(lambda both: both[0] / both[1])


def reducer_that_raises(lines):
    return lines.map(lambda line: (len(line) % 2, _number(line))).reduceByKey(lambda a, b: a // b)


def reducer_that_prints(lines):
    def smaller(a, b):
        if a == b:
            print("same", a)
        return min(a, b)

    return lines.map(lambda line: ("k", _number(line))).coalesce(1).reduceByKey(smaller, 1)


def means(lines):
    pairs = lines.map(lambda line: (line[:1], float(_number(line))))
    sums = pairs.combineByKey(
        lambda value: (value, 1),
        lambda both, value: (both[0] + value, both[1] + 1),
        lambda a, b: (a[0] + b[0], a[1] + b[1]),
    )
    return sums.filter(lambda kv: kv[1][1] > 1).mapValues(lambda both: both[0] / both[1])


def combiner_of_mixed_types(lines):
    pairs = lines.map(lambda line: (line[:1], line))
    return pairs.combineByKey(
        lambda line: None if line < "b" else 1,
        lambda count, line: (count or 0) + 1,
        lambda a, b: (a or 0) + (b or 0),
    )


def folded(lines):
    return lines.map(lambda line: (len(line), line)).foldByKey("", lambda a, b: max(a, b))


def grouped(lines):
    return lines.map(lambda line: (line[:2], len(line))).groupByKey().mapValues(list)


def grouped_keys_of_none(lines):
    pairs = lines.map(lambda line: (line[0] if line else None, 1))
    return pairs.groupByKey().mapValues(len)


def keys_that_are_tuples(lines):
    pairs = lines.map(lambda line: ((len(line), line[:1], None, line > "b"), 1))
    return pairs.reduceByKey(lambda a, b: a + b)


def keys_of_two_types(lines):
    return lines.map(lambda line: (1 if line < "b" else "1", 1)).reduceByKey(lambda a, b: a + b)


def distinct_words(lines):
    return lines.flatMap(str.split).distinct()


def values_and_keys(lines):
    pairs = lines.map(lambda line: (len(line), line)).reduceByKey(lambda a, b: min(a, b))
    return pairs.values().map(lambda line: (line, 1)).keys()


def joined(lines):
    pairs = lines.map(lambda line: (line[:1], len(line)))
    return pairs.join(pairs.reduceByKey(lambda a, b: a + b)).mapValues(lambda v: v[0] / (v[1] or 1))


def counted(lines):
    total = lines.map(_number).filter(lambda n: n > 0).count()
    return lines.context.parallelize([total], 1)


def reduced_to_one(lines):
    total = lines.map(_number).reduce(lambda a, b: a ^ b)
    return lines.context.parallelize([total], 1)


def first_few(lines):
    pairs = lines.map(lambda line: (line, _number(line))).reduceByKey(lambda a, b: a + b)
    return lines.context.parallelize(pairs.take(7), 1)


def from_values(lines):
    values = lines.collect()
    pairs = lines.context.parallelize([(value, index) for index, value in enumerate(values)], 3)
    return pairs.mapValues(lambda n: n * n).filter(lambda kv: kv[1] % 2 == 0)


def from_values_of_mixed_types(lines):
    values = [value if index % 3 else index for index, value in enumerate(lines.collect())]
    return lines.context.parallelize(values, 3).map(lambda value: (str(value), value))


def from_maybe_values(lines):
    values = [(value, None if index % 3 else index) for index, value in enumerate(lines.collect())]
    kept = lines.context.parallelize(values, 2).filter(lambda kv: kv[1] is not None)
    return kept.map(lambda kv: (len(kv[0]), kv[1])).reduceByKey(lambda a, b: a + b)


def from_lists(lines):
    values = [list(value) for value in lines.collect()]
    return lines.context.parallelize(values, 2).map(lambda chars: len(chars))


def united(lines):
    numbers = lines.map(lambda line: (line[:1], 1))
    return numbers.union(lines.map(lambda line: (line[:1], 2))).reduceByKey(lambda a, b: a + b)


def united_of_two_types(lines):
    numbers = lines.map(lambda line: (line[:1], 1))
    return numbers.union(lines.map(lambda line: (line[:1], 0.5))).reduceByKey(lambda a, b: a + b)


def persisted(lines):
    pairs = lines.map(lambda line: (len(line) % 5, line)).persist()
    pairs.count()
    return pairs.mapValues(len).reduceByKey(lambda a, b: a + b)


def combined_into_lists(lines):
    def append(values, value):
        values.append(value)
        return values

    pairs = lines.map(lambda line: (line[:1], len(line)))
    return pairs.combineByKey(lambda value: [value], append, lambda a, b: a + b, 1)


def folded_with_overflow(lines):
    pairs = lines.map(lambda line: (len(line) % 2, 10**6))
    return pairs.foldByKey(1, lambda a, b: a * b, 1)


def aggregated_with_overflow(lines):
    pairs = lines.map(lambda line: (line[:1], _number(line)))
    return pairs.aggregateByKey((1, 0), lambda s, n: (s[0] * (n or 1), s[1] + 1), _joined)


def _joined(a, b):
    return (a[0] * b[0], a[1] + b[1])


def combiner_that_prints(lines):
    def add(total, value):
        if value == 3:
            print("three", total)
        return total + value

    pairs = lines.map(lambda line: ("k", len(line))).coalesce(1)
    return pairs.combineByKey(lambda value: value, add, lambda a, b: a + b, 1)


def combined_after_given_up_rows(lines):
    pairs = lines.map(lambda line: (len(line) % 2, 10**6 if line != "1_0" else int(line)))
    return pairs.combineByKey(lambda value: value, lambda a, b: a * b, lambda a, b: a * b, 1)


def reduced_to_a_list_twice(lines):
    def bump(both):
        both[0].append(9)
        return both[1]

    pairs = lines.map(lambda line: (len(line) % 2, ([len(line)], [1])))
    return pairs.reduceByKey(lambda a, b: (a[0], a[0]), 1).mapValues(bump)


def effects_after_a_bad_key(lines):
    def pair(word):
        if word == "b":
            print("effect")
        return ([word], 1) if word == "a" else (word, 1)

    return lines.flatMap(lambda line: line.split()).map(pair).groupByKey(1).mapValues(len)
