"""Statements of Python's tree to nodes of ours.

A statement that has no exact node becomes a ``deopt``: native code that comes there gives the row
back, and CPython runs the user's function on it from its start. So a rare branch may do anything.
Called by `front`.
"""

from __future__ import annotations

import ast
from typing import Any, Callable

from tidemill.compiler.known import exception_name
from tidemill.compiler.local import define
from tidemill.compiler.lower import OPERATORS, Node, comprehension, expression, iterated, target
from tidemill.compiler.partitions import returned
from tidemill.compiler.reasons import EXCEPTION, IMPORT, STATEMENT, Unsupported
from tidemill.compiler.scope import NOTHING, Scope
from tidemill.compiler.streams import first_of, loop_of, streamed, truth_of

_LEAVES = ("return", "raise", "break", "continue")


def block(scope: Scope, statements: list[ast.stmt], top: bool = False) -> list[Node]:
    """Return the trees of statements; what comes after a certain ``deopt`` is left out."""
    found: list[Node] = []
    for statement in statements:
        try:
            found += _statement(scope, statement, top)
        except Unsupported as reason:
            found.append(_deopt(scope, reason, statement))
            break
    return found


def expression_body(scope: Scope, node: ast.expr) -> list[Node]:
    """Return the body of a lambda: a return of its expression."""
    return _return(scope, ast.copy_location(ast.Return(node), node))


def certain_deopt(statements: list[Node]) -> Node | None:
    """Return the ``deopt`` that every run comes to which raises nothing before, if there is one."""
    for statement in statements:
        kind = statement["s"]
        if kind == "deopt":
            return statement
        if kind == "if":
            first, second = certain_deopt(statement["a"]), certain_deopt(statement["b"])
            if first and second:
                return first
        if kind == "try":
            inner = certain_deopt(statement["body"]) or certain_deopt(statement["final"])
            if inner:
                return inner
        if kind in _LEAVES or any(_leaves(inner) for inner in _inner(statement)):
            return None
    return None


def _leaves(statements: list[Node]) -> bool:
    """Whether statements may leave the ones around them other than by an error."""
    return any(
        statement["s"] in _LEAVES or any(_leaves(inner) for inner in _inner(statement))
        for statement in statements
    )


def _inner(statement: Node) -> list[list[Node]]:
    """The lists of statements within a statement."""
    handlers = [handler["body"] for handler in statement.get("handlers", ())]
    keys = [key for key in ("a", "b", "body", "else", "final") if key in statement]
    return [statement[key] for key in keys] + handlers


def _deopt(scope: Scope, reason: Unsupported, statement: ast.stmt) -> Node:
    reason.at(scope.file.name, statement.lineno)
    return {
        "s": "deopt",
        "why": reason.reason,
        "detail": reason.detail,
        "file": reason.file,
        "l": reason.line,
    }


def _statement(scope: Scope, node: Any, top: bool) -> list[Node]:
    if top and define(scope, node):
        return []
    lower = _LOWER.get(type(node))
    if lower is None:
        raise Unsupported(STATEMENT, type(node).__name__, node.lineno)
    return lower(scope, node)


def _assign(scope: Scope, node: ast.Assign) -> list[Node]:
    line = node.lineno
    if len(node.targets) == 1:
        (to,) = node.targets
        value = expression(scope, _unpacked(scope, to, node.value))
        return [_assigned(scope, to, value, line)]
    value = expression(scope, node.value)
    if value["e"] == "const":
        # One that knows it for each target, so that each may become a variable of its own type.
        return [_assigned(scope, to, dict(value), line) for to in node.targets]
    name = scope.new_name("value")
    held = {"e": "name", "id": name, "l": line}
    first = {"s": "assign", "t": {"t": "name", "id": name}, "v": value, "l": line}
    return [first, *(_assigned(scope, to, held, line) for to in node.targets)]


def _assigned(scope: Scope, to: ast.expr, value: Node, line: int) -> Node:
    return {"s": "assign", "t": target(scope, to), "v": value, "l": line}


def _unpacked(scope: Scope, to: ast.expr, value: ast.expr) -> ast.expr:
    """What is assigned, as a list if it is an iterator that is unpacked."""
    if not isinstance(to, (ast.Tuple, ast.List)):
        return value
    if any(isinstance(item, ast.Starred) for item in to.elts):
        return value
    return first_of(scope, value, len(to.elts) + 1) or value


def _annotated(scope: Scope, node: ast.AnnAssign) -> list[Node]:
    # The annotation of a function's variable is not evaluated; that of an attribute is.
    if not isinstance(node.target, ast.Name):
        raise Unsupported(STATEMENT, "an annotated attribute or item", node.lineno)
    if node.value is None:
        return []
    value = expression(scope, node.value)
    return [{"s": "assign", "t": target(scope, node.target), "v": value, "l": node.lineno}]


def _augmented(scope: Scope, node: ast.AugAssign) -> list[Node]:
    if type(node.op) not in OPERATORS:
        raise Unsupported(STATEMENT, "an augmented assignment", node.lineno)
    held = target(scope, node.target)
    kind = "aug" if held.pop("t") == "name" else "aug_item"
    value, op = expression(scope, node.value), OPERATORS[type(node.op)]
    if kind == "aug" and op == "/":
        # Nothing that is compiled changes in place, and the result may be of another type.
        before = {"e": "name", "id": held["id"], "l": node.lineno}
        divided = {"e": "bin", "op": op, "a": before, "b": value, "l": node.lineno}
        to = {"t": "name", "id": held["id"]}
        return [{"s": "assign", "t": to, "v": divided, "l": node.lineno}]
    return [{"s": kind, **held, "op": op, "v": value, "l": node.lineno}]


