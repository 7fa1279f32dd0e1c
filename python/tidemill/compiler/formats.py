"""Formats that are known before any row, of all three kinds: pieces of text and fields.

A field is ``{"a": index of the argument, "c": conversion, "s": specification}``, where the
conversion is ``s`` or ``r`` as in f-strings, or ``d`` for the whole part of a number. What a
specification means is the native half's to know. Called by `lower`.
"""

from __future__ import annotations

import re
import string
from typing import Any, Union

from tidemill.compiler.reasons import EXPRESSION, Unsupported

Part = Union[str, "dict[str, Any]"]

_PERCENT = re.compile(
    r"%(?P<flags>[#0\- +]*)(?P<width>[0-9]*)(?P<precision>\.[0-9]*)?(?P<kind>.)", re.S
)


def field(index: int, conversion: str | None, spec: str) -> dict[str, Any]:
    """Return the part for an argument."""
    return {"a": index, "c": conversion, "s": spec}


def percent(text: str, line: int) -> list[Part]:
    """Return the parts of a format of ``%``; its fields take the arguments in order.

    Examples
    --------
    >>> percent("%s: %05.1f%%", 1)
    [{'a': 0, 'c': 's', 's': ''}, ': ', {'a': 1, 'c': None, 's': '05.1f'}, '%']
    """
    parts: list[Part] = []
    at = index = 0
    while at < len(text):
        start = text.find("%", at)
        if start != at:
            parts.append(text[at : start if start >= 0 else len(text)])
        if start < 0:
            break
        found = _PERCENT.match(text, start)
        if found is None:
            raise Unsupported(EXPRESSION, f"the format {text!r}", line)
        at = found.end()
        if found.group() == "%%":
            parts.append("%")
            continue
        parts.append(_percent_field(index, found, line))
        index += 1
    return parts


def _percent_field(index: int, found: re.Match[str], line: int) -> Part:
    flags, width, precision, kind = found.groups()
    if kind in "sr":
        # Text knows neither zeros nor signs here.
        align = "" if not width else "<" if "-" in flags else ">"
        return field(index, kind, align + width + _precision(precision))
    if kind in "diu":
        if precision is None and "#" not in flags:
            return field(index, "d", _number(flags, width) + "d")
    elif kind in "xXo":
        if precision is None:
            return field(index, None, _number(flags, width) + kind)
    elif kind in "eEfFgG" and "#" not in flags:
        return field(index, None, _number(flags, width) + _precision(precision) + kind)
    raise Unsupported(EXPRESSION, f"the format {found.group()!r}", line)


def _precision(written: str | None) -> str:
    """A point without digits is a precision of 0."""
    return "" if written is None else written if written != "." else ".0"


def _number(flags: str, width: str) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else ""
    alternate = "#" if "#" in flags else ""
    if not width:
        return sign + alternate
    if "-" in flags:
        return f"<{sign}{alternate}{width}"
    return f"{sign}{alternate}{'0' if '0' in flags else ''}{width}"


def braces(text: str, positional: int, names: list[str], line: int) -> list[Part]:
    """Return the parts of a format of `str.format`; arguments by name come after the others.

    Examples
    --------
    >>> braces("{}-{b:>4}", 1, ["b"], 1)
    [{'a': 0, 'c': None, 's': ''}, '-', {'a': 1, 'c': None, 's': '>4'}]
    """
    try:
        found = list(string.Formatter().parse(text))
    except ValueError:
        raise Unsupported(EXPRESSION, f"the format {text!r}", line) from None
    parts: list[Part] = []
    automatic, numbered = 0, False
    for literal, name, spec, conversion in found:
        if literal:
            parts.append(literal)
        if name is None:
            continue
        if name == "":
            index, automatic = automatic, automatic + 1
        elif name in names:
            index = positional + names.index(name)
        else:
            numbered = True
            index = int(name) if name.isascii() and name.isdigit() else positional
        missing = index >= positional and name not in names
        if missing or (automatic and numbered) or "{" in (spec or ""):
            raise Unsupported(EXPRESSION, f"the format {text!r}", line)
        if conversion not in (None, "s", "r"):
            raise Unsupported(EXPRESSION, f"the conversion {conversion!r}", line)
        parts.append(field(index, conversion, spec or ""))
    return parts
