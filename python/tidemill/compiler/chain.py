"""Which operators of a stage may be compiled, in which phases, and what is left for the worker.

Called by the engine once per distinct stage, on the thread that submits the job. A phase is a chain
of narrow operators and the sink that takes its records: a grouping, a reduction, a count. What
types the data have is not known yet, so the engine may compile less than is planned here.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from tidemill import columns, ops
from tidemill._engine import portable_hash
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
# What `explain` calls an operator, and the numbers of arguments of its functions.
OPERATORS: dict[Any, tuple[str, tuple[int, ...] | None]] = {
    ops.map_records: ("map", (1,)),
    ops.filter_records: ("filter", (1,)),
    ops.flat_map: ("flatMap", (1,)),
    ops.map_values: ("mapValues", (1,)),
    ops.flat_map_values: ("flatMapValues", (1,)),
    ops.group_by_key: ("groupByKey", ()),
    ops.merge_groups: ("groupByKey, joined", ()),
    ops.reduce_by_key: ("reduceByKey", (2,)),
    ops.combine_by_key: ("combineByKey", (1, 2)),
    ops.reduce_records: ("reduce", (2,)),
    ops.take_first: ("take", ()),
    ops.count_records: ("count", ()),
    ops.update_state: ("updateStateByKey", (2,)),
    columns.map_arrow: ("mapArrow", None),
}


def plan(stage: list[Callable[..., Any]], has_head: bool, has_tail: bool) -> dict[str, Any]:
    """Say what of a stage may be compiled.

    Parameters
    ----------
    stage : list of callable
        The operators of `tidemill.ops`, in order; with `has_head` the first one takes several
        inputs, with `has_tail` the last one splits.

    Returns
    -------
    dict
        ``plan``: JSON for the engine (its `native/plan.rs`), or None if nothing can be compiled;
        ``update``: JSON of the function of an `updateStateByKey`, or None; ``functions``: one line
        per function, ``name file:line: compiled`` or why not; ``operators``: for each operator
        what `explain` calls it, and why it may not be compiled or in which lines it leaves rows
        to CPython, each None if there is nothing to say.

    Examples
    --------
    >>> from functools import partial
    >>> from tidemill import ops
    >>> found = plan([partial(ops.map_records, str.strip)], False, False)
    >>> found["functions"], "strip" in found["plan"]
    (['str.strip: compiled'], True)
    """
    if has_head:
        return _update(stage, Functions())
    pipes, tail = (stage[:-1], stage[-1:]) if has_tail else (stage, [])
    functions = Functions()
    phases, rest = _phases(pipes, functions)
    splits = has_tail and _splits_by_key(tail[0])
    if rest is None and has_tail and not splits:
        rest = len(pipes)
    found = {"phases": phases, "rest": rest, "splits": splits, "operators": len(pipes)}
    useful = bool(phases) or (splits and rest is None)
    return {
        "plan": json.dumps(found) if useful else None,
        "update": None,
        "functions": functions.lines,
        "operators": [_operator(op, functions) for op in pipes],
    }


class Functions:
    """The functions of a stage, each read once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._trees: dict[tuple[int, int], dict[str, Any]] = {}

    def tree(self, function: Any, arity: int) -> dict[str, Any]:
        """Return the description of a function of so many arguments."""
        key = (id(function), arity)
        if key not in self._trees:
            tree = self._trees[key] = describe(function, arity)
            called = _called(function, tree)
            how = "compiled" if tree["ok"] else f"not compiled: {_refusal(tree)}"
            self.lines.append(f"{called}: {how}")
        return self._trees[key]

    def good(self, function: Any, arity: int) -> dict[str, Any] | None:
        """Return the description if there is one."""
        tree = self.tree(function, arity)
        return tree if tree["ok"] else None


def _update(stage: list[Any], functions: Functions) -> dict[str, Any]:
    """The plan of a stage that begins with an operator of several inputs."""
    update = _argument(stage[0], ops.update_state) if len(stage) == 1 else None
    tree = None if update is None else functions.good(update, 2)
    return {
        "plan": None,
        "update": json.dumps(tree) if tree else None,
        "functions": functions.lines,
        "operators": [_operator(op, functions) for op in stage],
    }


