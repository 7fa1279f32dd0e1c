"""Named functions and chains with regular expressions, each over every nasty line.

Names that begin with an underscore are called from others, or are patterns. Used by
`test_compiler_exact`, as `programs` and `chains` are.
"""

# ruff: noqa: RUF015, SIM
import re
from re import IGNORECASE, findall
from re import compile as make

LOG = re.compile(
    r'^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (?P<path>\S+) [^"]*" (?P<status>\d{3}) (\d+|-)'
)
PAIR = re.compile(r"(\w+)=(\w*)(;)?")
EITHER = re.compile(r"(\d+)|([a-z]+)")
WORD = make("[a-z]+", IGNORECASE)
SPACE = re.compile(r"\s+")
LAZY = re.compile("a*?")
LOOKS = re.compile(r"(?<=a)b")
is_word = WORD.fullmatch


def log_line(line):
    m = LOG.match(line)
    if m is None:
        return None
    return (int(m.group("status")), m.group("path"), m[1], m["path"], m.group(2, 3, "status"))


def log_line_not(line):
    m = LOG.match('1.2.3.4 - - [10/Oct/2000] "GET /' + line + ' HTTP/1.0" 200 -')
    if not m:
        return ("", 0)
    return (m.group(4), int(m.group(5)))


def groups_of_all_kinds(line):
    m = PAIR.search(line)
    if m:
        return m.groups(), m.groups("none"), m.group(), m.group(0), m[3], m.span(), m.span(3)
    return None


def groups_with_a_number_as_default(line):
    m = PAIR.search(line)
    return m.groups(0) if m else None


def groups_that_exclude_each_other(line):
    m = EITHER.match(line)
    if m is None:
        return None
    if m.group(1) is None:
        return m.group(2).upper(), m.start(2), m.end(1), m.start(1)
    return m.group(1), int(m[1]), m.end(1), m.start("" and 0)


def group_of_none(line):
    return WORD.match(line).group()


def group_of_none_caught(line):
    try:
        return WORD.match(line).group(0), PAIR.search(line)[1]
    except AttributeError:
        return "no word", None


def group_of_none_caught_as_another(line):
    try:
        return WORD.match(line).group()
    except (TypeError, ValueError):
        return "no word"


def group_that_is_not_there(line):
    m = WORD.match(line)
    try:
        return m.group(1) if m else "no match"
    except IndexError:
        return "no group"


def index_of_none_caught(line):
    try:
        return WORD.match(line)[0]
    except TypeError:
        return "no word"


def match_and_group(line):
    m = WORD.search(line)
    return m and m.group(), (m and m.start()) or 7


def match_or_other(line):
    m = WORD.match(line) or WORD.search(line)
    return m.end() if m else -1


def match_or_another_pattern(line):
    m = WORD.match(line) or PAIR.search(line)
    return m.end() if m else -1


def match_of_either(line):
    m = None
    if line.startswith("a"):
        m = WORD.match(line)
    return m is None, m is not None, bool(m), not m, m == None  # noqa: E711


def match_of_two_patterns(line):
    m = WORD.match(line)
    if not m:
        m = PAIR.search(line)
    return m.start() if m else -1


def match_is_compared(line):
    return WORD.match(line) == WORD.match(line)


def match_has_a_string(line):
    m = WORD.match(line)
    return (m.string, m.lastindex, m.re.pattern, m.pos, m.endpos) if m else None


def match_as_a_dict(line):
    m = LOG.match(line)
    return m.groupdict() if m else None


def match_expands(line):
    m = PAIR.match(line)
    return m.expand(r"\2-\1") if m else None


def match_from_a_place(line):
    return bool(WORD.match(line, 1)), bool(WORD.search(line, 1, 2))


def bound_methods(line):
    return is_word(line) is not None, bool(is_word(line[1:]))


def functions_of_the_module(line):
    found = re.search("b", line)
    return found is None, bool(re.match(WORD, line)), bool(re.fullmatch("a.*", line, re.S))


def flags_of_all_kinds(line):
    one = re.search("^B$", line, re.IGNORECASE | re.M)
    two = re.search("b.c", line, flags=re.I | re.DOTALL | re.ASCII)
    three = re.search(
        r"""b  # a letter
        \s c""",
        line,
        re.VERBOSE,
    )
    four = re.search("(?i)B", line)
    five = re.search("(?i:B)A", line)
    return bool(one), bool(two), bool(three), bool(four), bool(five), bool(re.search("b", line, 2))


def compiled_in_the_function(line):
    pattern = re.compile("a+", re.I)
    return bool(pattern.search(line)), re.compile("b").sub("<>", line)


def compiled_and_rebound(line):
    pattern = re.compile("a+")
    if line.startswith("a"):
        pattern = re.compile("b+")
    return bool(pattern.search(line))


def compiled_from_the_line(line):
    try:
        return bool(re.search(line, "abc"))
    except re.error:
        return None


def imported_in_the_function(line):
    import re as regular
    from re import search

    return bool(search("a", line)), regular.sub("a", "b", line)


def pattern_that_is_wrong(line):
    try:
        return bool(re.match("(", line))
    except re.error:
        return None


def pattern_with_a_warning(line):
    return bool(re.match("[[a]", line))


def pattern_of_bytes(line):
    try:
        return bool(re.match(b"a", line))
    except TypeError:
        return None


