"""Whether an update function asks of its new values only what a digest of them tells.

A digest of a list of ``int`` is its `len`, `sum`, `min` and `max` (``crates/tidemill-udf``,
``digest.rs``). A function that uses its list in no other way gives the same for any list with the
same digest; so the values are added up where they come, and no list of them is made. `chain` asks
this of the functions of `updateStateByKey`.
"""

from __future__ import annotations

from typing import Any

TELLING = frozenset({"len", "sum", "min", "max"})


def needs_digest_only(tree: dict[str, Any]) -> bool:
    """Tell whether a described function uses its first parameter in no other way.

    Parameters
    ----------
    tree
        What `front.describe` gives.

    Examples
    --------
    >>> from tidemill.compiler.front import describe
    >>> needs_digest_only(describe(lambda new, total: sum(new) + (total or 0), 2))
    True
    >>> needs_digest_only(describe(lambda new, last: new[-1] if new else last, 2))
    False
    """
    return bool(tree["ok"]) and _only_told(tree["body"], tree["params"][0])


def _only_told(node: Any, name: str) -> bool:
    if isinstance(node, list):
        return all(_only_told(item, name) for item in node)
    if not isinstance(node, dict):
        return True
    # What a marker stands for is not known, and a nested function may bind the name anew.
    if node.get("s") == "deopt" or "params" in node:
        return False
    if _names(node, name):
        return False
    return all(
        _only_told(part, name) for key, part in node.items() if not _is_told(node, key, name)
    )


def _names(node: dict[str, Any], name: str) -> bool:
    """Whether a node is the variable, or changes it."""
    return "id" in node and node["id"] == name and node.get("e") != "builtin"


def _is_told(node: dict[str, Any], key: str, name: str) -> bool:
    """Whether a part of a node is the variable where a digest tells what is asked of it."""
    part = node[key]
    if node.get("e") == "call":
        f = node["f"]
        asks = f.get("e") == "builtin" and f.get("id") in TELLING and not node.get("kw")
        return key == "args" and asks and len(part) == 1 and _is_variable(part[0], name)
    is_condition = key == "c" and (node.get("s") == "if" or node.get("e") == "ifexp")
    is_negated = key == "a" and node.get("e") == "unary" and node.get("op") == "not"
    return (is_condition or is_negated) and _is_variable(part, name)


def _is_variable(node: Any, name: str) -> bool:
    return isinstance(node, dict) and node.get("e") == "name" and node.get("id") == name
