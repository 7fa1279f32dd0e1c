"""Trees for callables that have no source: builtins, `functools.partial`, `operator.itemgetter`.

Only exact types count, so no method of a user's class is ever asked. Called by `front`.
"""

from __future__ import annotations

import functools
import operator
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from tidemill.compiler import regexes
from tidemill.compiler.known import builtin, constant, name_of
from tidemill.compiler.reasons import ARGUMENTS, BOUND_METHOD, NOT_A_FUNCTION, Unsupported

if TYPE_CHECKING:
    from tidemill.compiler.front import Description

Node = dict[str, Any]
# Classes whose objects are functions of one argument, and tell what they were made with.
GETTERS = (operator.itemgetter, operator.methodcaller)


def describe_object(description: Description, function: Any, arity: int) -> Node:
    """Describe a callable that is not a Python function."""
    params = [f"a{index}" for index in range(arity)]
    names = [{"e": "name", "id": name, "l": 0} for name in params]
    known = name_of(function)
    if known:
        called = builtin(known, 0)
        return _tree(known, params, {"e": "call", "f": called, "args": names, "l": 0})
    matched = regexes.call_bound(function, names)
    if matched is not None:
        return _tree(f"re.Pattern.{function.__name__}", params, matched)
    kind = type(function)
    if kind is functools.partial:
        return _partial(description, function, params, names)
    if kind in GETTERS and arity == 1:
        # Without keywords it reduces to its type and what it was made with.
        made_with = function.__reduce__()
        if made_with[0] is kind:
            make = _item if kind is operator.itemgetter else _method
            return _tree(f"operator.{kind.__name__}", params, make(names[0], made_with[1]))
        raise Unsupported(ARGUMENTS, f"operator.{kind.__name__}")
    if kind is BuiltinFunctionType and type(function.__self__).__name__ != "module":
        raise Unsupported(BOUND_METHOD, function.__name__)
    raise Unsupported(NOT_A_FUNCTION, f"of type {kind.__name__}")


def _tree(name: str, params: list[str], value: Node) -> Node:
    body = [{"s": "return", "v": value, "l": 0}]
    return {"ok": True, "name": name, "file": None, "line": 0, "params": params, "body": body}


def _item(record: Node, keys: tuple[Any, ...]) -> Node:
    items = [{"e": "index", "o": record, "i": constant(key, 0), "l": 0} for key in keys]
    return items[0] if len(items) == 1 else {"e": "tuple", "v": items, "l": 0}


def _method(record: Node, made_with: tuple[Any, ...]) -> Node:
    name, args = made_with[0], [constant(arg, 0) for arg in made_with[1:]]
    return {"e": "method", "o": record, "m": name, "args": args, "l": 0}


def _partial(description: Description, partial: Any, params: list[str], names: list[Node]) -> Node:
    function, keywords = partial.func, partial.keywords
    args = [constant(arg, 0) for arg in partial.args] + names
    if description.is_function(function) and not name_of(function):
        inner = description.tree(function, len(args), keywords)
        called = {"e": "func", "f": inner, "l": 0}
    elif (known := name_of(function)) and not keywords:
        called = builtin(known, 0)
    else:
        raise Unsupported(ARGUMENTS if keywords else NOT_A_FUNCTION, "functools.partial")
    return _tree("functools.partial", params, {"e": "call", "f": called, "args": args, "l": 0})
