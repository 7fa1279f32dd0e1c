"""Which operators of a stage may be compiled, in which phases, and what is left for the worker.

Called by the engine once per distinct stage, on the thread that submits the job. A phase is a chain
of narrow operators and the sink that takes its records: a grouping, a reduction, a count. What
types the data have is not known yet, so the engine may compile less than is planned here.
"""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from tidemill import columns, ops
from tidemill._engine import portable_hash
from tidemill.compiler.front import ITERATED, PARTITION, TRUTH, VALUE, describe
from tidemill.compiler.own import PARTITIONS, RECORDS, parts_of
from tidemill.compiler.reasons import (
    CALL,
    OPERATOR,
    PARTITIONER,
    RESULT_ITERABLES,
    SIDE_EFFECT,
    WHOLE_PARTITIONS,
)
from tidemill.compiler.users import calls_users, is_own, is_own_file

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS: dict[Any, str] = {
    ops.map_records: "map",
    ops.filter_records: "filter",
    ops.flat_map: "flat_map",
    ops.map_values: "map_values",
    ops.flat_map_values: "flat_map_values",
}

# Those that are compiled without being a step, a sink or a function.
WHOLE = (ops.expand, ops.join_sides, ops.left_sides, ops.common_keys)
REFUSED = {
    **dict.fromkeys(
        (
            ops.map_indexed,
            ops.foreach_partition,
            ops.glom,
            columns.map_arrow,
        ),
        WHOLE_PARTITIONS,
    ),
    **dict.fromkeys((ops.wrap_groups, ops.split_sides), RESULT_ITERABLES),
    ops.bucket_by_key: PARTITIONER,
}
# Instead of a number of arguments: one, for its truth; one, for several records; and one, the
# iterator of a partition.
PREDICATE, SEVERAL, WHOLE_PARTITION = -1, -2, -3
USES = {PREDICATE: TRUTH, SEVERAL: ITERATED, WHOLE_PARTITION: PARTITION}
# What `explain` calls an operator, and the numbers of arguments of its functions.
OPERATORS: dict[Any, tuple[str, tuple[int, ...] | None]] = {
    ops.map_records: ("map", (1,)),
    ops.filter_records: ("filter", (PREDICATE,)),
    ops.flat_map: ("flatMap", (SEVERAL,)),
    ops.map_values: ("mapValues", (1,)),
    ops.flat_map_values: ("flatMapValues", (SEVERAL,)),
    ops.group_by_key: ("groupByKey", ()),
    ops.group_for_update: ("groupByKey", ()),
    ops.merge_groups: ("groupByKey", ()),
    ops.reduce_by_key: ("reduceByKey", (2,)),
    ops.combine_by_key: ("combineByKey", (1, 2)),
    ops.reduce_records: ("reduce", (2,)),
    ops.take_first: ("take", ()),
    ops.count_records: ("count", ()),
    ops.count_values: ("countByValue", ()),
    ops.fold_records: ("fold", (2,)),
    ops.sum_records: ("sum", ()),
    ops.summarize_records: ("stats", ()),
    ops.map_partition: ("mapPartitions", (WHOLE_PARTITION,)),
    ops.extreme_records: ("takeOrdered", (1,)),
    ops.sort_records: ("sortByKey", (1,)),
    ops.update_state: ("updateStateByKey", (2,)),
    ops.slide_window: ("reduceByKeyAndWindow", (2, 2, 1)),
    columns.map_arrow: ("mapArrow", None),
}


def plan(
    stage: list[Callable[..., Any]],
    has_head: bool,
    has_tail: bool,
    labels: list[str] | None = None,
) -> dict[str, Any]:
    """Say what of a stage may be compiled.

    Parameters
    ----------
    stage : list of callable
        The operators of `tidemill.ops`, in order; with `has_head` the first one takes several
        inputs, with `has_tail` the last one splits.
    labels : list of str, optional
        What the user called to get each operator.

    Returns
    -------
    dict
        ``plan``: JSON for the engine (its `native/plan.rs`), or None if nothing can be compiled;
        ``update``: JSON of the function of an `updateStateByKey`, or None; ``slide``: JSON of those
        of a `reduceByKeyAndWindow` with an inverse, or None; ``functions``: one line
        per function, ``name file:line: compiled`` or why not; ``operators``: for each operator
        what `explain` calls it, why it may not be compiled, in which lines it leaves rows
        to CPython, each None if there is nothing to say, and whether it has a function of the
        user's that is to be compiled. One that splits is among them if it has such a function.

    Examples
    --------
    >>> from functools import partial
    >>> from tidemill import ops
    >>> found = plan([partial(ops.map_records, str.strip)], False, False)
    >>> found["functions"], "strip" in found["plan"]
    (['str.strip: compiled'], True)
    """
    labels = labels or [""] * len(stage)
    if has_head:
        return _head(stage, labels, Functions())
    pipes, tail = (stage[:-1], stage[-1:]) if has_tail else (stage, [])
    functions = Functions()
    phases, rest = _phases(pipes, functions)
    splits = has_tail and _splits_by_key(tail[0])
    if rest is None and has_tail and not splits:
        rest = len(pipes)
    found = {
        "phases": phases,
        "rest": rest,
        "splits": splits,
        "operators": len(pipes),
        "expands": _expands(pipes),
        "join": _join(pipes),
    }
    useful = bool(phases) or bool(_join(pipes)) or (splits and rest is None)
    told = [*pipes, *(op for op in tail if calls_users(op))]
    return {
        "plan": json.dumps(found) if useful else None,
        "update": None,
        "slide": None,
        "functions": functions.lines,
        "operators": [_operator(op, label, functions) for op, label in zip(told, labels)],
    }


