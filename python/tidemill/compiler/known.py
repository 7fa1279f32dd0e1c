"""The builtin functions and types that a tree may name, found by identity, and captured constants.

Only functions free of side effects are known, of C but for those of `known_json`: what they do
cannot be changed by a program, and a name that shadows one stands for another object. Called by
`scope`, `lower` and `callables`.
"""

from __future__ import annotations

import builtins
import json
import math
import operator
import sys
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any

from tidemill.compiler import known_json
from tidemill.compiler.reasons import CAPTURED, CONSTANT, Unsupported

_BUILTINS = """abs all any ascii bin bool bytes chr complex dict divmod enumerate filter float
format frozenset hex int isinstance len list map max min oct ord pow range repr reversed round set
slice sorted str sum tuple type zip""".split()
_TYPES: tuple[type, ...] = (bool, bytes, float, frozenset, int, str, tuple)
_CHANGING = """call delitem setitem iadd iand iconcat ifloordiv ilshift imatmul imod imul ior ipow
irshift isub itruediv ixor""".split()


def _table() -> dict[int, tuple[str, Any]]:
    """Object by id, the object being kept so that no other can get its id."""
    found: dict[str, Any] = {name: getattr(builtins, name) for name in _BUILTINS}
    for module in (math, operator):
        found.update(
            (f"{module.__name__}.{name}", value)
            for name, value in vars(module).items()
            if type(value) is BuiltinFunctionType and name[0] != "_" and name not in _CHANGING
        )
    for kind in _TYPES:
        found.update(
            (f"{kind.__name__}.{name}", value)
            for name, value in vars(kind).items()
            if type(value) is MethodDescriptorType and name[0] != "_"
        )
    return {id(value): (name, value) for name, value in found.items()}


_KNOWN = _table()
_EXCEPTIONS = {
    id(value): value.__name__
    for value in vars(builtins).values()
    if isinstance(value, type) and issubclass(value, BaseException)
}
_EXCEPTIONS[id(json.JSONDecodeError)] = "JSONDecodeError"


def name_of(value: Any) -> str | None:
    """Return the name of a known builtin, such as ``len``, ``math.sqrt`` or ``str.split``.

    Examples
    --------
    >>> name_of(len), name_of(operator.add), name_of(str.split), name_of(print)
    ('len', 'operator.add', 'str.split', None)
    """
    if type(value) is BuiltinFunctionType and is_plain_type(value.__self__):
        # A class method is a new object at each look-up.
        owner: Any = value.__self__
        return f"{owner.__name__}.{value.__name__}"
    name, held = _KNOWN.get(id(value), (None, None))
    return name if held is value else known_json.name_of(value)


def builtin(name: str, line: int) -> dict[str, Any]:
    """Return the node of a known builtin.

    Examples
    --------
    >>> builtin("len", 1)
    {'e': 'builtin', 'id': 'len', 'l': 1}
    """
    node = {"e": "builtin", "id": name, "l": line}
    if name == "sum" and sys.version_info >= (3, 12):
        # Since then floats are added with a correction.
        node["compensated"] = True
    return node


def exception_name(value: Any) -> str | None:
    """Return the name of a builtin exception class, or of `json`'s.

    Examples
    --------
    >>> exception_name(IOError), exception_name(len)
    ('OSError', None)
    """
    return _EXCEPTIONS.get(id(value))


def is_plain_type(value: Any) -> bool:
    """Whether a value is one of the builtin types whose methods are known."""
    return any(value is kind for kind in _TYPES)


def constant(value: Any, line: int) -> dict[str, Any]:
    """Return the node of a constant: int, float, str, bool, None or a tuple of those.

    Examples
    --------
    >>> constant(2.5, 1)
    {'e': 'const', 't': 'float', 'v': '2.5', 'l': 1}
    """
    kind = type(value)
    if kind is tuple:
        return {"e": "tuple", "v": [constant(item, line) for item in value], "l": line}
    if value is None:
        return {"e": "const", "t": "none", "v": None, "l": line}
    if kind is float:
        return {"e": "const", "t": "float", "v": repr(value), "l": line}
    if kind is int and not -(2**63) <= value < 2**63:
        raise Unsupported(CONSTANT, "an int of more than 64 bits", line)
    if kind is str and not is_unicode(value):
        raise Unsupported(CONSTANT, "a str with lone surrogates", line)
    if kind not in (int, str, bool):
        raise Unsupported(CAPTURED, f"of type {kind.__name__}", line)
    return {"e": "const", "t": kind.__name__, "v": value, "l": line}


def is_unicode(text: str) -> bool:
    """Tell whether a string has no lone surrogates, so that it can be encoded.

    Examples
    --------
    >>> is_unicode("\\N{SNOWMAN}"), is_unicode("\\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