def _phases(pipes: list[Any], functions: Functions) -> tuple[list[dict[str, Any]], int | None]:
    """The phases, and the place of the first operator that is the worker's, if there is one."""
    phases: list[dict[str, Any]] = []
    at = 0
    while at < len(pipes):
        steps = _steps(pipes[at:], functions)
        end = at + len(steps)
        sink = _sink(pipes[end], functions) if end < len(pipes) else None
        if steps or sink:
            effects = _has_late_effects(steps)
            phases.append({"first": at, "steps": steps, "sink": sink, "effects": effects})
        if not sink:
            return phases, end if end < len(pipes) else None
        at = end + 1
    return phases, None


def _steps(pipes: list[Any], functions: Functions) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for op in pipes:
        name = STEPS.get(op.func) if type(op) is partial and len(op.args) == 1 else None
        if name is None:
            break
        tree = functions.good(op.args[0], 1)
        if tree is None:
            break
        steps.append({"op": name, **tree})
    return steps


def _has_late_effects(steps: list[dict[str, Any]]) -> bool:
    """Whether a function after one that gives several records leaves statements to CPython.

    Then a row's effects may come after its first record has gone on.
    """
    several = False
    for step in steps:
        if several and _left_to_cpython(step["body"]):
            return True
        several = several or step["op"] in ("flat_map", "flat_map_values")
    return False


def _sink(op: Any, functions: Functions) -> dict[str, Any] | None:
    """An operator that takes all records before it gives any."""
    if op is ops.group_by_key:
        return {"kind": "group"}
    if op is ops.merge_groups:
        return {"kind": "merge"}
    if op is ops.count_records:
        return {"kind": "count"}
    count = _argument(op, ops.take_first)
    if type(count) is int:
        return {"kind": "take", "count": max(count, 0)}
    for kind, operator in (("reduce", ops.reduce_by_key), ("total", ops.reduce_records)):
        merge = _argument(op, operator)
        if merge is not None:
            tree = functions.good(merge, 2)
            return {"kind": kind, "merge": tree} if tree else None
    if type(op) is partial and op.func is ops.combine_by_key and len(op.args) == 2:
        create, merge = functions.good(op.args[0], 1), functions.good(op.args[1], 2)
        return {"kind": "combine", "create": create, "merge": merge} if create and merge else None
    return None


def _argument(op: Any, operator: Any) -> Any:
    """The one thing that an operator is bound to, if it is that operator."""
    bound = type(op) is partial and op.func is operator and len(op.args) == 1
    return op.args[0] if bound else None


def _splits_by_key(op: Any) -> bool:
    return _argument(op, ops.bucket_by_key) is portable_hash


def _operator(op: Any, functions: Functions) -> tuple[str, str | None, str | None]:
    """What to call an operator, why it is not compiled, what its functions leave to CPython."""
    bare = op.func if type(op) is partial else op
    name, arity = OPERATORS.get(bare, (getattr(bare, "__name__", repr(bare)), None))
    if arity is None:
        return name, "an operator that is not compiled", None
    own = [f for f in (op.args if type(op) is partial else ()) if callable(f)]
    trees = [functions.tree(function, each) for function, each in zip(own, arity)]
    called = ", ".join(map(_called, own, trees))
    refused = next((_refusal(tree) for tree in trees if not tree["ok"]), None)
    left = [each for tree in trees if tree["ok"] for each in _left_to_cpython(tree["body"])]
    rows = ", ".join(f"{why} in line {line}" for why, line in left)
    return (f"{name}({called})" if called else name), refused, rows or None


def _called(function: Callable[..., Any], tree: dict[str, Any]) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", None) or tree.get("name") or repr(function)
    return f"{name} {code.co_filename}:{code.co_firstlineno}" if code else str(name)


def _refusal(tree: dict[str, Any]) -> str:
    detail = f" ({tree['detail']})" if tree.get("detail") else ""
    place = f", {tree['file']}:{tree['line']}" if tree.get("file") else ""
    return f"{tree['reason']}{detail}{place}"


def _left_to_cpython(node: Any) -> list[tuple[str, int]]:
    """What native code stops at, and where."""
    if isinstance(node, list):
        return [found for item in node for found in _left_to_cpython(item)]
    if not isinstance(node, dict):
        return []
    if node.get("s") == "deopt":
        return [(node.get("detail") or node["why"], node.get("l", 0))]
    return _left_to_cpython(list(node.values()))
