"""Named functions of whole partitions, and actions over all records.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`; `server`
loads this file from its path.
"""

import operator

# ruff: noqa: B007, RUF005, SIM, UP028, B901


def _number(line):
    try:
        return int(line)
    except ValueError:
        return len(line)


def _one(lines, value):
    """An answer of the driver's as the records of a chain."""
    return lines.context.parallelize([value], 1)


def generator(lines):
    def words(records):
        for line in records:
            for word in line.split():
                yield word, len(word)

    return lines.mapPartitions(words).reduceByKey(lambda a, b: a + b)


def generator_expression(lines):
    return lines.mapPartitions(lambda records: (line.upper() for line in records if line))


def comprehension(lines):
    return lines.mapPartitions(lambda records: [(line[:1], i) for i, line in enumerate(records)])


def totals(lines):
    def total(records):
        count, length = 0, 0
        for line in records:
            count += 1
            length += len(line)
        return [(count, length)]

    return lines.mapPartitions(total)


def consumers(lines):
    lengths = lines.map(len)
    return lengths.mapPartitions(lambda records: [sum(records)]).union(
        lengths.mapPartitions(lambda records: sorted(records, reverse=True)[:3])
    )


def extremes(lines):
    def both(records):
        lengths = [len(line) for line in records]
        if lengths:
            yield min(lengths)
            yield max(lengths)

    return lines.mapPartitions(both)


def stops_early(lines):
    def first_long(records):
        for line in records:
            if len(line) > 3:
                return [line]
        return []

    return lines.mapPartitions(first_long)


def generator_that_returns(lines):
    def some(records):
        for line in records:
            if line.startswith("b"):
                return
            yield line

    return lines.mapPartitions(some)


def yields_from(lines):
    def parts(records):
        yield "begin"
        for line in records:
            yield from line.split(",")
            yield from [line, line[:2]]
        yield "end"

    return lines.mapPartitions(parts)


def yields_nothing_or_none(lines):
    def some(records):
        for line in records:
            if len(line) == 1:
                yield
            elif line:
                yield len(line)

    return lines.mapPartitions(some)


def maps_and_filters(lines):
    def long(line):
        return len(line) > 1

    return lines.mapPartitions(lambda records: map(_number, filter(long, records)))


def made_an_iterator(lines):
    return lines.mapPartitions(lambda records: iter([len(line) for line in records]))


def zipped(lines):
    return lines.mapPartitions(lambda records: [(a, b) for a, b in zip(records, range(5))])


def pairs_of_neighbours(lines):
    def neighbours(records):
        before = None
        for line in records:
            if before is not None:
                yield before, line
            before = line

    return lines.mapPartitions(neighbours)


def joined_in_chunks(lines):
    def chunks(records):
        chunk, count = "", 0
        for line in records:
            chunk += line + "|"
            count += 1
            if count == 3:
                yield chunk
                chunk, count = "", 0
        if count:
            yield chunk

    return lines.mapPartitions(chunks)


def tries(lines):
    def numbers(records):
        for line in records:
            try:
                yield int(line)
            except ValueError:
                yield -1
            finally:
                pass

    return lines.mapPartitions(numbers)


def raises_at_some(lines):
    def numbers(records):
        for line in records:
            yield 10 // (len(line) - 2)

    return lines.mapPartitions(numbers)


