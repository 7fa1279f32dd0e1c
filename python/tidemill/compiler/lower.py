"""Expressions of Python's tree to nodes of ours; what has no exact node raises `Unsupported`.

Every node has its kind in ``e`` and its line in ``l``. Nothing is folded or reordered, except that
a minus before a number becomes part of it. Called by `statements` and, for lambdas, by `front`.
"""

from __future__ import annotations

import ast
from typing import Any, Callable

from tidemill.compiler import dates, regexes
from tidemill.compiler.known import constant, name_of
from tidemill.compiler.reasons import (
    ARGUMENTS,
    CALL,
    EXPRESSION,
    PARAMETERS,
    SIDE_EFFECT,
    Unsupported,
)
from tidemill.compiler.scope import NOTHING, LocalFunction, Scope

Node = dict[str, Any]

OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
_UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not"}
_COMPARE = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
# These use up what they are given before they return, so that laziness cannot be seen.
_CONSUMERS = {"all", "any", "list", "max", "min", "set", "sorted", "str.join", "sum", "tuple"}


def expression(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of an expression."""
    lower = _LOWER.get(type(node))
    if lower is None:
        raise Unsupported(EXPRESSION, type(node).__name__, node.lineno)
    return lower(scope, node)


def looped_over(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of what a loop goes through; an iterator is nowhere else."""
    found = None
    if isinstance(node, ast.Call):
        found = regexes.call(scope, node, lambda arg: expression(scope, arg))
    return found or expression(scope, node)


def target(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of what is assigned to: a variable or a tuple of targets."""
    if isinstance(node, ast.Name):
        name = scope.variable(node.id, node.lineno)
        if name is None or node.id in scope.statics:
            raise Unsupported(EXPRESSION, f"assignment to {node.id}", node.lineno)
        return {"t": "name", "id": name}
    if isinstance(node, (ast.Tuple, ast.List)):
        return {"t": "tuple", "v": [target(scope, item) for item in node.elts]}
    raise Unsupported(EXPRESSION, f"assignment to {type(node).__name__}", node.lineno)


def comprehension(scope: Scope, node: ast.ListComp | ast.GeneratorExp) -> Node:
    """Return the tree of a list comprehension or generator expression with one ``for``."""
    if len(node.generators) != 1 or node.generators[0].is_async:
        raise Unsupported(EXPRESSION, "a comprehension with several loops", node.lineno)
    loop = node.generators[0]
    iterable = looped_over(scope, loop.iter)
    names = [n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)]
    scope.enter(names)
    try:
        return {
            "e": "comp",
            "gen": isinstance(node, ast.GeneratorExp),
            "elt": expression(scope, node.elt),
            "target": target(scope, loop.target),
            "iter": iterable,
            "ifs": [expression(scope, test) for test in loop.ifs],
            "l": node.lineno,
        }
    finally:
        scope.leave()


def _constant(scope: Scope, node: ast.Constant) -> Node:
    return constant(node.value, node.lineno)


def _items(kind: str) -> Callable[[Scope, Any], Node]:
    def lower(scope: Scope, node: Any) -> Node:
        return {"e": kind, "v": [expression(scope, item) for item in node.elts], "l": node.lineno}

    return lower


def _binary(scope: Scope, node: ast.BinOp) -> Node:
    if type(node.op) not in OPERATORS:
        raise Unsupported(EXPRESSION, type(node.op).__name__, node.lineno)
    left, right = expression(scope, node.left), expression(scope, node.right)
    return {"e": "bin", "op": OPERATORS[type(node.op)], "a": left, "b": right, "l": node.lineno}


def _unary(scope: Scope, node: ast.UnaryOp) -> Node:
    operand = node.operand
    value: Any = operand.value if isinstance(operand, ast.Constant) else None
    if isinstance(node.op, ast.USub) and type(value) in (int, float):
        return constant(-value, node.lineno)
    inner = expression(scope, operand)
    return {"e": "unary", "op": _UNARY[type(node.op)], "a": inner, "l": node.lineno}


def _compare(scope: Scope, node: ast.Compare) -> Node:
    rest: list[list[Any]] = []
    first = expression(scope, node.left)
    for op, right in zip(node.ops, node.comparators):
        searched = scope.members(right) if isinstance(op, (ast.In, ast.NotIn)) else None
        rest.append([_COMPARE[type(op)], searched or expression(scope, right)])
    # A container of constants is no value, so it cannot be the left side of a further comparison.
    if any(right["e"] == "const_set" for _, right in rest[:-1]):
        raise Unsupported(EXPRESSION, "a container in a chain of comparisons", node.lineno)
    return {"e": "cmp", "first": first, "rest": rest, "l": node.lineno}


def _boolean(scope: Scope, node: ast.BoolOp) -> Node:
    op = "and" if isinstance(node.op, ast.And) else "or"
    values = [expression(scope, value) for value in node.values]
    return {"e": "boolop", "op": op, "v": values, "l": node.lineno}


def _conditional(scope: Scope, node: ast.IfExp) -> Node:
    return {
        "e": "ifexp",
        "c": expression(scope, node.test),
        "a": expression(scope, node.body),
        "b": expression(scope, node.orelse),
        "l": node.lineno,
    }


def _subscript(scope: Scope, node: ast.Subscript) -> Node:
    held, index = expression(scope, node.value), node.slice
    if not isinstance(index, ast.Slice):
        return {"e": "index", "o": held, "i": expression(scope, index), "l": node.lineno}
    if index.step is not None:
        raise Unsupported(EXPRESSION, "a slice with a step", node.lineno)
    low = expression(scope, index.lower) if index.lower else None
    high = expression(scope, index.upper) if index.upper else None
    return {"e": "slice", "o": held, "lo": low, "hi": high, "l": node.lineno}


def _f_string(scope: Scope, node: ast.JoinedStr) -> Node:
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            if part.conversion != -1 or part.format_spec is not None:
                raise Unsupported(EXPRESSION, "an f-string with a format", node.lineno)
            part = part.value
        parts.append(expression(scope, part))
    return {"e": "fstring", "parts": parts, "l": node.lineno}


def _lambda(scope: Scope, node: ast.Lambda) -> Node:
    return scope.embed(LocalFunction(node, scope), node.lineno)


def _call(scope: Scope, node: ast.Call) -> Node:
    made = dates.call(scope, node, lambda arg: expression(scope, arg))
    if made is not None:
        return made
    matched = regexes.call(scope, node, lambda arg: expression(scope, arg))
    if matched is not None:
        if matched["op"] == "finditer":
            raise Unsupported(CALL, "an iterator of matches", node.lineno)
        return matched
    if any(isinstance(arg, ast.Starred) for arg in node.args):
        raise Unsupported(ARGUMENTS, ast.unparse(node.func), node.lineno)
    value = LocalFunction(node.func, scope) if isinstance(node.func, ast.Lambda) else NOTHING
    if value is NOTHING:
        value = scope.static(node.func)
    known = name_of(value)
    if node.keywords and (value is NOTHING or known):
        raise Unsupported(ARGUMENTS, ast.unparse(node.func), node.lineno)
    if known:
        args = _arguments(scope, node, known in _CONSUMERS)
        function = {"e": "builtin", "id": known, "l": node.lineno}
        return {"e": "call", "f": function, "args": args, "l": node.lineno}
    if value is NOTHING:
        return _method(scope, node)
    return _user_call(scope, node, value)


def _method(scope: Scope, node: ast.Call) -> Node:
    held = node.func
    if not isinstance(held, ast.Attribute):
        raise Unsupported(CALL, ast.unparse(held), node.lineno)
    if held.attr.startswith("__"):
        raise Unsupported(CALL, held.attr, node.lineno)
    owner = expression(scope, held.value)
    args = _arguments(scope, node, held.attr == "join")
    return {"e": "method", "o": owner, "m": held.attr, "args": args, "l": node.lineno}


def _user_call(scope: Scope, node: ast.Call, value: Any) -> Node:
    description = scope.description
    if type(value) is not LocalFunction and not description.is_function(value):
        effect = any(value is function for function in (print, input, open))
        raise Unsupported(SIDE_EFFECT if effect else CALL, ast.unparse(node.func), node.lineno)
    tree = description.called(scope, value, len(node.args) + len(node.keywords))
    # Keywords are fine where they say what their place says already.
    names = [keyword.arg for keyword in node.keywords]
    if names and description.positional_only(value):
        raise Unsupported(PARAMETERS, f"positional-only ones of {tree['name']}", node.lineno)
    if names != tree["params"][len(node.args) :]:
        raise Unsupported(PARAMETERS, f"keywords of {tree['name']}", node.lineno)
    args = _arguments(scope, node, False)
    args += [expression(scope, keyword.value) for keyword in node.keywords]
    function = {"e": "func", "f": tree, "l": node.lineno}
    return {"e": "call", "f": function, "args": args, "l": node.lineno}


def _arguments(scope: Scope, node: ast.Call, consumed: bool) -> list[Node]:
    """The arguments; a generator may be the only one of a call that uses it up."""
    if consumed and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        return [comprehension(scope, node.args[0])]
    return [expression(scope, arg) for arg in node.args]


def _name(scope: Scope, node: ast.expr) -> Node:
    return scope.read(node)


def _attribute(scope: Scope, node: ast.Attribute) -> Node:
    found = None
    if scope.static(node) is NOTHING:
        found = dates.attribute(node, lambda held: expression(scope, held))
    return found or scope.read(node)


_LOWER: dict[type, Callable[[Scope, Any], Node]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.IfExp: _conditional,
    ast.JoinedStr: _f_string,
    ast.Lambda: _lambda,
    ast.List: _items("list"),
    ast.ListComp: comprehension,
    ast.Name: _name,
    ast.Subscript: _subscript,
    ast.Tuple: _items("tuple"),
    ast.UnaryOp: _unary,
}