def substitutes(line):
    return (
        re.sub(r"(\w)(b)?", r"<\2\1>", line),
        SPACE.sub(" ", line),
        SPACE.sub("", line, 1),
        re.sub("a", "é", line, count=2),
        PAIR.sub(r"\g<2>\n\g<1>\\", line),
        re.subn("[ab]", "", line),
        WORD.sub("x", line, -1),
        re.sub("", "-", line),
        re.sub("a*", "-", line),
        re.sub(r"\b", "|", line),
    )


def substitutes_lazily(line):
    return LAZY.sub("-", line)


def substitutes_with_a_function(line):
    return WORD.sub(lambda m: m.group().upper(), line)


def substitutes_wrongly(line):
    try:
        return re.sub("a", r"\1", line)
    except re.error:
        return "wrong"


def substitutes_what_it_is_given(line):
    return re.sub("a", line, "banana")


def finds_all(line):
    words = WORD.findall(line)
    return len(words), "|".join(words), [w.upper() for w in words][0] if words else None


def finds_all_pairs(line):
    return sum([len(key) - len(value) for key, value, end in PAIR.findall(line)])


def finds_all_of_nothing(line):
    return "|".join(re.findall("a*", line)), len(re.findall("", line)), len(findall("x|", line))


def finds_lazily(line):
    return "|".join(LAZY.findall(line))


def goes_through_matches(line):
    total = 0
    for m in EITHER.finditer(line):
        if m.group(1) is None:
            total = total * 3 + m.end()
        else:
            total = total * 5 + len(m[1])
        if total > 1000:
            break
    return (
        total,
        sum(1 for _ in re.finditer("a", line)),
        sum([m.end() for m in WORD.finditer(line)]),
    )


def keeps_an_iterator(line):
    found = WORD.finditer(line)
    return len(list(found)), len(list(found))


def splits(line):
    return (
        "|".join(SPACE.split(line)),
        "|".join(SPACE.split(line, 1)),
        "|".join(re.split("[,;=]", line)),
        "|".join(re.split("(a)", line)),
        "|".join(re.split(r"\b", line)),
        len(re.split("", line)),
        len(SPACE.split(line, maxsplit=2)),
        len(EITHER.split(line)),
        len(SPACE.split(line, -1)),
    )


def looks_behind(line):
    return bool(LOOKS.search(line))


def repeats_a_group(line):
    m = re.match(r"(?:(a)|b| )*(\d)?", line)
    return m.groups(), m.span(1)


def repeats_nothing(line):
    return re.match(r"(a*)*", line).groups()


def refers_back(line):
    return bool(re.search(r"(.)\1", line))


def ends(line):
    text = line + "\n"
    return (
        bool(re.search("a$", text)),
        bool(re.search(r"a\Z", text)),
        bool(re.search("(?m)a$", text)),
        bool(re.fullmatch("a$", text)),
        bool(re.search(r"\Aa", text)),
        bool(re.search("a.", text)),
        bool(re.search("(?s)a.", text)),
    )


def classes(line):
    return (
        bool(re.search(r"\d", line)),
        bool(re.search(r"^\w+$", line)),
        bool(re.search(r"\s", line)),
        bool(re.search(r"(?a)\s", line)),
        bool(re.search(r"(?a)^\W+$", line)),
        bool(re.search(r"[^\x00-\x7f]", line)),
        bool(re.search("[à-ü]", line)),
        bool(re.search("(?i)k", line)),
        bool(re.search("(?ai)S", line)),
    )


def either_case_beyond_ascii(line):
    return bool(re.search("(?i)[é-ü]", line))


def boundaries(line):
    return (
        bool(re.search(r"\ba", line)),
        bool(re.search(r"\B", line)),
        bool(re.search(r"a\B", line)),
    )


def non_ascii_places(line):
    m = re.search("[aé😀]", line)
    return m.span() if m else None


def large_pattern(line):
    return bool(re.search("(?:a{500}b{500}){40}", line))


def option_of_text(line):
    m = re.match("(a)?(b)?", line)
    return m.group(1) or "none", m[2] == "b", (m[1] or "") + (m[2] or ""), m.group(2) != "b"


def options_of_text_are_compared(line):
    m = re.match("(a)?(b)?", line)
    return m.group(1) == m.group(2)


def chains_of_matches(lines):
    return lines.map(WORD.match).filter(lambda m: m is not None).map(lambda m: m.group())


def chains_that_emit_matches(lines):
    return lines.map(WORD.match).filter(lambda m: m is None)


def chains_of_methods(lines):
    return lines.filter(WORD.search).flatMap(re.compile("[ ,]").split)


def chains_of_pairs(lines):
    return lines.flatMap(PAIR.findall).map(lambda t: (t[0], t[2]))


def chains_of_lists(lines):
    return lines.flatMap(EITHER.split)


def chains_of_counts(lines):
    words = lines.flatMap(lambda line: WORD.findall(line))
    return words.map(lambda word: (word.lower(), 1)).reduceByKey(lambda a, b: a + b)


def chains_by_a_group_that_may_be_none(lines):
    pairs = lines.map(lambda line: (EITHER.search(line + "1")[2], 1))
    return pairs.reduceByKey(lambda a, b: a + b, 3)


def chains_that_filter(lines):
    return lines.filter(lambda line: re.search("[ab]", line)).filter(re.compile("1|a").match)