class Functions:
    """The functions of a stage, each read once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._trees: dict[tuple[int, int], dict[str, Any]] = {}
        self._own: dict[int, dict[str, Any]] = {}

    def tree(self, function: Any, arity: int) -> dict[str, Any]:
        """Return the description of a function of so many arguments, or as `USES` says."""
        key = (id(function), arity)
        if key not in self._trees:
            use = USES.get(arity, VALUE)
            tree = self._trees[key] = describe(function, max(arity, 1), use)
            called = _called(function, tree)
            how = "compiled" if tree["ok"] else f"not compiled: {_refusal(tree)}"
            self.lines.append(f"{called}: {how}")
        return self._trees[key]

    def good(self, function: Any, arity: int) -> dict[str, Any] | None:
        """Return the description if there is one."""
        tree = self.tree(function, arity)
        return tree if tree["ok"] else None

    def own(self, op: Any) -> dict[str, Any] | None:
        """Return the description of what compiles in the place of an operator on partitions."""
        operator, args = parts_of(op)
        if operator not in PARTITIONS:
            return None
        if id(op) not in self._own:
            tree = self._own[id(op)] = describe(PARTITIONS[operator](*args))
            if not tree["ok"] and is_own_file(tree["file"]):
                # Its place says nothing to the user.
                tree["file"] = None
        return self._own[id(op)]


def _head(stage: list[Any], labels: list[str], functions: Functions) -> dict[str, Any]:
    """The plan of a stage that begins with an operator of several inputs."""
    update = _argument(stage[0], ops.update_state) if len(stage) == 1 else None
    tree = None if update is None else functions.good(update, 2)
    slide = _slide(stage[0], functions) if len(stage) == 1 else None
    return {
        "plan": None,
        "update": json.dumps(tree) if tree else None,
        "slide": json.dumps(slide) if slide else None,
        "functions": functions.lines,
        "operators": [_operator(op, label, functions) for op, label in zip(stage, labels)],
    }


def _slide(op: Any, functions: Functions) -> dict[str, Any] | None:
    """The functions of a window that slides, if all of them may be compiled."""
    if type(op) is not partial or op.func is not ops.slide_window or len(op.args) != 3:
        return None
    reduce, inverse, keep = op.args
    found = {"reduce": functions.good(reduce, 2), "inverse": functions.good(inverse, 2)}
    if keep is not None:
        found["keep"] = functions.good(keep, 1)
    return found if all(found.values()) else None


def _phases(pipes: list[Any], functions: Functions) -> tuple[list[dict[str, Any]], int | None]:
    """The phases, and the place of the first operator that is the worker's, if there is one."""
    phases: list[dict[str, Any]] = []
    at = 2 if _join(pipes) else 1 if _expands(pipes) else 0
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


def _expands(pipes: list[Any]) -> bool:
    """Whether the first operator makes the rows of ranges, which compiled code does itself."""
    return pipes[:1] == [ops.expand]


def _join(pipes: list[Any]) -> dict[str, Any] | None:
    """What the first two operators join, if they do."""
    if len(pipes) < 2 or pipes[0] is not ops.merge_groups:
        return None
    if type(pipes[1]) is partial and pipes[1].func is ops.join_sides:
        left, right = pipes[1].args
        return {"kind": "pairs", "keep_left": left, "keep_right": right}
    kinds = {ops.left_sides: "left", ops.common_keys: "keys"}
    kind = next((kind for op, kind in kinds.items() if op is pipes[1]), None)
    return {"kind": kind} if kind else None


def _steps(pipes: list[Any], functions: Functions) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for op in pipes:
        step = _own_step(op) or _step(op, functions)
        if step is None:
            break
        steps.append(step)
    return steps


def _step(op: Any, functions: Functions) -> dict[str, Any] | None:
    name = STEPS.get(op.func) if type(op) is partial and len(op.args) == 1 else None
    arities = {"filter": PREDICATE, "flat_map": SEVERAL, "flat_map_values": SEVERAL}
    tree = functions.good(op.args[0], arities.get(name, 1)) if name else None
    return {"op": name, **tree} if tree else None


