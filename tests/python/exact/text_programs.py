"""Named functions of a line and named chains: text in any language, reports, captured containers.

As those of `programs` and `chains`. Used by `test_compiler_exact`, through `server`.
"""

# ruff: noqa: RUF005, UP031

STOP = {"the", "a", "und", "der", "é"}
PRICES = {"a": 1.5, "b": 2.0, "é": 0.25}
DAYS = ["mon", "tue", "wed"]
LEVELS = ("debug", "info", "error")
SHORT = {"a": "A", "b": "B"}
MANY = {str(i * 7) for i in range(20_000)} | {"a", "é"}
NUMBERED = {i: str(-i) for i in range(20_000)}


def clean_words(line):
    out = []
    for word in line.split():
        word = word.strip(".,;:!?\"'()").lower()
        if word and word not in STOP:
            out = out + [word]
    return " ".join(out)


def clean_words_in_a_comprehension(line):
    return ",".join([w.strip(".,").casefold() for w in line.split() if w not in STOP])


def surrogate_in_an_f_string(line):
    return f"\ud800{line}"


def surrogate_in_a_format(line):
    return "%s\ud800" % line if len(line) % 2 else f"{line}\udfff"


def surrogate_in_a_specification(line):
    return format(line, "\ud800>5") + f"{line:\udc80<4}"


def surrogate_in_a_container(line):
    return line in {"\ud800", "a"} or {"\udfff": line}.get(line, "none")


def many_stop_words(line):
    return " ".join([w for w in line.split() if w not in MANY]), len(MANY)


def large_dictionary(line):
    return NUMBERED.get(len(line), "far"), len(line) * 100 in NUMBERED


def key_and_value(line):
    key, sep, value = line.partition("=")
    if not sep:
        return ("", line.strip())
    return (key.strip(), value.strip())


def price(line):
    try:
        return PRICES[line.strip()] * 2
    except KeyError:
        return -1.0


def price_by_base(line):
    try:
        return "%.2f" % PRICES[line]
    except LookupError:
        return "none"


def price_not_caught(line):
    try:
        return PRICES[line]
    except IndexError:
        return 0.0


def price_or_none(line):
    found = PRICES.get(line)
    if found is None:
        return "unknown"
    return f"{found:.1f}"


def nested_lookup(line):
    return SHORT.get(SHORT.get(line, "a"), "none")


def day_of(line):
    try:
        return DAYS[int(line)]
    except ValueError:
        return "no number"
    except IndexError:
        return "no day"


def level_of(line):
    for level in LEVELS:
        if level[0] == line[:1]:
            return level.upper()
    return "none"


def levels_by_index(line):
    return LEVELS[len(line) % 3] + LEVELS[0]


def where_is_it(line):
    try:
        return line.index("a")
    except ValueError:
        return -2


def where_is_it_last(line):
    try:
        at = line.rindex("é", 1)
    except ValueError:
        at = -1
    return at, line[at:]


def empty_separator(line):
    try:
        return len(line.rsplit(line[:0], 1))
    except ValueError:
        return -1


def zero_step(line):
    try:
        return line[:: len(line) % 2]
    except ValueError:
        return "zero"


def character_out_of_range(line):
    try:
        return chr(len(line) * 1000)
    except ValueError:
        return "none"


def palindrome(line):
    text = "".join(c for c in line if c.isalnum()).lower()
    return text == text[::-1]


def vowels(line):
    count = 0
    for c in line:
        if c in "aeiouäöüAEIOU":
            count += 1
    return count


def caesar(line):
    out = ""
    for c in line:
        if "a" <= c <= "z":
            out += chr((ord(c) - ord("a") + 3) % 26 + ord("a"))
        else:
            out += c
    return out


def snake_case(line):
    return "_".join(part.lower() for part in line.replace("-", " ").split())


def report(line):
    words = line.split()
    mean = sum([len(word) for word in words]) / (len(words) or 1)
    return f"{line[:10]!r:>14}: {len(words):4d} words, mean {mean:8.3f} ({mean:.1%})"


def percent_report(line):
    return "%-10s|%5d|%06.2f|%s" % (line[:10], len(line), len(line) / 3, line.isdigit())


def braces_report(line):
    return f"{line[:10]:<10}|{len(line):>+5d}|{len(line) / 7:e}"


def percent_of_a_tuple(line):
    pair = (line, len(line))
    return "%s has %d" % pair


def percent_of_what_may_be_none(line):
    found = line if len(line) > 2 else None
    return "%s" % found, f"{found}", str(found), repr(found)


def floats_in_all_forms(line):
    try:
        x = float(line.split()[0])
    except (ValueError, IndexError):
        return "none"
    return f"{x} {x:.3f} {x:e} {x:g} {x:,.1f} {x:%} {x!r} {[x, -x]}"


def german_word_count(lines):
    words = lines.flatMap(lambda line: line.strip().lower().split())
    return (
        words.filter(lambda w: w not in STOP).map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b)
    )


def chinese_characters(lines):
    return lines.flatMap(lambda line: line).map(lambda c: (c, 1)).reduceByKey(lambda a, b: a + b)


def keys_from_formats(lines):
    return lines.map(lambda line: ("%s-%d" % (line[:1], len(line)), 1)).groupByKey(3)


def unbound_methods(lines):
    return lines.map(str.strip).map(str.title).map(str.split).map(len)


def broadcast_look_ups(lines):
    sc = lines.context
    stop = sc.broadcast({"a", "é"})
    size = sc.broadcast({"a": 1, "b": 2})
    order = sc.broadcast(["x", "y", "z"])
    return lines.map(
        lambda line: (
            line in stop.value,
            size.value.get(line, 0),
            order.value[len(line) % 3],
            "x" in order.value,
        )
    )


def closure_look_ups(lines):
    table = {"a": "x", "é": "y"}
    wanted = {"a", "b"}
    return lines.filter(lambda line: line in wanted or line in table).map(lambda w: table.get(w, w))
