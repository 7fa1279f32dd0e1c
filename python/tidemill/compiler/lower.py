"""Expressions of Python's tree to nodes of ours; what has no exact node raises `Unsupported`.

Every node has its kind in ``e`` and its line in ``l``. Nothing is folded or reordered, except that
a minus before a number becomes part of it. Called by `statements` and, for lambdas, by `front`.
"""

from __future__ import annotations

import ast
import operator
from typing import Any, Callable

from tidemill.compiler import dates, formats, regexes
from tidemill.compiler.callables import describe_object
from tidemill.compiler.known import builtin, constant, name_of
from tidemill.compiler.reasons import (
    ARGUMENTS,
    CALL,
    EXPRESSION,
    PARAMETERS,
    SIDE_EFFECT,
    Unsupported,
)
from tidemill.compiler.scope import NOTHING, LocalFunction, Scope
from tidemill.compiler.streams import streamed, truth_of, unrolled

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
_KEYWORDS = {
    "enumerate": ("start",),
    "int": ("base",),
    "max": ("key", "default"),
    "min": ("key", "default"),
    "pow": ("exp",),
    "round": ("ndigits",),
    "sorted": ("key", "reverse"),
    "sum": ("start",),
}
# These use up what they are given before they return, so that laziness cannot be seen.
_CONSUMERS = {"all", "any", "list", "max", "min", "set", "sorted", "str.join", "sum", "tuple"}


