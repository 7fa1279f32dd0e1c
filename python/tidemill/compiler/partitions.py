"""Functions that take the iterator of a whole partition, read as functions of a list.

An iterator can be gone through once. A function that does just that, in one place that is come to
at most once, does the same with anything that has the same items. So does one that gives its own
results one by one, as a generator does, if it does nothing but compute: nobody can tell when they
are made. (A list or a dict that is given may change before the next result is asked for; the engine
has no code for functions that give such.) Called by `front` and `statements`.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, Any

from tidemill.compiler.reasons import GENERATOR, ITERATOR, Unsupported
from tidemill.compiler.streams import called, placed, streamed, variable

if TYPE_CHECKING:
    from tidemill.compiler.scope import Scope
    from tidemill.compiler.source import FunctionNode

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What goes through its first argument before it returns, as far as it needs to.
_CONSUMERS = ("all", "any", "list", "max", "min", "sorted", "sum")
# What gives the items of its arguments on, one by one.
_STREAMS = ("enumerate", "filter", "iter", "map", "zip")
# No variables of a program have these names.
_MADE = "what is yielded"
_ITEM = "an item"


def check_iterator(scope: Scope, iterator: str) -> None:
    """Refuse a function that may use its iterator other than by going through it once.

    Raises
    ------
    Unsupported
        At such a use.
    """
    uses = [n for n in ast.walk(scope.node) if isinstance(n, ast.Name) and n.id == iterator]
    if len(uses) > 1:
        raise Unsupported(ITERATOR, f"another use of {iterator}", max(n.lineno for n in uses))
    if uses and not _Places(scope).is_walked(uses[0]):
        raise Unsupported(ITERATOR, f"the use of {iterator}", uses[0].lineno)


def listing(node: FunctionNode) -> FunctionNode:
    """Return the function that returns the list of what a generator function yields.

    Raises
    ------
    Unsupported
        If it is a generator that does more than to yield.
    """
    if isinstance(node, ast.Lambda):
        raise Unsupported(GENERATOR, "<lambda>", node.lineno)
    yields = _Yields()
    body = [yields.visit(statement) for statement in copy.deepcopy(node.body)]
    begin = ast.Assign([variable(_MADE, ast.Store())], ast.List([], ast.Load()))
    end = ast.Return(variable(_MADE, ast.Load()))
    made = copy.copy(node)
    made.body = [placed(begin, node), *body, placed(end, node)]
    return made


def returned(scope: Scope, node: ast.expr) -> ast.expr:
    """Return the list of what an iterator gives, if that is what is returned."""
    if isinstance(node, ast.Call) and called(scope, node) == "iter" and len(node.args) == 1:
        return returned(scope, node.args[0])
    made = node if isinstance(node, ast.GeneratorExp) else streamed(scope, node)
    # What a generator raises, it raises when the function is left: nothing within catches it.
    if made is None or any(isinstance(n, ast.Try) for n in ast.walk(scope.node)):
        return made or node
    return placed(ast.ListComp(made.elt, made.generators), node)


class _Places:
    """What the nodes of a function are part of."""

    def __init__(self, scope: Scope):
        self._scope = scope
        self._outer = {
            inner: outer for outer in ast.walk(scope.node) for inner in ast.iter_child_nodes(outer)
        }

    def is_walked(self, node: ast.AST) -> bool:
        """Whether an iterator stands where it is gone through, in code that is come to once."""
        outer = self._outer[node]
        if isinstance(outer, ast.Call):
            known = called(self._scope, outer)
            if known in _CONSUMERS:
                return node is outer.args[0] and self._is_once(outer)
            return known in _STREAMS and node in outer.args and self.is_walked(outer)
        if isinstance(outer, ast.comprehension):
            made: Any = self._outer[outer]
            if node is not outer.iter or outer is not made.generators[0]:
                return False
            is_lazy = isinstance(made, ast.GeneratorExp)
            return self.is_walked(made) if is_lazy else self._is_once(made)
        if isinstance(outer, ast.For):
            return node is outer.iter and self._is_once(outer)
        if isinstance(outer, ast.Lambda):
            return outer is self._scope.node
        return isinstance(outer, (ast.Return, ast.YieldFrom)) and self._is_once(outer)

    def _is_once(self, node: ast.AST) -> bool:
        """Whether a call of the function comes to a node at most once."""
        while node is not self._scope.node:
            outer = self._outer[node]
            if isinstance(outer, (ast.For, ast.AsyncFor, ast.comprehension)):
                if node is not outer.iter:
                    return False
            elif isinstance(outer, _COMPREHENSIONS):
                if node is not outer.generators[0]:
                    return False
            elif isinstance(outer, ast.While):
                return False
            elif isinstance(outer, _FUNCTIONS) and outer is not self._scope.node:
                return False
            node = outer
        return True


class _Yields(ast.NodeTransformer):
    """Puts what is yielded into a list, and returns that."""

    def __init__(self) -> None:
        self._loops = 0

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        value = node.value
        if isinstance(value, ast.Yield):
            return placed(_append(value.value or ast.Constant(None)), node)
        if isinstance(value, ast.YieldFrom):
            self._loops += 1
            name = f"{_ITEM} {self._loops}"
            body: list[ast.stmt] = [_append(variable(name, ast.Load()))]
            return placed(ast.For(variable(name, ast.Store()), value.value, body, []), node)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            raise Unsupported(GENERATOR, "that returns a value", node.lineno)
        return placed(ast.Return(variable(_MADE, ast.Load())), node)

    def _refuse(self, node: Any) -> ast.AST:
        raise Unsupported(GENERATOR, "that is given values", node.lineno)

    def _leave(self, node: ast.AST) -> ast.AST:
        return node

    visit_Yield = visit_YieldFrom = _refuse
    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = _leave


def _append(item: ast.expr) -> ast.Expr:
    append = ast.Attribute(variable(_MADE, ast.Load()), "append", ast.Load())
    return ast.Expr(ast.Call(append, [item], []))
