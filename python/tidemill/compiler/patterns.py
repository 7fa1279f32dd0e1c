"""Regular expressions in another engine's syntax: only what means the same in both.

A pattern is parsed by CPython's own parser and written anew from its tree, class by class, for the
linear-time engine of the native half, which prefers matches as backtracking does. Unicode's classes
and case rules are spelled out for ASCII, and then only ASCII subjects are native code's. What the
engines could disagree on is a reason. Called by `regexes`.
"""

from __future__ import annotations

import re
import sys
from typing import Any, NamedTuple

from tidemill.compiler.reasons import PATTERN, Unsupported
from tidemill.compiler.strict_re import parser

if sys.version_info >= (3, 11):
    from re import _constants as constants
else:
    import sre_constants as constants

Ranges = list[tuple[int, int]]

_FLAGS = re.I | re.M | re.S | re.X | re.A | re.U
_LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
# Pieces of a pattern with its counted repeats written out.
_LARGEST = 2000
_DIGIT: Ranges = [(48, 57)]
_WORD: Ranges = [(48, 57), (65, 90), (95, 95), (97, 122)]
# In a str, unless re.ASCII says otherwise, the separators below the space are white space too.
_SPACE: Ranges = [(9, 13), (28, 32)]
_ASCII_SPACE: Ranges = [(9, 13), (32, 32)]
# Before 3.11 a group in a repeat could keep what an attempt that failed had put there.
_REPEATED_GROUPS = sys.version_info >= (3, 11)


class Part(NamedTuple):
    """A part of a pattern in the other syntax."""

    text: str
    # Whether it may match nothing.
    empty: bool
    # Whether matching nothing is its last choice, if it is one.
    empty_last: bool
    size: int


def translate(pattern: re.Pattern[str], line: int) -> dict[str, Any]:
    """Return a pattern as the native half takes it.

    Returns
    -------
    dict
        ``syntax``: the pattern; ``groups``: for each group but the whole, whether every match sets
        it; ``names``: numbers of named groups; ``ascii``, ``no_newline``, ``not_empty``: what
        subjects must be: ASCII, without a newline at the end, not empty; ``empty``: whether the
        pattern may match nothing; ``empty_last``: whether that is its last choice then.

    Examples
    --------
    >>> found = translate(re.compile("a(b)?$"), 1)
    >>> found["syntax"], found["groups"], found["no_newline"]
    ('[a](?:([b]))?\\\\z', [False], True)
    """
    if type(pattern.pattern) is not str or pattern.flags & ~_FLAGS:
        raise Unsupported(PATTERN, "of bytes, or with a flag of another kind", line)
    try:
        # A pattern that CPython warns of is CPython's: the warning is printed.
        parsed = parser.parse(pattern.pattern, pattern.flags)
    except (Warning, re.error) as error:
        raise Unsupported(PATTERN, str(error), line) from None
    writer = _Writer(line)
    part = writer.sequence(parsed, pattern.flags, True, False)
    if writer.ascii:
        # Classes of ASCII alone make a far smaller automaton.
        writer = _Writer(line, highest=127)
        part = writer.sequence(parsed, pattern.flags, True, False)
    return {
        "syntax": part.text,
        "groups": [writer.groups[number + 1] for number in range(pattern.groups)],
        "names": dict(pattern.groupindex),
        "ascii": writer.ascii,
        "no_newline": writer.no_newline,
        "not_empty": writer.not_empty,
        "empty": part.empty,
        "empty_last": part.empty_last,
    }


def template(pattern: re.Pattern[str], text: str, line: int) -> list[str | int]:
    """Return what `sub` puts in as texts and numbers of groups.

    Examples
    --------
    >>> template(re.compile("(a)(b)"), r"<\\2-\\1>", 1)
    ['<', 2, '-', 1, '>']
    """
    try:
        made: Any = parser.parse_template(text, pattern)
    except (Warning, re.error, IndexError) as error:
        raise Unsupported(PATTERN, str(error), line) from None
    if isinstance(made, tuple):
        numbers, parts = dict(made[0]), made[1]
        made = [numbers.get(at, part) for at, part in enumerate(parts)]
    return [part for part in made if part != ""]


