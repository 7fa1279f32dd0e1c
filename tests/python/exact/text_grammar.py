"""Productions of `grammar` for text: methods of `str`, formats, captured containers.

Each function returns makers of expressions of one type; a maker is called if it is picked.
"""

from __future__ import annotations

CONSTANTS = """COUNTS = {"a": 1, "b": -7, "é": 3, "": 0, "1": 9223372036854775807}
SPELLED = {1: "one", 0: "é", -7: "seven", 2.0: "two"}
RARE = frozenset(["a", 1, 2.5, None, ("a", 1), False])
ORDER = ["x", "a", "é"]
TRIPLE = (1, 2, -7)
"""
_PARTS = ['""', '"a"', '"b"', '" "', '","', '"="', '"1"', '"ab"', '"é"', '"aa"', '"\\x85"']
_ENDS = ["", ", 1", ", -2", ", 0, 3", ", None, -1", ", 2, None", ", 100", ", 3, 1"]
_STR_SPECS = ["", ":5", ":>7", ":^6", ":*<4", ":.2", ":é^9.3", "!r", "!s:>4", "!r:.3"]
_INT_SPECS = ["", ":d", ":5", ":<6d", ":^7", ":+d", ":05d", ":,", ":_", ":x", ":#b", ":#010x"]
_INT_SPECS += [":012,", ":*=9", ":.1f", ":e", ":%", "!r:>9", "!s:.2", ": d", ":_b"]
_FLOAT_SPECS = ["", ":.2f", ":f", ":.0f", ":8.3f", ":<9.1f", ":+.1f", ":08.2f", ":,.2f", ":e"]
_FLOAT_SPECS += [":.3e", ":g", ":.3g", ":%", ":.1%", ":.4", ":10", ":015,.1f", "!r", ":G"]
_PERCENTS = {
    "str": ["%s", "%r", "%5s", "%-6s", "%.2s", "%05s"],
    "int": ["%d", "%s", "%5d", "%-4d", "%05d", "%+d", "%x", "%#o", "%.1f", "%r", "%g", "%i"],
    "float": ["%f", "%.2f", "%s", "%8.3f", "%08.1f", "%e", "%g", "%r", "%d", "%+.1f", "%.3G"],
    "bool": ["%s", "%d", "%r"],
}
_SPECS = {"str": _STR_SPECS, "int": _INT_SPECS, "float": _FLOAT_SPECS, "bool": ["", ":d", "!r:>6"]}


def _kind(writer):
    return writer.pick(["str", "int", "float", "bool"])


def _f_string(writer):
    fields = []
    for _ in range(1 + writer.chance(2)):
        kind = writer.pick(["str", "int", "float"])
        fields.append(f"{{{writer.name_of(kind)}{writer.pick(_SPECS[kind])}}}")
    return f'f"{"; ".join(fields)}"'


def _percent(writer, e):
    kinds = [_kind(writer) for _ in range(1 + writer.chance(2))]
    text = ", ".join(writer.pick(_PERCENTS[kind]) for kind in kinds)
    values = [e(kind) for kind in kinds]
    right = values[0] if len(values) == 1 and writer.chance(2) else f"({', '.join(values)},)"
    return f'("{text}%%" % {right})'


def _braces(writer, e):
    kinds = [_kind(writer) for _ in range(1 + writer.chance(2))]
    specs = [writer.pick(_SPECS[kind]) for kind in kinds]
    values = [e(kind) for kind in kinds]
    shape = writer.pick(["automatic", "numbered", "named"])
    if shape == "named":
        names = [f"a{i}" for i in range(len(kinds))]
        values = [f"{name}={value}" for name, value in zip(names, values)]
    else:
        names = ["" if shape == "automatic" else str(i) for i in range(len(kinds))]
    text = "|".join(f"{{{name}{spec}}}" for name, spec in zip(names, specs))
    return f'"{text}".format({", ".join(values)})'


