"""Cases: plain functions over lines of text, fed with lines that a shortcut would get wrong.

Numbers in every spelling that ``float`` and ``int`` know, white space of all kinds, letters outside
ASCII, overflow, exceptions inside and out. Values, types, order and errors must be Python's own.
"""

from __future__ import annotations

from probe import failure, parts, write_files

NUMBERS = (
    "1 2|-1 2|-1 -2|1 -2|0 5|5 0|0 0|-0 0|0.0 -0.0|1e400 1|-1e400 1|1e-400 1|nan 1|1 NaN|"
    "-nan 1|inf 1|-Infinity 1|infinit 1|1_000 2|1__0 2|_1 2|1_ 2|0x10 1|1e5 1|1e 1|.5 1|5. 1|"
    ". 1|+1 +2|++1 1|1,5 2|1 2 3|1||  |\t1\t2\t|1\x0b2|1\x0c2|1\x1c2|1\x1f2|1\xa02|1\u20032|"
    "1\u200b2|\uff11 \uff12|٣ ٤|² 1|1\x002|é 1|😀 1|9007199254740993 1|9223372036854775808 1|"
    "1e308 1e308|0.1 0.2|123456789012345678901234567890 1|00012 1|1e+5 1E-5|1d 2|1f 2|1L 2|"
    "True 1|None 1|- 1|-.5e-3 1|1e1_0 1|1.5.2 1|1\u00852"
).split("|")


def text(sc, lines=NUMBERS, partitions=2):
    """Return the lines read from a file, as text records."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return sc.textFile(write_files({"a": data}) + "/a", partitions)


def typed(value):
    """Return a value with its type, so that 1, 1.0 and True differ."""
    return type(value).__name__, repr(value)


def applied(sc, function, lines=NUMBERS):
    """Return each line's value and type."""
    return parts(text(sc, lines).map(function).map(typed))


def quadrant(line):
    """The article's function."""
    try:
        (x, y) = [float(x) for x in line.split()]
    except ValueError:
        return ("Invalid points", 1)
    if x > 0 and y > 0:
        return ("First quadrant", 1)
    elif x < 0 and y > 0:
        return ("Second quadrant", 1)
    elif x < 0 and y < 0:
        return ("Third quadrant", 1)
    elif x > 0 and y < 0:
        return ("Fourth quadrant", 1)
    elif x == 0 and y != 0:
        return ("Lies on Y axis", 1)
    elif x != 0 and y == 0:
        return ("Lies on X axis", 1)
    return ("Origin", 1)


def safe(function):
    """Return a function whose exceptions are values."""

    def call(line):
        try:
            return function(line)
        except Exception as error:
            return type(error).__name__, str(error)

    return call


def case_text_function_quadrant(sc):
    return parts(text(sc).map(quadrant))


def case_text_function_quadrant_counts(sc):
    return parts(text(sc).map(quadrant).reduceByKey(lambda a, b: a + b))


def case_text_function_quadrant_many_lines(sc):
    lines = [f"{n % 7 - 3} {n % 5 - 2}" if n % 100 else "x" for n in range(20000)]
    return sorted(text(sc, lines).map(quadrant).reduceByKey(lambda a, b: a + b).collect())


def case_text_function_float(sc):
    return applied(sc, safe(lambda line: float(line.split()[0])))


def case_text_function_int(sc):
    return applied(sc, safe(lambda line: int(line.split()[0])))


def case_text_function_float_of_line(sc):
    return applied(sc, safe(float), [*NUMBERS, "1", " 1 ", "1\n2", "\u20031\u2003", "1\x00"])


def case_text_function_split(sc):
    return applied(sc, str.split)


def case_text_function_split_on(sc):
    lines = ["a,b,c", "a,,c", ",", "", "é,日", "a, b ,c", "no"]
    return [
        applied(sc, lambda line: line.split(","), lines),
        applied(sc, lambda line: line.split(",", 1), lines),
        applied(sc, lambda line: line.split(" "), lines),
    ]


def case_text_function_unpacking(sc):
    def pair(line):
        left, right = line.split()
        return (left, float(right))

    return applied(sc, safe(pair))


def case_text_function_methods(sc):
    lines = ["Straße", "ÉTÉ", "İstanbul", "ǅ", "  pad\t", "ΑΣ", "abc", "", "1a", "\x1c"]
    return [
        applied(sc, str.upper, lines),
        applied(sc, lambda line: line.lower(), lines),
        applied(sc, lambda line: line.strip(), lines),
        applied(sc, lambda line: len(line), lines),
        applied(sc, lambda line: line.startswith("a") or line.endswith("é"), lines),
        applied(sc, lambda line: line.replace("a", "é"), lines),
        applied(sc, lambda line: line.title(), lines),
        applied(sc, lambda line: line.isdigit(), lines),
        applied(sc, lambda line: line[::-1], lines),
        applied(sc, lambda line: line[0:2] + line[-1:], lines),
        applied(sc, lambda line: "a" in line, lines),
        applied(sc, lambda line: line < "b", lines),
    ]