def _if(scope: Scope, node: ast.If) -> list[Node]:
    return [
        {
            "s": "if",
            "c": expression(scope, node.test),
            "a": block(scope, node.body),
            "b": block(scope, node.orelse),
            "l": node.lineno,
        }
    ]


def _assert(scope: Scope, node: ast.Assert) -> list[Node]:
    # Workers may not share this process's -O.
    if not __debug__:
        raise Unsupported(STATEMENT, "an assertion that may not be checked", node.lineno)
    line = node.lineno
    test = {"e": "unary", "op": "not", "a": expression(scope, node.test), "l": line}
    args = [expression(scope, node.msg)] if node.msg else []
    failure = {"s": "raise", "type": "AssertionError", "args": args, "l": line}
    return [{"s": "if", "c": test, "a": [failure], "b": [], "l": line}]


def _return(scope: Scope, node: ast.Return) -> list[Node]:
    value: Node | None = None
    held = node.value
    if held is not None and scope.use == "partition":
        held = returned(scope, held)
    if held is not None and scope.use == "iterated":
        held = streamed(scope, held) or held
    if held is not None and scope.use == "truth":
        held = truth_of(held)
    if isinstance(held, ast.GeneratorExp) and scope.is_outermost:
        # The operator uses up what its function returns, or cannot take a generator at all.
        value = comprehension(scope, held)
    elif held is not None:
        value = expression(scope, held)
    return [{"s": "return", "v": value, "l": node.lineno}]


def _expression(scope: Scope, node: ast.Expr) -> list[Node]:
    if isinstance(node.value, ast.Constant):
        return []
    return [{"s": "expr", "v": expression(scope, node.value), "l": node.lineno}]


def _for(scope: Scope, node: ast.For) -> list[Node]:
    node = loop_of(scope, node)
    return [
        {
            "s": "for",
            "iter": iterated(scope, node.iter),
            "t": target(scope, node.target),
            "body": block(scope, node.body),
            "else": block(scope, node.orelse),
            "l": node.lineno,
        }
    ]


def _while(scope: Scope, node: ast.While) -> list[Node]:
    test = expression(scope, node.test)
    body, orelse = block(scope, node.body), block(scope, node.orelse)
    return [{"s": "while", "c": test, "body": body, "else": orelse, "l": node.lineno}]


def _try(scope: Scope, node: ast.Try) -> list[Node]:
    handlers = [
        {"types": _types(scope, handler), "body": block(scope, handler.body), "l": handler.lineno}
        for handler in node.handlers
    ]
    return [
        {
            "s": "try",
            "body": block(scope, node.body),
            "handlers": handlers,
            "else": block(scope, node.orelse),
            "final": block(scope, node.finalbody),
            "l": node.lineno,
        }
    ]


def _types(scope: Scope, handler: ast.ExceptHandler) -> list[str] | None:
    """The names of the builtin exceptions that a handler catches; None for every one."""
    if handler.type is None:
        return None
    name = handler.name
    if name is not None and scope.bound.counts[name] > _handlers_of(scope, name):
        raise Unsupported(EXCEPTION, f"the use of {name}", handler.lineno)
    return _exceptions(scope, handler.type)


def _handlers_of(scope: Scope, name: str) -> int:
    nodes = ast.walk(scope.node)
    return sum(isinstance(node, ast.ExceptHandler) and node.name == name for node in nodes)


def _exceptions(scope: Scope, node: ast.expr) -> list[str]:
    if isinstance(node, ast.Tuple):
        return [name for item in node.elts for name in _exceptions(scope, item)]
    value = scope.static(node)
    values = value if type(value) is tuple else (value,)
    names = [exception_name(item) for item in values]
    found = [name for name in names if name is not None]
    if value is NOTHING or len(found) < len(names):
        raise Unsupported(EXCEPTION, ast.unparse(node), node.lineno)
    return found


def _raise(scope: Scope, node: ast.Raise) -> list[Node]:
    """A raise, with the name of the exception where that is certain; others are CPython's."""
    raised, name, args = node.exc, None, []
    if raised is not None and (node.cause is None or _is_none(node.cause)):
        if isinstance(raised, ast.Call) and not raised.keywords:
            args = [expression(scope, arg) for arg in raised.args]
            raised = raised.func
        name = exception_name(scope.static(raised))
    return [{"s": "raise", "type": name, "args": args, "l": node.lineno}]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _pass(scope: Scope, node: ast.stmt) -> list[Node]:
    return [{"s": "pass", "l": node.lineno}]


def _declaration(scope: Scope, node: ast.stmt) -> list[Node]:
    return []


def _jump(kind: str) -> Callable[[Scope, ast.stmt], list[Node]]:
    return lambda scope, node: [{"s": kind, "l": node.lineno}]


def _import(scope: Scope, node: ast.Import | ast.ImportFrom) -> list[Node]:
    raise Unsupported(IMPORT, ast.unparse(node), node.lineno)


_LOWER: dict[type, Callable[[Scope, Any], list[Node]]] = {
    ast.AnnAssign: _annotated,
    ast.Assert: _assert,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.Break: _jump("break"),
    ast.Continue: _jump("continue"),
    ast.Expr: _expression,
    ast.For: _for,
    ast.Global: _declaration,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Nonlocal: _declaration,
    ast.Pass: _pass,
    ast.Raise: _raise,
    ast.Return: _return,
    ast.Try: _try,
    ast.While: _while,
}
