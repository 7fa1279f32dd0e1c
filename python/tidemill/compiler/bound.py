"""The names that a function binds itself, by Python's own scope rules. Called by `scope`.

Nested functions and classes have scopes of their own; so have comprehensions, but an assignment
expression in one binds in the function around it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Bound:
    """What a function's body binds: how often each name, and which names `except ... as` binds."""

    def __init__(self, node: Any):
        self.counts: Counter[str] = Counter(a.arg for a in arguments(node))
        self.exceptions: set[str] = set()
        self._outer: set[str] = set()
        for child in node.body if isinstance(node.body, list) else [node.body]:
            self._visit(child)
        # What is declared global or nonlocal belongs to another scope.
        for name in self._outer:
            del self.counts[name]

    def _visit(self, node: Any) -> None:
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            self._outer.update(node.names)
        elif isinstance(node, ast.Name):
            self.counts[node.id] += not isinstance(node.ctx, ast.Load)
        elif isinstance(node, ast.alias):
            self.counts[node.asname or node.name.split(".")[0]] += 1
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self.counts[node.name] += 1
            self.exceptions.add(node.name)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self.counts[node.name] += 1
        elif type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):
            self.counts[getattr(node, "name", None) or getattr(node, "rest", None) or ""] += 1
        for child in _children(node):
            self._visit(child)

    def __contains__(self, name: str) -> bool:
        return self.counts[name] > 0


def arguments(node: Any) -> list[ast.arg]:
    """Return all parameters of a function or a lambda."""
    args = node.args
    stars = [star for star in (args.vararg, args.kwarg) if star]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]


def _children(node: Any) -> Iterator[ast.AST]:
    """Yield the children that are evaluated in the function's own scope."""
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        yield from getattr(node, "decorator_list", [])
        yield from node.args.defaults
        yield from (default for default in node.args.kw_defaults if default)
    elif isinstance(node, ast.ClassDef):
        yield from (*node.decorator_list, *node.bases, *(k.value for k in node.keywords))
    elif isinstance(node, _COMPREHENSIONS):
        for generator in node.generators:
            yield from (generator.iter, *generator.ifs)
        yield from ((node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,))
    else:
        yield from ast.iter_child_nodes(node)