def case_text_function_arithmetic(sc):
    lines = [
        "0",
        "1",
        "-7",
        "3",
        "9223372036854775807",
        "-9223372036854775808",
        "4611686018427387904",
    ]
    return [
        applied(sc, lambda line: int(line) + 1, lines),
        applied(sc, lambda line: int(line) * int(line), lines),
        applied(sc, lambda line: -int(line), lines),
        applied(sc, lambda line: abs(int(line)), lines),
        applied(sc, lambda line: int(line) - 9223372036854775807, lines),
        applied(sc, safe(lambda line: 7 // int(line)), lines),
        applied(sc, safe(lambda line: -7 % int(line)), lines),
        applied(sc, safe(lambda line: 7 / int(line)), lines),
        applied(sc, lambda line: int(line) / 3, lines),
        applied(sc, safe(lambda line: 2.5 % float(line)), lines),
        applied(sc, safe(lambda line: float(line) // 2), lines),
        applied(sc, lambda line: int(line) == float(line), lines),
        applied(sc, lambda line: int(line) > 4.5, lines),
        applied(sc, lambda line: int(line) and "yes", lines),
        applied(sc, lambda line: int(float(line) / 2), lines),
        applied(sc, lambda line: int(line) << 1, lines),
        applied(sc, lambda line: round(float(line) / 4), lines),
        applied(sc, safe(lambda line: int(line) ** 2), lines),
        applied(sc, lambda line: min(int(line), 5), lines),
    ]


def case_text_function_float_text(sc):
    lines = [
        "0.1",
        "1e16",
        "1e15",
        "1e-5",
        "0.0001",
        "-0.0",
        "1e22",
        "123456789.123456789",
        "5e-324",
    ]
    return [
        applied(sc, lambda line: str(float(line)), lines),
        applied(sc, lambda line: f"{float(line):.3f}", lines),
        applied(sc, lambda line: (float(line), float(line) + 0.1), lines),
    ]


def case_text_function_keys_from_text(sc):
    pairs = (
        text(sc).filter(lambda line: " " in line).map(lambda line: (line.split(" ")[0], len(line)))
    )
    return parts(pairs.reduceByKey(lambda a, b: a + b, 3))


def case_text_function_float_keys(sc):
    lines = ["1", "1.0", "0", "-0", "2", "1e0", "nan"]
    return parts(text(sc, lines).map(lambda line: (float(line), 1)).reduceByKey(lambda a, b: a + b))


def case_text_function_number_keys_equal(sc):
    def key(line):
        return (int(line) if line.isdigit() else float(line), 1)

    lines = ["1", "1.0", "2.0", "2", "0", "-0.0", "3"]
    return parts(text(sc, lines, 1).map(key).reduceByKey(lambda a, b: a + b, 2))


def case_text_function_mixed_results(sc):
    def mixed(line):
        if line == "a":
            return 1
        if line == "b":
            return 1.0
        if line == "c":
            return None
        return line

    return applied(sc, mixed, ["a", "b", "c", "d", "a"])


def case_text_function_filter(sc):
    lines = ["ERROR é", "error", "WARN", "", "an ERROR"]
    return [
        parts(text(sc, lines).filter(lambda line: "ERROR" in line)),
        parts(text(sc, lines).filter(lambda line: line)),
        parts(text(sc, lines).filter(len).map(lambda line: line.lower())),
    ]


def case_text_function_flat_map(sc):
    lines = ["to be or", "", "not to", "日 本", " two  spaces "]
    counts = text(sc, lines).flatMap(lambda line: line.split(" ")).map(lambda word: (word, 1))
    return parts(counts.reduceByKey(lambda a, b: a + b, 2))


def case_text_function_sums(sc):
    lines = ["a 1", "b 2.5", "a 9223372036854775807", "b 1e308", "b 1e308", "a 1", "c x"]

    def pair(line):
        key, value = line.split()
        try:
            return (key, int(value))
        except ValueError:
            try:
                return (key, float(value))
            except ValueError:
                return (key, 0)

    return parts(text(sc, lines).map(pair).reduceByKey(lambda a, b: a + b).mapValues(typed))


def case_text_function_reducers(sc):
    pairs = text(sc, ["a 3", "b 1", "a 5", "b -4", "a 0"]).map(lambda line: line.split())
    numbers = pairs.map(lambda pair: (pair[0], int(pair[1])))
    return [
        parts(numbers.reduceByKey(max)),
        parts(numbers.reduceByKey(min)),
        parts(numbers.reduceByKey(lambda a, b: a - b, 1)),
        parts(numbers.reduceByKey(lambda a, b: a * 2**40 * b)),
        parts(numbers.mapValues(lambda n: n * 0.5)),
        numbers.values().reduce(lambda a, b: a + b),
    ]


def case_text_function_raises(sc):
    lines = ["1", "2", "x", "3"]
    return [
        failure(text(sc, lines).map(float).collect, "could not convert string to float: 'x'"),
        failure(text(sc, lines).map(lambda line: line[1]).collect, "string index out of range"),
        failure(text(sc, lines).map(lambda line: 1 // len(line[1:])).collect, "ZeroDivisionError"),
    ]


def case_text_function_closures(sc):
    limit, names = 2, {"1": "one"}

    def named(line, default="many"):
        return names.get(line, default) if float(line) < limit else default

    return applied(sc, named, ["1", "0", "5"])


def case_text_function_state(sc):
    seen = []

    def number(line):
        seen.append(line)
        return len(seen)

    return parts(text(sc, ["a", "b", "c", "d"]).map(number))


def case_text_function_loops(sc):
    def total(line):
        amount = 0
        for word in line.split():
            if word == "stop":
                break
            amount += len(word)
        else:
            amount = -amount
        return amount

    def letters(line):
        return sorted(set(line)), [c for c in line if c.isalpha()], sum(map(ord, line))

    lines = ["a bb ccc", "a stop b", "", "é 日本"]
    return applied(sc, total, lines), applied(sc, letters, lines)
