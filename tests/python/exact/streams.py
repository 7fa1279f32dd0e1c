"""Named functions with generators, `map` and `filter`: what ends them, what they call, and when.

Names that begin with an underscore are called from others. Used by `test_compiler_exact`; `server`
loads this file from its path.
"""

# ruff: noqa: SIM, UP028

_COUNTS = {"a": 1, "1": 2}


def _cut(word):
    if word == "b":
        raise StopIteration
    return word


def map_ends_with_its_function(line):
    try:
        return list(map(_cut, line.split()))
    except Exception:
        return ["caught"]


def joined_until_the_function_ends(line):
    try:
        return ",".join(map(_cut, line.split()))
    except Exception:
        return "caught"


def loop_that_the_function_ends(line):
    found = ""
    try:
        for word in filter(_cut, line.split()):
            found += word
        else:
            found += "all"
    except StopIteration:
        found += "caught"
    finally:
        found += "."
    return found


def unpacked_until_the_function_ends(line):
    try:
        a, b = map(_cut, line.split())
        return a + b
    except StopIteration:
        return "S"
    except ValueError:
        return "V"


def generator_that_a_function_ends(line):
    try:
        return sum(len(_cut(word)) for word in line.split())
    except StopIteration:
        return "S"
    except RuntimeError:
        return "R"


def method_of_what_changes(line):
    found, text = [], line
    for count in map(text.count, line.split()):
        found.append(count)
        text = ""
    return found


def method_of_nothing(line):
    prefix = line if len(line) > 3 else None
    try:
        return sum(map(prefix.count, line.split()))
    except AttributeError:
        return -1


def method_before_items(line):
    prefix = line if len(line) > 3 else None
    try:
        return sum(map(prefix.count, [str(int(line))]))
    except AttributeError:
        return -1
    except ValueError:
        return -2


def methods_of_constants(line):
    return list(map("a1b2".find, line.split())) + list(map(_COUNTS.get, line.split()))


def unpacked_while_it_shrinks(line):
    words = line.split()

    def last(word):
        return words.pop()

    try:
        a, b = map(last, words)
        return a + b
    except ValueError:
        return "V"


def unpacked_while_it_grows(line):
    words = line.split()
    try:
        a, b = (words.append(word) for word in words)
        return len(words)
    except ValueError:
        return -len(words)


def unpacked(line):
    try:
        a, b = (word.strip("a").upper() for word in line.split())
        c, d = map(lambda word: _COUNTS.get(word, len(word)), line.split())
        return a, b, c + d
    except ValueError:
        return line, "", -1


def comprehensions_of_streams(line):
    n = 2
    words = [word for word in map(str.strip, line.split(","))]
    lengths = [n + 1 for n in map(len, words) if n]
    outer = [m + n for m in map(lambda word: len(word) + n, words)]
    kept = [word for word in filter(lambda word: word and word[0] != "a", words)]
    return words, lengths, outer, kept, sum(n for n in map(len, words))


def sums_with_starts(line):
    values = [float(len(word)) / 10 + 1e16 * (len(word) == 1) for word in line.split()]
    start = 1 if len(values) < 4 else values[0]
    total = 1
    for _ in values:
        total = sum(values, total)
    return sum(values, start), total


def totals_from_one_zero(line):
    total = count = 0
    for word in line.split():
        total += len(word) / 2
        count += 1
    return total / max(count, 1), count


def sorts_beside_none(line):
    pairs = [(i % 3, None if i % 2 else i) for i in range(40 if line[:1] == "a" else len(line))]
    try:
        pairs.sort(reverse=True)
        return pairs
    except TypeError:
        return []


def sorts_of_equal_nones(line):
    return sorted([(len(word), None) for word in line.split() * 9])


def returns_within_try(lines):
    def number(line):
        try:
            return [float(line)]
        except ValueError:
            return []

    def pairs(line):
        try:
            return [(word, int(word)) for word in line.split()]
        except ValueError:
            return [("bad", 1)]
        finally:
            line = ""

    return lines.flatMap(number).union(lines.flatMap(pairs))


def generators(lines):
    def words(line):
        for word in line.split():
            if word == "x":
                return
            yield word.upper(), 1

    return lines.flatMap(words).reduceByKey(lambda a, b: a + b)


def generators_with_try(lines):
    def numbers(line):
        try:
            for word in line.split():
                yield word, int(word)
        except ValueError:
            yield "bad", 1

    keyed = lines.map(lambda line: (line[:1], line)).flatMapValues(numbers)
    return lines.flatMap(numbers).union(keyed)


def generators_of_streams(lines):
    def lengths(line):
        yield from map(len, line.split())

    return lines.flatMap(lengths).union(lines.flatMap(lambda line: map(len, line.split())))


def generators_that_raise(lines):
    def numbers(line):
        for word in line.split():
            yield int(word)

    return lines.flatMap(numbers).map(lambda n: print("then", n) if n == 7 else n)


def generators_that_print(lines):
    def words(line):
        for word in line.split():
            yield word
            if word == "1":
                print("after", word)

    return lines.flatMap(words).map(lambda word: print("then", word) if word == "1" else word)


def generators_of_what_changes(lines):
    def seen(line):
        words = []
        for word in line.split():
            words.append(word)
            yield words

    def change(words):
        words.append("more")
        return len(words)

    return lines.flatMap(seen).map(change)


def sorted_beside_none(lines):
    pairs = lines.map(lambda line: (len(line) % 3, None if len(line) % 2 else len(line)))
    return lines.context.parallelize(pairs.top(9), 1)
