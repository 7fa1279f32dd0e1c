"""Calls of `re`'s functions and of compiled patterns' methods, with a pattern that is known.

Functions and flags of `re` are known by identity; a pattern is a captured `re.Pattern`, or
`re.compile` of constants, wherever it stands. Called by `lower`, `local` and `scope`.
"""

from __future__ import annotations

import ast
import re
import sys
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Callable

from tidemill.compiler.patterns import template, translate
from tidemill.compiler.reasons import ARGUMENTS, CALL, PATTERN, Unsupported
from tidemill.compiler.strict_re import parser

if TYPE_CHECKING:
    from tidemill.compiler.scope import Scope

Node = dict[str, Any]

# What follows the pattern; flags come last.
_PARAMETERS = {
    "findall": ["string"],
    "finditer": ["string"],
    "fullmatch": ["string"],
    "match": ["string"],
    "search": ["string"],
    "split": ["string", "maxsplit"],
    "sub": ["repl", "string", "count"],
    "subn": ["repl", "string", "count"],
}
_OF_SUBJECT = ("findall", "fullmatch", "match", "search", "split")
_FUNCTIONS = {id(getattr(re, name)): (name, getattr(re, name)) for name in _PARAMETERS}
_COMPILE = re.compile
_FLAG_SET = {id(flag): flag for flag in vars(re).values() if type(flag) is re.RegexFlag}
# From 3.13 on these should be keywords of a function of `re`, and CPython says so.
_KEYWORDS = {"maxsplit", "count"} if sys.version_info >= (3, 13) else set()


def is_known(value: Any) -> bool:
    """Whether a value is one of the functions or flags of `re`, the same in every process."""
    flag = _FLAG_SET.get(id(value)) is value and type(value) is re.RegexFlag
    return flag or value is _COMPILE or _function(value) is not None


def pattern_of(scope: Scope, node: ast.expr) -> re.Pattern[str] | None:
    """Return the pattern that an expression stands for, if it is one that is known."""
    if not isinstance(node, ast.Call):
        value = scope.static(node)
        return value if type(value) is re.Pattern else None
    func = node.func
    if isinstance(func, ast.Attribute):
        # Of other values `static` may refuse to say what an attribute is.
        known = func.attr == "compile" and type(scope.static(func.value)) is ModuleType
    else:
        known = isinstance(func, ast.Name)
    if not known or scope.static(func) is not _COMPILE:
        return None
    names = ["pattern", "flags"]
    return _compiled(scope, _placed(node, names, set()), node.lineno)


def call(scope: Scope, node: ast.Call, lower: Callable[[ast.expr], Node]) -> Node | None:
    """Return the node of a call that matches a known pattern, None for any other call."""
    found = _method(scope, node)
    if found is not None:
        name, pattern = found
        given = _placed(node, _PARAMETERS[name], set())
    else:
        function = _function(scope.static(node.func))
        if function is None:
            return None
        name = function
        given = _placed(node, ["pattern", *_PARAMETERS[name], "flags"], _KEYWORDS)
        pattern = _compiled(scope, given, node.lineno)
    if "string" not in given:
        raise Unsupported(ARGUMENTS, f"re.{name}", node.lineno)
    values = [given[key] for key in _PARAMETERS[name] if key in given and key != "repl"]
    made = _node(name, pattern, [lower(value) for value in values], node.lineno)
    if name in ("sub", "subn"):
        made["t"] = template(pattern, _text(scope, given.get("repl"), node.lineno), node.lineno)
    return made


def bound_method(value: Any) -> tuple[str, re.Pattern[str]] | None:
    """Return the name and the pattern of what `pattern.search` and its kin give."""
    if issubclass(type(value), BuiltinFunctionType) and type(value.__self__) is re.Pattern:
        return value.__name__, value.__self__
    return None


def call_bound(value: Any, args: list[Node]) -> Node | None:
    """Return the node of a call of a bound method with a subject, if it is one."""
    found = bound_method(value)
    if found is None or len(args) != 1 or found[0] not in _OF_SUBJECT:
        return None
    return _node(*found, args, 0)


def _node(name: str, pattern: re.Pattern[str], args: list[Node], line: int) -> Node:
    return {"e": "regex", "op": name, "p": translate(pattern, line), "args": args, "l": line}


def _function(value: Any) -> str | None:
    name, function = _FUNCTIONS.get(id(value), (None, None))
    return name if function is value else None


def _method(scope: Scope, node: ast.Call) -> tuple[str, re.Pattern[str]] | None:
    """The method's name and the pattern, if a method of a known pattern is called."""
    func = node.func
    found = None
    if isinstance(func, ast.Attribute) and func.attr in _PARAMETERS:
        pattern = pattern_of(scope, func.value)
        found = None if pattern is None else (func.attr, pattern)
    elif isinstance(func, ast.Name):
        found = bound_method(scope.static(func))
    if found is not None and found[0] not in _PARAMETERS:
        raise Unsupported(CALL, f"re.Pattern.{found[0]}", node.lineno)
    return found


def _placed(node: ast.Call, names: list[str], keywords: set[str]) -> dict[str, ast.expr]:
    """The arguments by name, if they are written in the order of the parameters."""
    given = [*zip(names, node.args), *((word.arg or "", word.value) for word in node.keywords)]
    places = [names.index(name) if name in names else -1 for name, _ in given]
    in_order = -1 not in places and places == sorted(set(places))
    starred = any(isinstance(arg, ast.Starred) for arg in node.args)
    if len(node.args) > len(names) or not in_order or starred:
        raise Unsupported(ARGUMENTS, ast.unparse(node.func), node.lineno)
    if keywords & set(names[: len(node.args)]):
        raise Unsupported(ARGUMENTS, "a place that should be a keyword", node.lineno)
    return dict(given)


def _compiled(scope: Scope, given: dict[str, ast.expr], line: int) -> re.Pattern[str]:
    """The pattern that a function of `re` is given: a compiled one, or a constant and flags."""
    node = given.get("pattern")
    flags = _flags(scope, given["flags"]) if "flags" in given else 0
    value = None if node is None else pattern_of(scope, node)
    if value is not None and flags == 0:
        return value
    text = _text(scope, node, line)
    try:
        # The driver says no warning that CPython leaves to the workers.
        parser.parse(text, flags)
        return re.compile(text, flags)
    except (re.error, ValueError, OverflowError, Warning) as error:
        raise Unsupported(PATTERN, str(error), line) from None


def _text(scope: Scope, node: ast.expr | None, line: int) -> str:
    value: Any = node.value if isinstance(node, ast.Constant) else None
    if node is not None and value is None:
        value = scope.static(node)
    if type(value) is not str:
        raise Unsupported(PATTERN, "that is not a constant", line)
    return value


def _flags(scope: Scope, node: ast.expr) -> int:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _flags(scope, node.left) | _flags(scope, node.right)
    value: Any = node.value if isinstance(node, ast.Constant) else scope.static(node)
    if type(value) not in (int, re.RegexFlag):
        raise Unsupported(PATTERN, "flags that are not constants", node.lineno)
    return int(value)
