"""Dates and times: `datetime.strptime` with a constant format, `fromisoformat`, `replace`.

The class is known by identity. Formats are those whose reading does not depend on anything but the
C locale, which names the months; native code reads only texts in the plain spelling. Called by
`lower` and `scope`.
"""

from __future__ import annotations

import ast
import datetime
import locale
import re
from typing import TYPE_CHECKING, Any, Callable

from tidemill.compiler.reasons import ARGUMENTS, CONSTANT, Unsupported

if TYPE_CHECKING:
    from tidemill.compiler.scope import Scope

Node = dict[str, Any]

_CLASS = datetime.datetime
FIELDS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_FORMAT = re.compile(r"(?:%[YmdHMSfzbBaA]|[!-$&-~]| (?! ))*", re.ASCII)
_MONTHS = {"%m", "%b", "%B"}
_NAMES = {"%b", "%B", "%a", "%A"}


def is_known(value: Any) -> bool:
    """Whether a value is the class of dates and times, the same in every process."""
    return value is _CLASS


def call(scope: Scope, node: ast.Call, lower: Callable[[ast.expr], Node]) -> Node | None:
    """Return the node of a call that makes a date and time, None for any other call."""
    func = node.func
    if not isinstance(func, ast.Attribute):
        return None
    if func.attr == "replace" and node.keywords and not node.args:
        return _replace(node, func, lower)
    if func.attr not in ("strptime", "fromisoformat") or scope.static(func.value) is not _CLASS:
        return None
    count = 2 if func.attr == "strptime" else 1
    if node.keywords or len(node.args) != count:
        raise Unsupported(ARGUMENTS, f"datetime.{func.attr}", node.lineno)
    made: Node = {"e": "datetime", "op": func.attr, "args": [lower(node.args[0])], "l": node.lineno}
    if count == 2:
        made["f"] = [_format(scope, node.args[1])]
    return made


def attribute(node: ast.expr, lower: Callable[[ast.expr], Node]) -> Node | None:
    """Return the node of an attribute that a date and time has."""
    if not isinstance(node, ast.Attribute) or node.attr not in FIELDS:
        return None
    return {"e": "attr", "o": lower(node.value), "a": node.attr, "l": node.lineno}


def _replace(node: ast.Call, func: ast.Attribute, lower: Callable[[ast.expr], Node]) -> Node:
    names = [keyword.arg for keyword in node.keywords]
    if not set(names) <= set(FIELDS):
        raise Unsupported(ARGUMENTS, ast.unparse(func), node.lineno)
    values = [lower(func.value), *(lower(keyword.value) for keyword in node.keywords)]
    return {"e": "datetime", "op": "replace", "args": values, "f": names, "l": node.lineno}


def _format(scope: Scope, node: ast.expr) -> str:
    """A format that says the year, and nothing twice."""
    text = node.value if isinstance(node, ast.Constant) else scope.static(node)
    if type(text) is not str or not _FORMAT.fullmatch(text):
        raise Unsupported(CONSTANT, "a format of dates", node.lineno)
    used = re.findall("%.", text)
    twice = len(used) > len(set(used)) or len(_MONTHS & set(used)) > 1
    foreign = _NAMES & set(used) and locale.setlocale(locale.LC_TIME) not in ("C", "POSIX")
    if twice or foreign or "%Y" not in used:
        raise Unsupported(CONSTANT, "a format of dates", node.lineno)
    return text
