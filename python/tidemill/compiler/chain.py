"""Which part of a stage's operators is compiled, and what is left for the worker.

Called by the engine once per distinct stage, on the thread that submits the job. The compiled part
is a prefix of the narrow operators; the first function that cannot be compiled ends it.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from tidemill import ops
from tidemill._engine import portable_hash
from tidemill.compiler import rows
from tidemill.compiler.front import describe

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS: dict[Any, str] = {
    ops.map_records: "map",
    ops.filter_records: "filter",
    ops.flat_map: "flat_map",
    ops.map_values: "map_values",
    ops.flat_map_values: "flat_map_values",
}


def plan(stage: list[Callable[..., Any]], has_tail: bool) -> dict[str, Any]:
    """Say what of a stage to compile.

    Parameters
    ----------
    stage : list of callable
        The operators of `tidemill.ops`, in order; with `has_tail` the last one splits.

    Returns
    -------
    dict
        ``plan``: JSON for the code generator, or None if nothing is compiled; ``functions``: one
        line per function, ``name (file:line): compiled`` or why not; ``rows``: from the code of the
        record type to the operators that run given-up rows; ``after``: the operators that follow,
        which also run given-up rows that were not run yet.

    Examples
    --------
    >>> from functools import partial
    >>> from tidemill import ops
    >>> found = plan([partial(ops.map_records, str.strip)], False)
    >>> found["plan"] is None or "strip" in found["plan"]
    True
    """
    pipes, tail = (stage[:-1], stage[-1:]) if has_tail else (stage, [])
    steps, functions = _steps(pipes)
    taken, rest = pipes[: len(steps)], pipes[len(steps) :]
    found: dict[str, Any] = {"steps": steps, "rest": bool(rest or tail)}
    if len(rest) == 1 and _buckets_by_key(tail):
        functions += _sink(rest[0], found)
    return {
        "plan": json.dumps(found) if steps else None,
        "functions": functions,
        "rows": lambda code: [partial(rows.redo, taken, code)],
        "after": [partial(rows.merge, taken), *rest, *tail],
    }


def _steps(pipes: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    steps: list[dict[str, Any]] = []
    functions: list[str] = []
    for op in pipes:
        name = STEPS.get(op.func) if type(op) is partial and len(op.args) == 1 else None
        if name is None:
            break
        tree = describe(op.args[0])
        functions.append(_line(op.args[0], tree))
        if not tree["ok"]:
            break
        steps.append({"op": name, **tree})
    return steps, functions


def _sink(op: Any, found: dict[str, Any]) -> list[str]:
    """Take an aggregation by key into the plan."""
    if op is ops.group_by_key:
        found["sink"] = "group"
        return []
    if type(op) is partial and op.func is ops.reduce_by_key and len(op.args) == 1:
        tree = describe(op.args[0], 2)
        if tree["ok"]:
            found["sink"], found["reduce"] = "reduce", tree
        return [_line(op.args[0], tree)]
    return []


def _buckets_by_key(tail: list[Any]) -> bool:
    return bool(
        tail
        and type(tail[0]) is partial
        and tail[0].func is ops.bucket_by_key
        and tail[0].args == (portable_hash,)
    )


def _line(function: Callable[..., Any], tree: dict[str, Any]) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", None) or tree.get("name") or repr(function)
    where = f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name
    if tree["ok"]:
        left = ", ".join(f"{why} in line {line}" for why, line in _left_to_cpython(tree["body"]))
        return f"{where}: compiled" + (f", but for rows that reach {left}" if left else "")
    detail = f" ({tree['detail']})" if tree.get("detail") else ""
    return f"{where}: not compiled: {tree['reason']}{detail}, {tree.get('file')}:{tree.get('line')}"


def _left_to_cpython(node: Any) -> list[tuple[str, int]]:
    """What native code stops at, and where."""
    if isinstance(node, list):
        return [found for item in node for found in _left_to_cpython(item)]
    if not isinstance(node, dict):
        return []
    if node.get("s") == "deopt":
        return [(node.get("detail") or node["why"], node.get("l", 0))]
    return _left_to_cpython(list(node.values()))
