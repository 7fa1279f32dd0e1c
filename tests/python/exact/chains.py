"""Named chains over every nasty line: filters, flat maps, keys, reducers, effects, past bugs.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`; `server`
loads this file from its path.
"""

# ruff: noqa: B006, RUF005, SIM


def folds_of_lists(lines):
    pairs = lines.map(lambda line: (len(line) % 3, line[:2]))
    joined = pairs.combineByKey(lambda v: [v], lambda a, v: a + [v], lambda a, b: a + b, 2)
    return joined.mapValues(lambda vs: (len(vs), ",".join(vs)[:99]))


def folds_into_a_list(lines):
    def add(found, text):
        found.append(text)
        return found

    def join(a, b):
        a.extend(b)
        return a

    pairs = lines.map(lambda line: (len(line) % 3, line[:2]))
    return pairs.aggregateByKey([], add, join, 2).mapValues(lambda vs: (len(vs), vs[0], vs[-1]))


def closures(lines):
    least, word = 2, "a"
    return lines.filter(lambda line: len(line) >= least).map(lambda line: (line, word, least))


def defaults(lines):
    return lines.map(lambda line, least=2: len(line) - least)


def prints_then_goes_on(lines):
    def first(line):
        if line.startswith("a"):
            print("first", line)
        return line

    def second(line):
        print("second", line)
        return line.upper()

    return lines.map(first).map(second)


def prints_before_an_error(lines):
    def first(line):
        if line == "ß":
            print("never here")
            return 1 // 0
        return len(line)

    def second(n):
        print("second", n)
        if n == 400:
            raise KeyError(n)
        return n

    return lines.map(first).map(second)


def first_error_counts(lines):
    def first(line):
        return 1 // (line != "b")

    def second(n, seen=[]):
        seen.append(n)
        return 10 // (len(seen) - 60)

    return lines.map(first).map(second)