def _own_step(op: Any) -> dict[str, Any] | None:
    """The step of an operator that has no function of the user's."""
    operator, args = parts_of(op)
    tree = _own_tree(operator, *args) if operator in RECORDS else None
    return {"op": "map", **tree} if tree and tree["ok"] else None


@lru_cache(maxsize=64)
def _own_tree(operator: Any, *args: Any) -> dict[str, Any]:
    return describe(RECORDS[operator](*args))


def _has_late_effects(steps: list[dict[str, Any]]) -> bool:
    """Whether a generator, or a function after one that gives several records, has effects.

    Then a row's effects may come after its first record has gone on.
    """
    several = False
    for step in steps:
        if (several or step.get("lazy")) and _left_to_cpython(step["body"]):
            return True
        several = several or step["op"] in ("flat_map", "flat_map_values")
    return False


def _sink(op: Any, functions: Functions) -> dict[str, Any] | None:
    """An operator that takes all records before it gives any."""
    if op in (ops.group_by_key, ops.group_for_update):
        return {"kind": "group", "for_update": op is ops.group_for_update}
    if op is ops.merge_groups:
        return {"kind": "merge"}
    if op is ops.count_records:
        return {"kind": "count"}
    if op is ops.count_values:
        return {"kind": "count_values"}
    whole = _whole(op, functions)
    if whole is not None:
        return whole if whole["function"]["ok"] else None
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


def _whole(op: Any, functions: Functions) -> dict[str, Any] | None:
    """A function of a partition; one of the user's may stop before the last record."""
    function = _argument(op, ops.map_partition)
    own = function is None
    tree = functions.own(op) if own else functions.tree(function, WHOLE_PARTITION)
    return {"kind": "whole", "function": tree, "takes_all": own} if tree else None


def _argument(op: Any, operator: Any) -> Any:
    """The one thing that an operator is bound to, if it is that operator."""
    bound = type(op) is partial and op.func is operator and len(op.args) == 1
    return op.args[0] if bound else None


def _splits_by_key(op: Any) -> bool:
    return _argument(op, ops.bucket_by_key) is portable_hash


def _operator(
    op: Any, label: str, functions: Functions
) -> tuple[str, str | None, str | None, bool]:
    """Name an operator, why it is not compiled, what it leaves to CPython, if it is the user's."""
    bare, args = parts_of(op)
    users = calls_users(op)
    own = [f for f in args if callable(f)]
    name, arity = OPERATORS.get(bare, (getattr(bare, "__name__", repr(bare)), None))
    if arity is None:
        compiles = bare in WHOLE or _own_step(op)
        refusal = None if compiles else REFUSED.get(bare, OPERATOR)
        return _named(label or name, own, [{}] * len(own)), refusal, None, users
    trees = [functions.tree(function, each) for function, each in zip(own, arity)]
    whole = functions.own(op) or {"ok": True}
    refused = next((_refusal(tree) for tree in (*trees, whole) if not tree["ok"]), None)
    left = [each for tree in trees if tree["ok"] for each in _left_to_cpython(tree["body"])]
    rows = ", ".join(f"{why} in line {line}" for why, line in left)
    return _named(label or name, own, trees), refused, rows or None, users


def _named(name: str, functions: list[Any], trees: list[dict[str, Any]]) -> str:
    """An operator and its functions, but for those that Tidemill gave it."""
    pairs = [(f, tree) for f, tree in zip(functions, trees) if not is_own(f)]
    called = ", ".join(_called(function, tree) for function, tree in pairs)
    return f"{name}({called})" if called else name


def _called(function: Callable[..., Any], tree: dict[str, Any]) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", None) or tree.get("name") or repr(function)
    if type(function) is partial:
        return f"partial of {_called(function.func, {})}"
    return f"{name} {code.co_filename}:{code.co_firstlineno}" if code else str(name)


def _refusal(tree: dict[str, Any]) -> str:
    detail = f" ({tree['detail']})" if tree.get("detail") else ""
    place = f", {tree['file']}:{tree['line']}" if tree.get("file") else ""
    return f"{tree['reason']}{detail}{place}"


def _stops_at(why: str, detail: str | None) -> str:
    """What rows do not get past; of a call it is enough to say what is called."""
    if detail and why in (CALL, SIDE_EFFECT):
        return detail
    return f"{why} ({detail})" if detail else why


def _left_to_cpython(node: Any) -> list[tuple[str, int]]:
    """What native code stops at, and where."""
    if isinstance(node, list):
        return [found for item in node for found in _left_to_cpython(item)]
    if not isinstance(node, dict):
        return []
    if node.get("s") == "deopt":
        return [(_stops_at(node["why"], node.get("detail")), node.get("l", 0))]
    return _left_to_cpython(list(node.values()))