def expression(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of an expression."""
    lower = _LOWER.get(type(node))
    if lower is None:
        raise Unsupported(EXPRESSION, type(node).__name__, node.lineno)
    return lower(scope, node)


def target(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of what is assigned to: a variable or a tuple of targets."""
    if isinstance(node, ast.Name):
        name = scope.variable(node.id, node.lineno)
        if name is None or node.id in scope.statics:
            raise Unsupported(EXPRESSION, f"assignment to {node.id}", node.lineno)
        return {"t": "name", "id": name}
    if isinstance(node, (ast.Tuple, ast.List)):
        return {"t": "tuple", "v": [target(scope, item) for item in node.elts]}
    if isinstance(node, ast.Starred):
        return {"t": "star", "v": target(scope, node.value)}
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        held, index = expression(scope, node.value), expression(scope, node.slice)
        return {"t": "item", "o": held, "i": index}
    raise Unsupported(EXPRESSION, f"assignment to {type(node).__name__}", node.lineno)


def iterated(scope: Scope, node: ast.expr) -> Node:
    """Return the tree of what a loop walks; an iterator is nowhere else."""
    found = scope.sequence(node)
    if found is None and isinstance(node, ast.Call):
        found = regexes.call(scope, node, lambda arg: expression(scope, arg))
    return found or expression(scope, node)


def comprehension(scope: Scope, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Node:
    """Return the tree of a comprehension of a list or dict, or of a generator expression."""
    if any(loop.is_async for loop in node.generators):
        raise Unsupported(EXPRESSION, "an asynchronous comprehension", node.lineno)
    loops = unrolled(scope, node.generators)
    # Only the first iterable is evaluated in the scope around.
    iterable = iterated(scope, loops[0].iter)
    targets = [n for loop in loops for n in ast.walk(loop.target)]
    scope.enter([n.id for n in targets if isinstance(n, ast.Name) and type(n.ctx) is ast.Store])
    try:
        first, *more = loops
        tree = {
            **_loop(scope, first, iterable),
            "more": [_loop(scope, loop, iterated(scope, loop.iter)) for loop in more],
        }
        return {**_element(scope, node), **tree, "l": node.lineno}
    finally:
        scope.leave()


def _loop(scope: Scope, loop: ast.comprehension, iterable: Node) -> Node:
    tests = [expression(scope, test) for test in loop.ifs]
    return {"target": target(scope, loop.target), "iter": iterable, "ifs": tests}


def _element(scope: Scope, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Node:
    if isinstance(node, ast.DictComp):
        key, value = expression(scope, node.key), expression(scope, node.value)
        return {"e": "dict_comp", "key": key, "value": value}
    lazy = isinstance(node, ast.GeneratorExp)
    return {"e": "comp", "gen": lazy, "elt": expression(scope, node.elt)}


def _constant(scope: Scope, node: ast.Constant) -> Node:
    return constant(node.value, node.lineno)


def _items(kind: str) -> Callable[[Scope, Any], Node]:
    def lower(scope: Scope, node: Any) -> Node:
        return {"e": kind, "v": [expression(scope, item) for item in node.elts], "l": node.lineno}

    return lower


def _dict(scope: Scope, node: ast.Dict) -> Node:
    pairs = zip(node.keys, node.values)
    items = [[expression(scope, k) if k else None, expression(scope, v)] for k, v in pairs]
    return {"e": "dict", "v": items, "l": node.lineno}


def _dict_call(scope: Scope, node: ast.Call) -> Node:
    """A call of `dict`: of another dict and of keywords it makes what a literal makes of them."""
    items: list[Any] = [[None, expression(scope, arg)] for arg in node.args]
    for keyword in node.keywords:
        key = constant(keyword.arg, node.lineno) if keyword.arg is not None else None
        items.append([key, expression(scope, keyword.value)])
    # A call must not repeat a keyword, other than a literal.
    stars = sum(keyword.arg is None for keyword in node.keywords)
    if len(node.args) > 1 or (stars and len(items) > 1):
        raise Unsupported(ARGUMENTS, "dict", node.lineno)
    return {"e": "dict", "v": items, "l": node.lineno}


def _binary(scope: Scope, node: ast.BinOp) -> Node:
    if type(node.op) not in OPERATORS:
        raise Unsupported(EXPRESSION, type(node.op).__name__, node.lineno)
    text = _constant_text(scope, node.left) if isinstance(node.op, ast.Mod) else None
    if text is not None:
        return _percent(scope, text, node)
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
    if any(right["e"].startswith("const_") for _, right in rest[:-1]):
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
    index = node.slice
    varies = not isinstance(index, (ast.Slice, ast.Constant, ast.UnaryOp))
    held = iterated(scope, node.value) if varies else expression(scope, node.value)
    if not isinstance(index, ast.Slice):
        return {"e": "index", "o": held, "i": expression(scope, index), "l": node.lineno}
    ends = (index.lower, index.upper, index.step)
    low, high, step = (expression(scope, end) if end else None for end in ends)
    return {"e": "slice", "o": held, "lo": low, "hi": high, "step": step, "l": node.lineno}


def _format(args: list[Node], parts: list[formats.Part], line: int, unpack: bool = False) -> Node:
    return {"e": "format", "args": args, "parts": parts, "unpack": unpack, "l": line}


def _f_string(scope: Scope, node: ast.JoinedStr) -> Node:
    args: list[Node] = []
    parts: list[formats.Part] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        if not isinstance(part, ast.FormattedValue) or part.conversion not in (-1, *map(ord, "sr")):
            raise Unsupported(EXPRESSION, "an f-string with a conversion", node.lineno)
        conversion = None if part.conversion == -1 else chr(part.conversion)
        parts.append(formats.field(len(args), conversion, _spec(scope, part.format_spec)))
        args.append(expression(scope, part.value))
    return _format(args, parts, node.lineno)


def _spec(scope: Scope, node: ast.expr | None) -> str:
    """The specification of a field of an f-string; what is in braces must be constant."""
    written = ""
    for part in node.values if isinstance(node, ast.JoinedStr) else []:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        value = inner.value if isinstance(inner, ast.Constant) else scope.static(inner)
        plain = not isinstance(part, ast.FormattedValue) or (
            part.conversion == -1 and part.format_spec is None
        )
        if type(value) not in (int, str) or not plain:
            raise Unsupported(EXPRESSION, "a format that varies", part.lineno)
        written += str(value)
    return written


def _constant_text(scope: Scope, node: ast.expr) -> str | None:
    """The string that an expression is in every row, if it is one."""
    value = node.value if isinstance(node, ast.Constant) else scope.static(node)
    return value if type(value) is str else None


def _percent(scope: Scope, text: str, node: ast.BinOp) -> Node:
    """``text % values``; a value that is no tuple stands for itself."""
    parts = formats.percent(text, node.lineno)
    if not isinstance(node.right, ast.Tuple):
        return _format([expression(scope, node.right)], parts, node.lineno, unpack=True)
    args = [expression(scope, item) for item in node.right.elts]
    if sum(type(part) is dict for part in parts) != len(args):
        raise Unsupported(EXPRESSION, f"the format {text!r}", node.lineno)
    return _format(args, parts, node.lineno)


def _braces(scope: Scope, text: str, node: ast.Call) -> Node:
    """``text.format(values)``."""
    names = [keyword.arg or "" for keyword in node.keywords]
    if "" in names:
        raise Unsupported(ARGUMENTS, "str.format", node.lineno)
    parts = formats.braces(text, len(node.args), names, node.lineno)
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    return _format([expression(scope, value) for value in values], parts, node.lineno)


def _walrus(scope: Scope, node: ast.NamedExpr) -> Node:
    value = expression(scope, node.value)
    return {"e": "walrus", "id": target(scope, node.target)["id"], "v": value, "l": node.lineno}


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
    if known == "dict":
        return _dict_call(scope, node)
    if known == "bool" and len(node.args) == 1 and isinstance(node.args[0], ast.BoolOp):
        return expression(scope, truth_of(node.args[0]))
    if value is NOTHING:
        return _method(scope, node)
    if known:
        folded = _folded(scope, node, known)
        if folded is not None:
            return folded
        args = _arguments(scope, node, known in _CONSUMERS)
        keywords = _keywords(scope, node, _KEYWORDS.get(known, ()))
        function = builtin(known, node.lineno)
        return {"e": "call", "f": function, "args": args, **keywords, "l": node.lineno}
    if value is operator.itemgetter:
        return _item_getter(scope, node)
    return _user_call(scope, node, value)


def _item_getter(scope: Scope, node: ast.Call) -> Node:
    """A getter made of constants, which is as good as a function."""
    keys = [expression(scope, key) for key in node.args]
    if node.keywords or not keys or any(key.get("t") not in ("int", "str") for key in keys):
        raise Unsupported(ARGUMENTS, "operator.itemgetter", node.lineno)
    made = operator.itemgetter(*(key["v"] for key in keys))
    tree = describe_object(scope.description, made, 1)
    return {"e": "func", "f": tree, "l": node.lineno}


def _method(scope: Scope, node: ast.Call) -> Node:
    held = node.func
    if not isinstance(held, ast.Attribute):
        raise Unsupported(CALL, ast.unparse(held), node.lineno)
    if held.attr.startswith("__"):
        raise Unsupported(CALL, held.attr, node.lineno)
    text = _constant_text(scope, held.value) if held.attr == "format" else None
    if text is not None:
        return _braces(scope, text, node)
    owner = expression(scope, held.value)
    args = _arguments(scope, node, held.attr == "join" and not node.keywords)
    names = [keyword.arg for keyword in node.keywords]
    if None in names:
        raise Unsupported(ARGUMENTS, ast.unparse(held), node.lineno)
    args += [expression(scope, keyword.value) for keyword in node.keywords]
    if held.attr == "sort" and _sees_outside(args):
        # It would see that the list is empty while it is sorted.
        raise Unsupported(EXPRESSION, "sort by a function that uses local variables", node.lineno)
    named = {"names": names} if names else {}
    return {"e": "method", "o": owner, "m": held.attr, "args": args, **named, "l": node.lineno}


def _keywords(scope: Scope, node: ast.Call, known: tuple[str, ...]) -> Node:
    """The keyword arguments of a call, in their order, if there are any."""
    if any(keyword.arg not in known for keyword in node.keywords):
        raise Unsupported(ARGUMENTS, ast.unparse(node.func), node.lineno)
    pairs = [[keyword.arg, expression(scope, keyword.value)] for keyword in node.keywords]
    return {"kw": pairs} if pairs else {}


def _sees_outside(tree: Any) -> bool:
    """Whether a function in a tree uses variables of the function around it."""
    if isinstance(tree, list):
        return any(map(_sees_outside, tree))
    if not isinstance(tree, dict):
        return False
    return tree.get("e") == "outer" or _sees_outside(list(tree.values()))


def _folded(scope: Scope, node: ast.Call, known: str) -> Node | None:
    """The node of a call that has one of its own: `format`, and `len` of a captured container."""
    if known == "format" and 1 <= len(node.args) <= 2:
        spec = _constant_text(scope, node.args[1]) if len(node.args) == 2 else ""
        if spec is not None:
            value = expression(scope, node.args[0])
            return _format([value], [formats.field(0, None, spec)], node.lineno)
    if (
        known == "len"
        and len(node.args) == 1
        and isinstance(node.args[0], (ast.Name, ast.Attribute))
    ):
        held = expression(scope, node.args[0])
        if held["e"].startswith("const_"):
            return constant(len(held["v"]), node.lineno)
    return None


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
    if consumed and len(node.args) == 1:
        only = streamed(scope, node.args[0]) or node.args[0]
        if isinstance(only, ast.GeneratorExp):
            return [comprehension(scope, only)]
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
    ast.Dict: _dict,
    ast.DictComp: comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _f_string,
    ast.Lambda: _lambda,
    ast.List: _items("list"),
    ast.ListComp: comprehension,
    ast.Name: _name,
    ast.NamedExpr: _walrus,
    ast.Subscript: _subscript,
    ast.Tuple: _items("tuple"),
    ast.UnaryOp: _unary,
}