def take_stops_before_an_error(lines):
    rdd = lines.map(lambda line: 1 // (line != "b"))
    return rdd.context.parallelize(rdd.take(20), 1)


def reducer_error_comes_first(lines):
    def first(line):
        return "k", 1 // (line != "b")

    def second(a, b):
        return (a + b) // (a - 30)

    return lines.map(first).reduceByKey(second)


def reducer_prints(lines):
    def first(line):
        if line.startswith("a"):
            print("first", line)
        return "k", 1

    def second(a, b):
        if a == 50 or a == 140:
            print("second", a)
        return a + b

    return lines.map(first).reduceByKey(second)


def reducer_of_none_is_called(lines):
    def second(a, b):
        if a is None:
            print("reduced")
        return None

    return lines.map(lambda line: (len(line), None)).reduceByKey(second)


def reducer_of_none_raises(lines):
    return lines.map(lambda line: (len(line), None)).reduceByKey(lambda a, b: a if 1 // 0 else b)


def reducer_of_empty_tuples(lines):
    return lines.map(lambda line: (len(line), ())).reduceByKey(lambda a, b: () if 1 // 0 else b)


def reducer_changes_type(lines):
    return lines.map(lambda line: (len(line), 1)).reduceByKey(lambda a, b: a + b + 0.5)


def reducer_of_bools(lines):
    return lines.map(lambda line: (len(line), line > "a")).reduceByKey(lambda a, b: a + b)


def reducer_or(lines):
    return lines.map(lambda line: (len(line), line > "a")).reduceByKey(lambda a, b: a or b)


def reducer_overflows(lines):
    def big(line):
        return len(line), 4611686018427387904

    return lines.map(big).reduceByKey(lambda a, b: a + b)


def reducer_of_floats(lines):
    def pair(line):
        try:
            return len(line), float(line)
        except ValueError:
            return len(line), -0.0

    return lines.map(pair).reduceByKey(lambda a, b: a + b)


def reducer_of_tuples(lines):
    def pair(line):
        return len(line), (line, 1, 0.5)

    return lines.map(pair).reduceByKey(lambda a, b: (max(a[0], b[0]), a[1] + b[1], a[2] * b[2]))


def reducer_concatenates(lines):
    return lines.map(lambda line: (len(line), line)).reduceByKey(lambda a, b: b + "," + a)


def reducer_of_mixed_values(lines):
    def pair(line):
        if line.startswith("é"):
            return "k", 2**64
        return "k", len(line)

    return lines.map(pair).reduceByKey(lambda a, b: a - b)


def reducer_min(lines):
    return lines.map(lambda line: (len(line) % 3, line)).reduceByKey(min)


def reducer_on_one_partition(lines):
    return lines.map(lambda line: (line[:1], 1)).reduceByKey(lambda a, b: a + b, 1)


def word_count(lines):
    words = lines.flatMap(lambda line: line.split(" "))
    return words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b, 3)


def buckets_of_two_numbers(lines):
    pairs = lines.map(lambda line: (line, 4611686018427387904))
    both = [pairs.reduceByKey(lambda a, b: a + b, n) for n in (1, 5, 3)]
    return both[0].union(both[1]).union(both[2])


def groups_by_text(lines):
    return lines.map(lambda line: (line.strip(), len(line))).groupByKey(4)


def groups_by_int(lines):
    return lines.map(lambda line: (_number(line), line)).groupByKey(5)


def _number(line):
    try:
        return int(line)
    except ValueError:
        return -len(line)


def groups_by_bool(lines):
    return lines.map(lambda line: (line > "a", line)).groupByKey(3)


def groups_by_none(lines):
    return lines.map(lambda line: (None, line)).groupByKey(3)


def groups_by_float(lines):
    def pair(line):
        try:
            return float(line), line
        except ValueError:
            return 0.0, line

    return lines.map(pair).filter(lambda pair: pair[0] == pair[0]).groupByKey(3)


def groups_by_nan(lines):
    return lines.map(lambda line: (float("nan"), line)).groupByKey(1)


def groups_by_tuple(lines):
    return lines.map(lambda line: ((len(line), line[:1], None, line > "b"), 1)).groupByKey(4)


def groups_by_empty_tuple(lines):
    return lines.map(lambda line: ((), line)).groupByKey(2)


def groups_by_split_tuple(lines):
    return lines.map(lambda line: ((line[:1], line[1:]), line)).groupByKey(3)


def groups_equal_keys_of_two_types(lines):
    def pair(line):
        if line.startswith("1"):
            return 1.0, line
        if line.startswith("a"):
            return True, line
        return 1, line

    return lines.map(pair).groupByKey(2)


def groups_by_big_int(lines):
    def pair(line):
        try:
            return int(line) * 3, line
        except ValueError:
            return 0, line

    return lines.map(pair).groupByKey(7)


def groups_unhashable_first(lines):
    def pair(line):
        if line == "b":
            return 1 // 0, line
        if line.startswith("a"):
            return [line], line
        return line, line

    return lines.map(pair).groupByKey(2)


def groups_not_a_pair_first(lines):
    def pair(line):
        if line == "b":
            return 1 // 0, line
        if line.startswith("a"):
            return line, line, line
        return line, line

    return lines.map(pair).groupByKey(2)


def groups_of_tuples(lines):
    return lines.map(lambda line: (len(line), (line, (None, 1.5)))).groupByKey(2)


def filter_by_text(lines):
    return lines.filter(lambda line: line.strip())


def filter_by_float(lines):
    return lines.filter(lambda line: float(line) if line.isdigit() else 0.0)


def filter_by_list(lines):
    return lines.filter(lambda line: line.split())


def filter_by_none(lines):
    return lines.filter(lambda line: None)


def filter_two_types(lines):
    return lines.filter(lambda line: line and len(line) > 2)


def flat_map_text(lines):
    return lines.flatMap(lambda line: line)


def flat_map_tuple(lines):
    return lines.flatMap(lambda line: (line, line))


def flat_map_none(lines):
    return lines.flatMap(lambda line: None)


def flat_map_generator(lines):
    return lines.flatMap(lambda line: (int(word) for word in line.split()))


def flat_map_fails_late(lines):
    return lines.flatMap(lambda line: [10 // (len(w) - 3) for w in line.split()])


def flat_map_pairs(lines):
    return lines.flatMap(lambda line: [(w, line[:2]) for w in line.split()]).mapValues(len)


def flat_map_words(lines):
    return lines.flatMap(lambda line: line.split()).map(lambda word: (word, len(word)))


def flat_map_parts(lines):
    return lines.flatMap(lambda line: line.lower().split("a,")).filter(lambda part: part != "1")


def flat_map_parts_of_an_item(lines):
    return lines.flatMap(lambda line: line.split(",")[1].split("b")).map(
        lambda part: 9 // len(part)
    )


def flat_map_split_by_nothing(lines):
    return lines.flatMap(lambda line: line.split(""))


def flat_map_split_of_another_type(lines):
    return lines.flatMap(lambda line: [line].split())


def flat_map_parts_twice(lines):
    return lines.flatMap(lambda line: line.split(",")).flatMap(lambda part: part.split())


def flat_map_values(lines):
    pairs = lines.map(lambda line: (line[:1], line))
    return pairs.flatMapValues(lambda value: value.split(",")).mapValues(lambda v: v.upper())


def values_of_text(lines):
    return lines.filter(lambda line: len(line) == 2).mapValues(lambda v: v * 2)


def pairs_of_lists(lines):
    return lines.map(lambda line: line.split()).filter(len).mapValues(lambda v: v)


def chain_gives_up_in_the_middle(lines):
    words = lines.flatMap(lambda line: line.split(" ")).filter(lambda w: w != "x")
    return words.map(lambda w: (w.lower(), len(w))).mapValues(lambda n: 12 // (n - 4))


def stringy_builtins(lines):
    return lines.map(str.strip).map(len)


def operators_of_the_library(lines):
    import operator

    pairs = lines.map(lambda line: (line[:1], len(line)))
    return pairs.reduceByKey(operator.add).map(operator.itemgetter(1))
