"""Which variable each name in a file is, by Python's own scope rules.

Where a name may be either of two variables (in a class body that binds it) it counts for both; what
is bound in a way that is not understood counts as bound unknowably. Called by `stability`.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tidemill.compiler.bound import arguments

if TYPE_CHECKING:
    from tidemill.compiler.source import SourceFile

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Space:
    """A scope: what it binds itself, and what it declares to belong to another one."""

    def __init__(self, kind: str, outer: Space | None):
        self.kind = kind
        self.outer = outer
        self.bound: set[str] = set()
        self.declared_global: set[str] = set()
        self.declared_nonlocal: set[str] = set()


class Variables:
    """The scopes of a file, and where its names are."""

    def __init__(self, tree: ast.Module):
        self.module = Space("module", None)
        self.spaces: dict[int, Space] = {id(tree): self.module}
        self._names: dict[str, list[tuple[ast.Name, Space]]] = {}
        self._owners: dict[int, Space] = {}
        # Bindings that are no names in the tree: imports, parameters, definitions, declarations.
        self._others: dict[str, list[Space]] = {}
        # Names of type parameters, whose scopes are not followed.
        self.unknown: set[str] = set()
        # What is still to be looked at, in any order: names are resolved when all is known.
        self._rest: list[tuple[ast.AST, Space]] = [(child, self.module) for child in tree.body]
        while self._rest:
            self._look(*self._rest.pop())
        for name, places in self._names.items():
            self._owners.update((id(node), self.owner(name, space)) for node, space in places)

    def owner(self, name: str, space: Space) -> Space:
        """Return the scope whose variable a name is in a scope."""
        at = space
        while at.outer is not None:
            if name in at.declared_global:
                return self.module
            hidden = at.kind == "class" and at is not space
            if name in at.bound and name not in at.declared_nonlocal and not hidden:
                return at
            at = at.outer
        return at

    def owner_of(self, node: ast.Name) -> Space:
        """Return the scope whose variable a name in the tree is."""
        return self._owners[id(node)]

    def names(self, name: str, owner: Space) -> list[ast.Name]:
        """Return the names in the tree that are, or may be, a variable."""
        return [
            node
            for node, space in self._names.get(name, ())
            if self.owner_of(node) is owner
            or (isinstance(node.ctx, ast.Load) and self._may_be(name, space, owner))
        ]

    def is_bound_otherwise(self, name: str, owner: Space) -> bool:
        """Whether something other than a name in the tree binds a variable, or may."""
        if name in self.unknown or (owner is self.module and "*" in self._others):
            return True
        return any(self.owner(name, space) is owner for space in self._others.get(name, ()))

    def is_bound(self, name: str, owner: Space) -> bool:
        """Whether anything binds a variable."""
        names = self.names(name, owner)
        stored = any(not isinstance(node.ctx, ast.Load) for node in names)
        return stored or self.is_bound_otherwise(name, owner)

    def is_rebound(self, name: str, owner: Space) -> bool:
        """Whether a scope declares, to rebind it, that a name is a variable of another one."""
        spaces = self.spaces.values()
        declared = (s for s in spaces if name in s.declared_global | s.declared_nonlocal)
        return any(self.owner(name, space) is owner for space in declared)

    def _may_be(self, name: str, space: Space, owner: Space) -> bool:
        """Whether a class body that binds the name may read another variable before it has."""
        if space.kind != "class" or space.outer is None:
            return False
        return owner is self.module or self.owner(name, space.outer) is owner

    def _bind(self, name: str, space: Space) -> None:
        space.bound.add(name)
        self._others.setdefault(name, []).append(space)

    def _visit(self, node: ast.AST, space: Space) -> None:
        self._rest.append((node, space))

    def _look(self, node: ast.AST, space: Space) -> None:
        self.unknown.update(parameter.name for parameter in getattr(node, "type_params", ()))
        if isinstance(node, _FUNCTIONS):
            self._function(node, space)
        elif isinstance(node, ast.ClassDef):
            self._class(node, space)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, space)
        elif isinstance(node, ast.NamedExpr):
            # It binds in the function around a comprehension.
            around = space
            while around.kind == "comprehension" and around.outer is not None:
                around = around.outer
            self._visit(node.target, around)
            self._visit(node.value, space)
        else:
            self._leaf(node, space)
            for child in ast.iter_child_nodes(node):
                self._visit(child, space)

    def _leaf(self, node: Any, space: Space) -> None:
        kind = type(node).__name__
        if kind == "Name":
            self._names.setdefault(node.id, []).append((node, space))
            if not isinstance(node.ctx, ast.Load):
                space.bound.add(node.id)
        elif kind in ("Global", "Nonlocal"):
            is_global = kind == "Global"
            declared = space.declared_global if is_global else space.declared_nonlocal
            declared.update(node.names)
            for name in node.names:
                self._others.setdefault(name, []).append(space)
        elif kind == "alias":
            self._bind(node.asname or node.name.split(".")[0], space)
        elif kind in ("ExceptHandler", "MatchAs", "MatchStar") and node.name:
            self._bind(node.name, space)
        elif kind == "MatchMapping" and node.rest:
            self._bind(node.rest, space)

    def _function(self, node: Any, space: Space) -> None:
        inner = self.spaces[id(node)] = Space("function", space)
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, space)
        outside = [*getattr(node, "decorator_list", ()), getattr(node, "returns", None)]
        outside += [*node.args.defaults, *node.args.kw_defaults]
        for arg in arguments(node):
            self._bind(arg.arg, inner)
            outside.append(arg.annotation)
        for child in filter(None, outside):
            self._visit(child, space)
        for child in node.body if isinstance(node.body, list) else [node.body]:
            self._visit(child, inner)

    def _class(self, node: ast.ClassDef, space: Space) -> None:
        self._bind(node.name, space)
        inner = self.spaces[id(node)] = Space("class", space)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            self._visit(child, space)
        for child in node.body:
            self._visit(child, inner)

    def _comprehension(self, node: Any, space: Space) -> None:
        inner = self.spaces[id(node)] = Space("comprehension", space)
        first = node.generators[0]
        self._visit(first.iter, space)
        for loop in node.generators:
            parts = [loop.target, *loop.ifs, *([] if loop is first else [loop.iter])]
            for part in parts:
                self._visit(part, inner)
        made = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for part in made:
            self._visit(part, inner)


@lru_cache(maxsize=4)
def variables(file: SourceFile) -> Variables:
    """Return the scopes of a file."""
    return Variables(file.tree)