def strings(writer, e):
    """Make strings."""

    def pick(*options):
        return writer.pick(options)

    def part():
        return writer.pick(_PARTS)

    def width():
        return pick("0", "3", "6", "-1", "(len(line) % 9)")

    return [
        lambda: f"{e('str')}.{pick('title', 'capitalize', 'swapcase', 'casefold')}()",
        lambda: f"{e('str')}.{pick('strip', 'lstrip', 'rstrip')}({pick(part(), e('str'), 'None')})",
        lambda: f"{e('str')}.replace({part()}, {part()}, {pick('1', '-1', '0', e('int'))})",
        lambda: f"{e('str')}.{pick('partition', 'rpartition')}({part()})[{pick('0', '1', '-1')}]",
        lambda: (
            f"{e('str')}.{pick('center', 'ljust', 'rjust')}({width()}{pick('', ', ' + part())})"
        ),
        lambda: f"{e('str')}.zfill({width()})",
        lambda: f"{e('str')}.expandtabs({pick('', '3', width())})",
        lambda: f"{e('str')}.{pick('removeprefix', 'removesuffix')}({part()})",
        lambda: f"({e('str')} * {pick('2', '0', '(len(line) % 4)', '(len(line) > 2)')})",
        lambda: f"{e('str')}[::{pick('-1', '2', '-2', e('int'))}]",
        lambda: f"{e('str')}[{pick('1', '-2', e('int'))}:{pick('', '-1')}:{pick('-1', '2')}]",
        lambda: _f_string(writer),
        lambda: _percent(writer, e),
        lambda: _braces(writer, e),
        lambda: f"{pick('str', 'repr')}({e(_kind(writer))})",
        lambda: f"str(({e('str')}, {e('float')}))",
        lambda: f'format({e("float")}, "{writer.pick(_FLOAT_SPECS[:10])[1:]}")',
        lambda: f"SPELLED.get({e('int')}, {e('str')})",
        lambda: f"SPELLED[{e(pick('int', 'float', 'bool'))}]",
        lambda: f"ORDER[{pick('0', '-1', e('int'))}]",
        lambda: f"chr({pick('65', '233', e('int'))})",
        lambda: f"{part()}.join({e('str')})",
        lambda: f"{e('words')}[::-1][{pick('0', '-1')}]",
    ]


def ints(writer, e):
    """Make whole numbers."""

    def pick(*options):
        return writer.pick(options)

    def search():
        part = pick(*_PARTS, e("str"))
        return f"{pick('find', 'rfind', 'index', 'rindex', 'count')}({part}{pick(*_ENDS)})"

    return [
        lambda: f"{e('str')}.{search()}",
        lambda: f"ord({e('str')}{pick('', '[0]', '[:1]')})",
        lambda: f"COUNTS.get({e('str')}, {e('int')})",
        lambda: f"COUNTS[{e('str')}]",
        lambda: f"TRIPLE[{pick('0', e('int'))}]",
        lambda: f"sum([COUNTS.get(c, 0) for c in {e('str')}])",
    ]


def bools(writer, e):
    """Make truths."""

    def pick(*options):
        return writer.pick(options)

    kinds = ["isdecimal", "isnumeric", "istitle", "isidentifier", "isascii", "isprintable"]
    return [
        lambda: f"{e('str')}.{writer.pick(kinds)}()",
        lambda: (
            f"{e('str')}.{pick('startswith', 'endswith')}"
            f"(({pick(*_PARTS)}, {e('str')}){pick(*_ENDS)})"
        ),
        lambda: f"{e('str')}.{pick('startswith', 'endswith')}({pick(*_PARTS)}{pick(*_ENDS)})",
        lambda: f"({e(_kind(writer))} in RARE)",
        lambda: f"(({e('str')}, {e('int')}) in RARE)",
        lambda: f"({e('str')} {pick('in', 'not in')} {pick('COUNTS', 'ORDER')})",
        lambda: f"({e(pick('int', 'float', 'bool'))} in {pick('SPELLED', 'TRIPLE')})",
        lambda: f"(COUNTS.get({e('str')}) is None)",
    ]


def words(writer, e):
    """Make lists of strings."""

    def pick(*options):
        return writer.pick(options)

    return [
        lambda: f"{e('str')}.rsplit({pick('', 'None, 1', 'None, ' + e('int'))})",
        lambda: f"{e('str')}.rsplit({pick(*_PARTS)}, {pick('1', '-1', e('int'))})",
        lambda: f"{e('str')}.split({pick('sep=', '')}{pick(*_PARTS)}, maxsplit={pick('1', '2')})",
        lambda: f"{e('str')}.splitlines({pick('', 'True', 'keepends=False')})",
        lambda: f"[c for c in {e('str')}]",
        lambda: f"{e('words')}[{pick('1', '', '-2')}:{pick('', '2')}:{pick('', '-1', '2')}]",
    ]
