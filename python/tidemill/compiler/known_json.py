"""`json.loads` and `json.dumps`: known only while they are the library's own, with its own decoder.

They are Python functions, which a program can patch in many places, so each look-up asks again
whether all that they run is what the library came with. Called by `known`.
"""

from __future__ import annotations

import json
import json.decoder
import json.encoder
from types import FunctionType
from typing import Any, Optional

_FUNCTIONS: dict[str, Any] = {
    "loads": json.loads,
    "dumps": json.dumps,
    "decode": json.JSONDecoder.decode,
    "raw_decode": json.JSONDecoder.raw_decode,
    "encode": json.JSONEncoder.encode,
    "iterencode": json.JSONEncoder.iterencode,
}
_HOMES = {
    "loads": json,
    "dumps": json,
    "decode": json.decoder,
    "raw_decode": json.decoder,
    "encode": json.encoder,
    "iterencode": json.encoder,
}
# What the functions look up in their modules while they run.
_NAMES = [
    (json, "_default_decoder"),
    (json, "_default_encoder"),
    (json, "JSONDecodeError"),
    (json, "JSONDecoder"),
    (json, "JSONEncoder"),
    (json.decoder, "JSONDecodeError"),
    (json.decoder, "WHITESPACE"),
    (json.encoder, "encode_basestring_ascii"),
    (json.encoder, "c_make_encoder"),
    (json.encoder, "INFINITY"),
]
# Any name that is a builtin's would be found first.
_SHADOWED = ("isinstance", "str", "list", "tuple", "len", "float", "dict", "int")


def _own(name: str) -> bool:
    """Whether a function is the one that its module's file defines."""
    function, home = _FUNCTIONS[name], _HOMES[name]
    return (
        type(function) is FunctionType
        and function.__globals__ is vars(home)
        and function.__code__.co_name == name
        and function.__code__.co_filename == getattr(home.__spec__, "origin", None)
    )


def _state() -> list[Any]:
    """Return all that decides what the functions do, to be compared by identity."""
    found: list[Any] = []
    for function in _FUNCTIONS.values():
        found += [function.__code__, function.__defaults__, function.__kwdefaults__]
    found += [vars(module).get(name) for module, name in _NAMES]
    for made in (vars(json).get("_default_decoder"), vars(json).get("_default_encoder")):
        values = getattr(made, "__dict__", {})
        found += [type(made), *(part for key in sorted(values) for part in (key, values[key]))]
    for kind in (json.JSONDecoder, json.JSONEncoder):
        # The interpreter itself adds to the rest.
        names = [name for name in _FUNCTIONS if name in vars(kind)]
        found += [vars(kind)[name] for name in names]
        found.append(vars(kind).get("default"))
    homes = (json, json.decoder, json.encoder)
    found += [name for home in homes for name in _SHADOWED if name in vars(home)]
    return found


def _scans_in_c() -> bool:
    scanner = type(getattr(json._default_decoder, "scan_once", None))  # type: ignore[attr-defined]
    return (
        scanner.__module__ == "_json" and getattr(json.encoder, "c_make_encoder", None) is not None
    )


_AT_FIRST = _state()
_IS_OWN = all(map(_own, _FUNCTIONS)) and _scans_in_c()


def name_of(value: Any) -> Optional[str]:
    """Return the tree's name of a function of `json`.

    Examples
    --------
    >>> name_of(json.loads), name_of(json.dumps), name_of(json.load)
    ('json.loads', 'json.dumps', None)
    """
    for name in ("loads", "dumps"):
        if value is _FUNCTIONS[name]:
            return f"json.{name}" if _IS_OWN and _is_untouched() else None
    return None


def _is_untouched() -> bool:
    now = _state()
    return len(now) == len(_AT_FIRST) and all(a is b for a, b in zip(now, _AT_FIRST))
