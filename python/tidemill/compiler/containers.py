"""Captured containers of constants as nodes: sets, dictionaries, lists, tuples.

Items are written plainly, a float by its ``repr`` since JSON has no nan. Called by `scope`, which
has made sure that the container never changes.
"""

from __future__ import annotations

from typing import Any

from tidemill.compiler.known import constant
from tidemill.compiler.reasons import CAPTURED, Unsupported

CONTAINERS = (set, frozenset, dict, list)
_LARGEST = 1 << 20


def container(value: Any, line: int) -> dict[str, Any]:
    """Return the node of a container of constants.

    Examples
    --------
    >>> container({"a": 0.5}, 1)
    {'e': 'const_map', 'v': [['a', {'f': '0.5'}]], 'l': 1}
    >>> container({"b", "a"}, 1)["v"]
    ['a', 'b']
    """
    if len(value) > _LARGEST:
        raise Unsupported(CAPTURED, f"a container of {len(value)} items", line)
    if type(value) is dict:
        entries = [[_key(key, line), _plain(item, line)] for key, item in value.items()]
        if not entries:
            raise Unsupported(CAPTURED, "a dict without items", line)
        return {"e": "const_map", "v": entries, "l": line}
    if type(value) in (list, tuple):
        return {"e": "const_list", "v": [_plain(item, line) for item in value], "l": line}
    # Sorted, since the order of a set differs from process to process.
    keys = sorted((_key(item, line) for item in value), key=lambda key: (str(type(key)), str(key)))
    return {"e": "const_set", "v": keys, "l": line}


def members(value: Any, line: int) -> dict[str, Any]:
    """Return the node for what ``in`` looks through."""
    for item in value:
        _key(item, line)
    return container(value if type(value) in (set, frozenset) else list(value), line)


def _key(value: Any, line: int) -> Any:
    """Return a key; nan is only equal to itself, and not always."""
    items = value if type(value) is tuple else (value,)
    if any(type(item) is float and item != item for item in items):
        raise Unsupported(CAPTURED, "nan as a key", line)
    return _plain(value, line)


def _plain(value: Any, line: int) -> Any:
    if type(value) is tuple:
        return [_plain(item, line) for item in value]
    if type(value) is float:
        return {"f": repr(value)}
    constant(value, line)
    return value
