"""`map` and `filter`, where they are used up on the spot: as generator expressions and loops.

Both ask for one item after the other, when they are asked for one. But `map` has its function
before it has its first item, and calls the same one always, so only functions are taken that
nothing on the way can change; and a `StopIteration` of the function ends it, so native code never
raises one (see the engine's `exceptions.rs`). Called by `lower`, `statements` and `partitions`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from tidemill.compiler.known import name_of
from tidemill.compiler.scope import NOTHING, LocalFunction

if TYPE_CHECKING:
    from tidemill.compiler.scope import Scope


def streamed(scope: Scope, node: ast.expr) -> ast.GeneratorExp | None:
    """Return ``map(f, items)`` or ``filter(f, items)`` as a generator expression, or None."""
    known = called(scope, node)
    if not isinstance(node, ast.Call) or known not in ("filter", "map"):
        return None
    if len(node.args) != 2 or node.keywords:
        return None
    function, items = node.args
    if not _is_steady(scope, function):
        return None
    source = streamed(scope, items)
    if source:
        loops, value = list(source.generators), source.elt
    else:
        value = _item(scope)
        loops = [_loop(value, items)]
    if known == "map":
        return placed(ast.GeneratorExp(ast.Call(function, [value], []), loops), node)
    if not isinstance(value, ast.Name):
        one = ast.List([value], ast.Load())
        value = _item(scope)
        loops.append(_loop(value, one))
    if isinstance(function, ast.Lambda):
        function = placed(ast.Lambda(function.args, truth_of(function.body)), function)
    is_none = isinstance(function, ast.Constant)
    loops[-1].ifs.append(value if is_none else ast.Call(function, [value], []))
    return placed(ast.GeneratorExp(value, loops), node)


def first_of(scope: Scope, node: ast.expr, count: int) -> ast.ListComp | None:
    """Return a list of the first items of a generator or of `map`, one of each item; else None.

    With one more than are wanted, unpacking tells what CPython's unpacking of the iterator tells,
    which asks for one more too.
    """
    stream = node if isinstance(node, ast.GeneratorExp) else streamed(scope, node)
    if stream is None or len(stream.generators) > 1 or stream.generators[0].ifs:
        return None
    if not _leaves_alone(scope, stream):
        return None
    (loop,) = stream.generators
    some = ast.Subscript(loop.iter, ast.Slice(None, ast.Constant(count), None), ast.Load())
    loop = ast.comprehension(loop.target, some, [], loop.is_async)
    return placed(ast.ListComp(stream.elt, [loop]), node)


def loop_of(scope: Scope, node: ast.For) -> ast.For:
    """Return a loop over what `map` or `filter` is given, that calls the function in its body."""
    stream = streamed(scope, node.iter)
    if stream is None:
        return node
    body: list[ast.stmt] = [ast.Assign([node.target], stream.elt), *node.body]
    first = stream.generators[0]
    for loop in reversed(stream.generators):
        scope.declare(loop.target)
        for test in reversed(loop.ifs):
            body = [ast.If(test, body, [])]
        if loop is not first:
            # Its items are one.
            body = [ast.Assign([loop.target], value) for value in _elements(loop.iter)] + body
    return placed(ast.For(first.target, first.iter, body, node.orelse), node)


def unrolled(scope: Scope, loops: list[ast.comprehension]) -> list[ast.comprehension]:
    """Return the loops of a comprehension, each over `map` or `filter` as one over its items."""
    own = {name for loop in loops for name in _names(loop.target)}
    made: list[ast.comprehension] = []
    for loop in loops:
        stream = None if loop.is_async else streamed(scope, loop.iter)
        # The function's names are not those of the comprehension.
        if stream is None or own & _names(stream.elt):
            made.append(loop)
        else:
            item = placed(ast.List([stream.elt], ast.Load()), loop.iter)
            made += [*stream.generators, ast.comprehension(loop.target, item, loop.ifs, 0)]
    return made


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def truth_of(node: ast.expr) -> ast.expr:
    """Return the expression of whether another one is true."""
    if not isinstance(node, ast.BoolOp):
        return node
    return placed(ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), node)), node)


def _is_steady(scope: Scope, function: ast.expr) -> bool:
    """Whether an expression gives the same function whenever it is evaluated, and always does."""
    if isinstance(function, ast.Lambda):
        return not (function.args.defaults or function.args.kw_defaults)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Constant):
        return True
    if isinstance(function, ast.Constant):
        return function.value is None
    if isinstance(function, ast.Attribute):
        return scope.static(function.value) is not NOTHING
    return scope.static(function) is not NOTHING


def _leaves_alone(scope: Scope, stream: ast.GeneratorExp) -> bool:
    """Whether making the items of a stream cannot change what it goes through.

    What is called must be known and no function within this one, or be a method of what the stream
    or a constant gives.
    """
    own = _names(stream.generators[0].target)
    for node in ast.walk(stream.elt):
        if isinstance(node, ast.Lambda):
            own |= {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    calls = [node.func for node in ast.walk(stream.elt) if isinstance(node, ast.Call)]
    return all(_is_apart(scope, function, own) for function in calls)


def _is_apart(scope: Scope, function: ast.expr, own: set[str]) -> bool:
    """Whether a function that is called has only what `own` names and what it is given."""
    if isinstance(function, ast.Lambda):
        return True
    root = function
    while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
        root = root.func if isinstance(root, ast.Call) else root.value
    if not isinstance(root, ast.Name):
        return isinstance(root, (ast.Constant, ast.JoinedStr))
    if root.id in own:
        return True
    value = scope.static(root)
    return value is not NOTHING and not isinstance(value, LocalFunction)


def called(scope: Scope, node: ast.expr) -> str | None:
    """Return the name of the builtin function that an expression calls by its name, or None."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    value = scope.static(node.func)
    return "iter" if value is iter else name_of(value)


def variable(name: str, context: ast.expr_context) -> ast.Name:
    """Return the node of a variable."""
    return ast.Name(name, context)


def placed(made: Any, node: ast.AST) -> Any:
    """Give a node that was made, and what it is made of, the place of another."""
    return ast.fix_missing_locations(ast.copy_location(made, node))


def _item(scope: Scope) -> ast.Name:
    return variable(scope.new_name("item"), ast.Load())


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List) else []


def _loop(item: ast.Name, items: ast.expr) -> ast.comprehension:
    return ast.comprehension(variable(item.id, ast.Store()), items, [], 0)