class _Writer:
    """Writes a parsed pattern; what it learns of the whole is in its attributes."""

    def __init__(self, line: int, highest: int = _LAST):
        self._line = line
        self._highest = highest
        self.ascii = False
        self.no_newline = False
        self.not_empty = False
        self.groups: dict[int, bool] = {}

    def _refuse(self, what: str) -> Unsupported:
        return Unsupported(PATTERN, what, self._line)

    def sequence(self, items: Any, flags: int, certain: bool, repeated: bool) -> Part:
        """Write items that follow each other.

        `certain` says that every match goes through them, `repeated` that one may do so twice.
        """
        parts = [self._item(op, value, flags, certain, repeated) for op, value in items]
        size = sum(part.size for part in parts)
        if size > _LARGEST:
            raise self._refuse("a pattern that is too large")
        empty = all(part.empty for part in parts)
        last = not empty or all(part.empty_last for part in parts)
        return Part("".join(part.text for part in parts) or "(?:)", empty, last, size)

    def _item(self, op: Any, value: Any, flags: int, certain: bool, repeated: bool) -> Part:
        if op is constants.LITERAL:
            return self._one_of([(op, value)], flags)
        if op is constants.NOT_LITERAL:
            return self._one_of([(constants.NEGATE, None), (constants.LITERAL, value)], flags)
        if op is constants.ANY:
            return self._class([(0, _LAST)] if flags & re.S else _without([(10, 10)]))
        if op is constants.IN:
            return self._one_of(value, flags)
        if op is constants.AT:
            return self._place(value, flags)
        if op is constants.BRANCH:
            return self._branch(value[1], flags, certain, repeated)
        if op is constants.SUBPATTERN:
            return self._group(value, flags, certain, repeated)
        if op in (constants.MAX_REPEAT, constants.MIN_REPEAT):
            return self._repeat(op, value, flags, certain, repeated)
        raise self._refuse(str(op).lower())

    def _branch(self, ways: list[Any], flags: int, certain: bool, repeated: bool) -> Part:
        parts = [self.sequence(way, flags, certain and len(ways) == 1, repeated) for way in ways]
        empty = [part.empty for part in parts]
        last = not any(empty) or (not any(empty[:-1]) and parts[-1].empty_last)
        text = "|".join(part.text for part in parts)
        return Part(f"(?:{text})", any(empty), last, sum(part.size for part in parts) + 1)

    def _group(self, value: Any, flags: int, certain: bool, repeated: bool) -> Part:
        number, added, removed, items = value
        if added & (re.A | re.U | re.L):
            flags &= ~(re.A | re.U | re.L)
        inner = self.sequence(items, (flags | added) & ~removed, certain, repeated)
        if number is None:
            return inner._replace(text=f"(?:{inner.text})")
        if repeated and not _REPEATED_GROUPS:
            raise self._refuse("a group in a repeat")
        self.groups[number] = certain
        return inner._replace(text=f"({inner.text})")

    def _repeat(self, op: Any, value: Any, flags: int, certain: bool, repeated: bool) -> Part:
        least, most, items = value
        endless, often = most is constants.MAXREPEAT, most > 1
        known = set(self.groups)
        inner = self.sequence(items, flags, certain and least > 0, repeated or often)
        # Whether such a repeat goes round once more, and what its groups hold then, differs.
        if inner.empty and (often or set(self.groups) > known):
            raise self._refuse("a repeat of what may match nothing")
        if most == 0:
            raise self._refuse("a repeat of no times")
        size = inner.size * int(max(least, 1) if endless else most)
        if size > _LARGEST:
            raise self._refuse("a pattern that is too large")
        count = {(0, True): "*", (1, True): "+"}.get((least, endless))
        count = count or f"{{{least},{'' if endless else most}}}"
        count = "?" if (least, most) == (0, 1) else count
        lazy = op is constants.MIN_REPEAT
        empty = least == 0 or inner.empty
        last = not empty or (inner.empty_last and not (lazy and least == 0))
        return Part(f"(?:{inner.text}){count}{'?' * lazy}", empty, last, size + 1)

    def _place(self, where: Any, flags: int) -> Part:
        lines = bool(flags & re.M)
        if where is constants.AT_BEGINNING_STRING:
            text = r"\A"
        elif where is constants.AT_BEGINNING:
            text = r"(?m:^)" if lines else r"\A"
        elif where is constants.AT_END and lines:
            text = r"(?m:$)"
        elif where in (constants.AT_END, constants.AT_END_STRING):
            self.no_newline |= where is constants.AT_END
            text = r"\z"
        elif where in (constants.AT_BOUNDARY, constants.AT_NON_BOUNDARY):
            outside = where is constants.AT_NON_BOUNDARY
            self.ascii = True
            # CPython changed its mind about no boundary in nothing.
            self.not_empty |= outside
            text = r"(?-u:\B)" if outside else r"(?-u:\b)"
        else:
            raise self._refuse(str(where).lower())
        return Part(text, True, True, 1)

    def _one_of(self, items: list[Any], flags: int) -> Part:
        """Write a class of characters, some of them perhaps in either case."""
        negative = items[0][0] is constants.NEGATE
        ranges: Ranges = []
        for op, value in items[negative:]:
            if op is constants.LITERAL:
                ranges.append((value, value))
            elif op is constants.RANGE:
                ranges.append(value)
            elif op is constants.CATEGORY:
                ranges += self._category(value, flags)
            else:
                raise self._refuse(str(op).lower())
            literal = op is not constants.CATEGORY
            if literal and any(_SURROGATES[0] <= end <= _SURROGATES[1] for end in ranges[-1]):
                raise self._refuse("a lone surrogate")
            if literal and flags & re.I:
                ranges += self._other_case(ranges[-1], flags)
        return self._class(_without(ranges) if negative else ranges)

    def _category(self, value: Any, flags: int) -> Ranges:
        self.ascii |= not flags & re.A
        space = _ASCII_SPACE if flags & re.A else _SPACE
        name = str(value)[len("CATEGORY_") :]
        known = {"DIGIT": _DIGIT, "SPACE": space, "WORD": _WORD}
        if name in known:
            return known[name]
        if name[:4] == "NOT_" and name[4:] in known:
            return _without(known[name[4:]])
        raise self._refuse(name.lower())

    def _other_case(self, pair: tuple[int, int], flags: int) -> Ranges:
        """The ASCII letters that are equal but for their case; of others only re.ASCII is sure."""
        low, high = pair
        if not flags & re.A:
            if high > 127:
                raise self._refuse("a character beyond ASCII in either case")
            self.ascii = True
        letters = [chr(code) for code in range(low, min(high, 127) + 1)]
        return [(ord(c.swapcase()),) * 2 for c in letters if c.isalpha()]

    def _class(self, ranges: Ranges) -> Part:
        # No text that native code sees has surrogates, and its classes cannot name them.
        ranges = _without([*_without(ranges), _SURROGATES])
        kept = [(low, min(high, self._highest)) for low, high in ranges if low <= self._highest]
        if not kept:
            return Part(rf"[^\x{{0}}-\x{{{_LAST:x}}}]", False, True, 1)
        pieces = [_char(a) if a == b else f"{_char(a)}-{_char(b)}" for a, b in kept]
        return Part(f"[{''.join(pieces)}]", False, True, len(kept))


def _char(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else rf"\x{{{code:x}}}"


def _without(ranges: Ranges) -> Ranges:
    """All characters that are in none of the ranges, in order."""
    found, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, _LAST)] if start <= _LAST else found