def raises_after_prints(lines):
    def numbers(records):
        for line in records:
            if len(line) == 1:
                print("one", ascii(line))
            yield len(line)

    return lines.coalesce(1).mapPartitions(numbers).map(lambda n: 12 // (n - 2))


def generator_outside_of_try(lines):
    def numbers(records):
        try:
            return (int(line) for line in records)
        except ValueError:
            return []

    return lines.mapPartitions(numbers)


def buffer_that_is_yielded_again(lines):
    def sliding(records):
        buffer = []
        for line in records:
            buffer.append(line)
            if len(buffer) > 2:
                buffer.pop(0)
            yield buffer

    return lines.mapPartitions(sliding).map(len)


def lists(lines):
    return lines.mapPartitions(lambda records: [[line, line] for line in records])


def iterator_twice(lines):
    def twice(records):
        first = sum(1 for line in records)
        return [(first, sum(1 for line in records))]

    return lines.mapPartitions(twice)


def iterator_in_a_loop(lines):
    def again(records):
        counts = []
        for i in range(3):
            for line in records:
                if len(line) > i:
                    counts.append(len(line))
                    break
        return counts

    return lines.mapPartitions(again)


def iterator_in_an_inner_loop(lines):
    return lines.mapPartitions(lambda records: [(a, b) for a in range(2) for b in records])


def iterator_within_a_lambda(lines):
    def lazily(records):
        later = lambda: [line for line in records]  # noqa: E731
        return later() + later()

    return lines.mapPartitions(lazily)


def iterator_made_a_list(lines):
    def listed(records):
        records = list(records)
        return [(len(records), line) for line in records]

    return lines.mapPartitions(listed)


def iterator_that_is_asked(lines):
    def first(records):
        return [next(records, "none")]

    return lines.mapPartitions(first)


def iterator_as_truth(lines):
    return lines.mapPartitions(lambda records: ["some"] if records else ["none"])


def iterator_handed_on(lines):
    return lines.mapPartitions(lambda records: records)


def iterator_under_another_builtin(lines):
    sorted = _keep
    return lines.mapPartitions(lambda records: sorted(records))


def _keep(records):
    return [line for line in records if line in records]


def generator_that_is_sent_values(lines):
    def echo(records):
        for line in records:
            got = yield line
            if got is not None:
                yield "sent"

    return lines.mapPartitions(echo)


def generator_with_a_result(lines):
    def some(records):
        for line in records:
            yield line[:3]
        return 7

    return lines.mapPartitions(some)


def text_as_records(lines):
    return lines.mapPartitions(lambda records: ",".join(records)[:9])


def tuple_as_records(lines):
    return lines.mapPartitions(lambda records: (1, 2, 3))


def nothing_as_records(lines):
    def none(records):
        for line in records:
            pass

    return lines.mapPartitions(none)


def endless_and_taken(lines):
    def endless(records):
        n = 0
        while True:
            n += 1
            yield n

    return _one(lines, lines.mapPartitions(endless).map(lambda n: n * 2).take(3))


def after_rows_that_are_given_up(lines):
    def total(records):
        return [sum(records)]

    return lines.map(lambda line: int("9" * 18) * len(line) + _number(line)).mapPartitions(total)


def after_rows_that_print(lines):
    def shown(line):
        if line.startswith("a"):
            print("a line", ascii(line))
        return len(line)

    def first(records):
        for n in records:
            if n > 2:
                return [n]
        return [0]

    return lines.coalesce(1).map(shown).mapPartitions(first)


def dictionary_of_counts(lines):
    def counted(records):
        counts = {}
        for line in records:
            counts[line[:1]] = counts.get(line[:1], 0) + 1
        return [(key, count) for key, count in counts.items()]

    return lines.mapPartitions(counted)


def sums(lines):
    numbers = lines.map(len)
    floats = numbers.map(lambda n: n * 0.1)
    large = numbers.map(lambda n: n * 2**60)
    none = numbers.filter(lambda n: n < 0)
    return _one(lines, [rdd.sum() for rdd in (numbers, floats, large, none, floats.union(none))])


def sums_of_both_zeros(lines):
    return _one(lines, (lines.map(lambda line: -0.0).sum(), lines.map(lambda line: 1e16).sum()))


def sum_of_texts(lines):
    return _one(lines, lines.sum())


def statistics(lines):
    found = []
    for make in (len, lambda line: len(line) / 3, lambda line: len(line) > 2):
        stats = lines.map(make).stats()
        found.append((stats.n, stats.mu, stats.m2, stats.maxValue, stats.minValue))
    return _one(lines, found)


def statistics_beyond_all_numbers(lines):
    values = [float("nan"), float("inf"), float("-inf"), 1.0]
    found = []
    for value in values:
        stats = lines.map(lambda line, value=value: value * len(line)).stats()
        found.append((stats.n, stats.mu, stats.maxValue, stats.minValue))
    return _one(lines, found)


def folds(lines):
    numbers = lines.map(_number)
    return _one(
        lines,
        [
            numbers.fold(0, operator.add),
            numbers.fold(0, lambda a, b: max(a, b)),
            numbers.map(float).fold(0, lambda a, b: a + b),
            numbers.fold(0.5, lambda a, b: a + b),
            lines.fold("", max),
            lines.filter(lambda line: False).fold(7, operator.add),
        ],
    )


def aggregates(lines):
    found = lines.aggregate(
        (0, 0),
        lambda a, line: (a[0] + len(line), a[1] + 1),
        lambda a, b: (a[0] + b[0], a[1] + b[1]),
    )
    listed = lines.aggregate([], lambda a, line: a + [line[:1]], lambda a, b: a + b)
    return _one(lines, (found, len(listed), listed[:3]))


def aggregate_that_changes_its_zero(lines):
    def add(found, line):
        found.append(len(line))
        return found

    return _one(lines, lines.aggregate([], add, lambda a, b: a + b))


def fold_that_raises(lines):
    return _one(lines, lines.fold(100, lambda a, line: a // (len(line) - 2)))


def fold_that_overflows(lines):
    return _one(lines, lines.fold(1, lambda a, line: a * 10 + 1 if type(line) is str else a + line))


def counts_by_value(lines):
    words = lines.flatMap(lambda line: line.split())
    by_key = lines.map(lambda line: (line[:1], 1)).countByKey()
    several = lines.map(lambda line: (len(line), line[:1] == "a", None)).countByValue()
    floats = lines.map(lambda line: len(line) / 2).countByValue()
    parts = (words.countByValue(), by_key, several, floats)
    return _one(lines, [list(part.items()) for part in parts])


def count_after_rows_that_are_given_up(lines):
    counts = lines.map(lambda line: _number(line) * 10**17).countByValue()
    return _one(lines, list(counts.items()))


def count_of_lists(lines):
    return _one(lines, lines.map(lambda line: [line]).countByValue())


def greatest_and_least(lines):
    numbers = lines.map(_number)
    return _one(
        lines,
        [
            (numbers.max(), numbers.min(), lines.max(), lines.min()),
            (lines.max(key=len), lines.min(key=len), lines.max(key=lambda line: line[-1:])),
            (lines.top(3), lines.takeOrdered(3), numbers.top(0), numbers.takeOrdered(-1)),
            (lines.top(3, key=len), lines.takeOrdered(3, key=lambda line: (len(line), line))),
            numbers.map(lambda n: (n % 3, n)).takeOrdered(4, key=operator.itemgetter(0)),
        ],
    )


def greatest_beside_nan(lines):
    values = lines.map(lambda line: float("nan") if len(line) == 2 else float(len(line)))
    return _one(lines, (values.top(3), values.takeOrdered(3), values.max(), values.min()))


def key_that_prints(lines):
    def length(line):
        if len(line) > 20:
            print("long", ascii(line[:3]))
        return len(line)

    return _one(lines, lines.coalesce(1).max(key=length))


def sorted_by(lines):
    by_length = lines.sortBy(lambda line: (len(line), line), numPartitions=1)
    down = lines.map(lambda line: (_number(line), line[:2])).sortByKey(False, 2)
    return by_length.map(lambda line: (0, line[:4])).union(down)


def sorted_beside_none(lines):
    def key(line):
        return None if not line else line

    return lines.sortBy(key, numPartitions=1)


def mapped_in_functions(line):
    return (
        sum(map(len, line.split())),
        list(map(str.upper, filter(None, line.split(",")))),
        list(map(_number, line.split())),
    )


def mapped_and_unpacked(line):
    try:
        x, y = map(int, line.split())
    except ValueError:
        return None
    return x + y


def generator_unpacked(line):
    try:
        a, b = (10 // len(word) for word in line.split())
    except ValueError as error:
        return str(type(error))
    return a, b


def too_many_to_unpack(line):
    try:
        # The third is asked for, the fourth is not.
        x, y = map(lambda word: 10 // (len(word) - 1), line.split())
    except ValueError:
        return "value"
    except ZeroDivisionError:
        return "zero"
    return x, y


def looped_over_a_map(line):
    total = 0
    try:
        for n in map(int, line.split()):
            if n > 5:
                break
            total += n
        else:
            total += 1000
    except ValueError:
        total += 100
    return total


def looped_over_a_filter(line):
    found = []
    for n in filter(lambda n: n % 2, map(len, line.split())):
        if n > 6:
            continue
        found.append(n)
    return found


def filter_of_a_map_of_a_filter(line):
    return list(filter(lambda n: n > 1, map(len, filter(str.isalpha, line.split(" ")))))


def function_named_map(line):
    def map(f, items):
        return [f(item) * 2 for item in items]

    return sum(map(len, line.split()))


def sorted_by_a_getter(line):
    pairs = [(len(word), word) for word in line.split()]
    return sorted(pairs, key=operator.itemgetter(0)), max(pairs, key=_FIRST, default=None)


_FIRST = operator.itemgetter(1)
