"""What each name in a function's source stands for: a local variable, or a value of this moment.

A name is a variable exactly where CPython makes it one; any other is looked up in the closure, the
module and the builtins, in this order, so that a name that shadows a builtin is that other thing.
Made by `front` for each function; used by `lower` and `statements`.
"""

from __future__ import annotations

import ast
import builtins
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from tidemill.compiler import containers, dates, regexes, stability
from tidemill.compiler.bound import Bound
from tidemill.compiler.callables import GETTERS, describe_object
from tidemill.compiler.known import builtin, constant, exception_name, is_plain_type, name_of
from tidemill.compiler.reasons import (
    CALL,
    CAPTURED,
    CHANGEABLE,
    EXCEPTION,
    EXPRESSION,
    NO_VALUE,
    Unsupported,
)

if TYPE_CHECKING:
    from tidemill.compiler.front import Description
    from tidemill.compiler.source import FunctionNode, SourceFile

NOTHING = object()
_CONSTANTS = (bool, float, int, str, tuple, type(None))


class LocalFunction:
    """A function or lambda written inside another, and the local functions known where it is."""

    def __init__(self, node: FunctionNode, outer: Scope):
        self.node = node
        self.outer = outer
        self.statics = dict(outer.statics)
        self._renamed = outer.renamed()

    def owner(self, name: str) -> tuple[Scope, str] | None:
        """Return the function around this one whose variable a name is, and what it is there."""
        for renamed in reversed(self._renamed):
            if name in renamed:
                return self.outer, renamed[name]
        if name in self.outer.bound:
            return self.outer, name
        return self.outer.local.owner(name) if self.outer.local else None


class Scope:
    """The names of one function of the user, or of a function within it."""

    def __init__(
        self,
        description: Description,
        function: FunctionType,
        file: SourceFile,
        node: FunctionNode,
        local: LocalFunction | None = None,
    ):
        self.description = description
        self.function = function
        self.file = file
        self.node = node
        self.local = local
        # The outermost function around, as it is in the file's tree.
        self.root: FunctionNode = local.outer.root if local else node
        # What becomes of its result (`front.describe`).
        self.use = "value"
        self.number = description.count()
        self.bound = Bound(node)
        self.constants: dict[str, Any] = {}
        self.statics: dict[str, Any] = dict(local.statics) if local else {}
        for name in +self.bound.counts:
            self.statics.pop(name, None)
        self._renamed: list[dict[str, str]] = []
        self._made = 0

    @property
    def is_outermost(self) -> bool:
        """Whether what this function returns goes to the operator."""
        return self.local is None and self.description.depth == 1

    def rebound_names(self) -> frozenset[str]:
        """Names that some function of the file may rebind in another scope."""
        return stability.rebound_names(self.file)

    def new_name(self, name: str) -> str:
        """Make a name that no variable of the program can have."""
        self._made += 1
        return f"{name}.{self._made}"

    def declare(self, made: ast.expr) -> None:
        """Make a name from `new_name` a variable of the function."""
        if isinstance(made, ast.Name):
            self.bound.counts[made.id] += 1

    def enter(self, names: list[str]) -> None:
        """Begin a comprehension with these variables."""
        self._renamed.append({name: self.new_name(name) for name in names})

    def leave(self) -> None:
        """End the innermost comprehension."""
        self._renamed.pop()

    def renamed(self) -> list[dict[str, str]]:
        """The variables of the comprehensions that we are in, the innermost last."""
        return [dict(names) for names in self._renamed]

    def variable(self, name: str, line: int) -> str | None:
        """Return the tree's name of a variable that may be read or set; None if it is not one."""
        for renamed in reversed(self._renamed):
            if name in renamed:
                return renamed[name]
        if name in self.bound.exceptions:
            raise Unsupported(EXCEPTION, f"the use of {name}", line)
        if name.startswith("__") and not name.endswith("__"):
            raise Unsupported(NO_VALUE, f"{name}, which may be a class's private name", line)
        return name if name in self.bound else None

    def read(self, node: ast.expr) -> dict[str, Any]:
        """Return the node for a name, or for an attribute of a module or a type."""
        held = self._container(node)
        if held is not None:
            return containers.container(held, node.lineno)
        value = self.static(node)
        if value is not NOTHING:
            return self.embed(value, node.lineno)
        outer = self._outer(node)
        if outer is not None:
            scope, name = outer
            return {"e": "outer", "id": name, "scope": scope.number, "l": node.lineno}
        if isinstance(node, ast.Name):
            return {"e": "name", "id": self.variable(node.id, node.lineno), "l": node.lineno}
        detail = f".{getattr(node, 'attr', '')} of a value"
        raise Unsupported(EXPRESSION, detail, node.lineno)

    def static(self, node: ast.expr) -> Any:
        """Return the value that an expression of names and attributes has now, or NOTHING."""
        if isinstance(node, ast.Name):
            if self.variable(node.id, node.lineno) is None:
                return self._outside(node.id, node.lineno)
            local = node.id in self.bound and self.variable(node.id, node.lineno) == node.id
            if local and node.id in self.constants:
                return self.constants[node.id]
            return self.statics.get(node.id, NOTHING) if local else NOTHING
        if isinstance(node, ast.Attribute):
            base = self.static(node.value)
            return NOTHING if base is NOTHING else self._attribute(base, node)
        return NOTHING

    def _outer(self, node: ast.expr) -> tuple[Scope, str] | None:
        """The variable of a function around this one that an expression names."""
        if not isinstance(node, ast.Name) or self.local is None:
            return None
        if self.variable(node.id, node.lineno) is not None or node.id in self.statics:
            return None
        return self.local.owner(node.id)

    def _outside(self, name: str, line: int) -> Any:
        """The value of a name that is not a variable of this function; NOTHING if of one around."""
        if name in self.statics:
            return self.statics[name]
        owner = self.local.owner(name) if self.local else None
        if owner is not None:
            scope, held = owner
            if name in scope.bound.exceptions:
                raise Unsupported(EXCEPTION, f"the use of {name}", line)
            # A comprehension's variable may have the name of a constant.
            return scope.constants.get(name, NOTHING) if held == name else NOTHING
        free = self.function.__code__.co_freevars
        if stability.is_rebound(self.file, self.root, name, name in free):
            raise Unsupported(CHANGEABLE, f"{name}, which a function rebinds", line)
        if name in free:
            return self._cell(free.index(name), line)
        namespace = self.function.__globals__
        if name in namespace:
            value = namespace[name]
            if self.description.by_reference(self.function):
                self._require(stability.settled(self.file, name, value), value, name, line)
            return value
        known = namespace.get("__builtins__", builtins)
        known = known.__dict__ if type(known) is ModuleType else known
        if name not in known or (name.startswith("__") and name != "__debug__"):
            raise Unsupported(NO_VALUE, name, line)
        return known[name]

    def _cell(self, index: int, line: int) -> Any:
        try:
            return (self.function.__closure__ or ())[index].cell_contents
        except ValueError:
            name = self.function.__code__.co_freevars[index]
            raise Unsupported(NO_VALUE, name, line) from None

    def _attribute(self, base: Any, node: ast.Attribute) -> Any:
        name, line = node.attr, node.lineno
        if is_plain_type(base):
            return getattr(base, name, NOTHING)
        if type(base) is ModuleType:
            value = vars(base).get(name, NOTHING)
            if value is NOTHING:
                raise Unsupported(NO_VALUE, f"{base.__name__}.{name}", line)
            same: Any = name_of(value) or exception_name(value) or value in GETTERS
            same = same or regexes.is_known(value) or dates.is_known(value)
            settled = same or stability.settled_in_module(base, name, value)
            self._require(bool(settled), value, f"{base.__name__}.{name}", line)
            return value
        if type(base) in _CONSTANTS or type(base) in containers.CONTAINERS:
            return NOTHING
        if _is_broadcast(base) and isinstance(node.value, ast.Attribute):
            # The method of a container that was broadcast: such a value stands for its container.
            return NOTHING
        if name == "value" and _is_broadcast(base) and not base._destroyed:
            return base if type(base.value) in containers.CONTAINERS else base.value
        raise Unsupported(CAPTURED, f".{name} of a {type(base).__name__}", line)

    @staticmethod
    def _require(settled: bool, value: Any, name: str, line: int) -> None:
        if settled:
            return
        if callable(value) and type(value) is not FunctionType:
            # A library's, which would not be compiled if it could be relied on either.
            raise Unsupported(CALL, name, line)
        raise Unsupported(CHANGEABLE, f"{name}, which a worker may have otherwise", line)

    def embed(self, value: Any, line: int) -> dict[str, Any]:
        """Return the node for a value: a builtin, a function of the user's, or a constant."""
        known = name_of(value)
        if known:
            return builtin(known, line)
        if type(value) is LocalFunction or self.description.is_function(value):
            return {"e": "func", "f": self.description.called(self, value, None), "l": line}
        if type(value) in GETTERS:
            return {"e": "func", "f": describe_object(self.description, value, 1), "l": line}
        return constant(value, line)

    def members(self, node: ast.expr) -> dict[str, Any] | None:
        """Return the node for what `in` looks through, if it is a container of constants."""
        if isinstance(node, ast.Set):
            if not all(isinstance(item, ast.Constant) for item in node.elts):
                return None
            items = {item.value for item in node.elts if isinstance(item, ast.Constant)}
            return containers.members(items, node.lineno)
        held = self._container(node)
        if held is None and type(self.static(node)) is tuple:
            held = self.static(node)
        return None if held is None else containers.members(held, node.lineno)

    def sequence(self, node: ast.expr) -> dict[str, Any] | None:
        """Return the node of a captured tuple where only its items count, if it is one."""
        value = self.static(node)
        return containers.container(value, node.lineno) if type(value) is tuple else None

    def _container(self, node: ast.expr) -> Any:
        """The container that a name or the `value` of a broadcast stands for, if it never changes.

        It may be used wherever the name is: no use of the name gives the container away.
        """
        value: Any = self.static(node)
        if _is_broadcast(value):
            if not isinstance(node, ast.Attribute):
                return None
            value, node = value.value, node.value
        if type(value) not in containers.CONTAINERS:
            return None
        if type(value) is not frozenset and not self._is_only_read(node):
            raise Unsupported(CHANGEABLE, f"a {type(value).__name__}", node.lineno)
        return value

    def _is_only_read(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Name) or node.id in self.bound or node.id in self.statics:
            return False
        if self.local and self.local.owner(node.id):
            return False
        is_free = node.id in self.function.__code__.co_freevars
        return stability.never_changes(self.file, self.root, node.id, is_free)


def _is_broadcast(value: Any) -> bool:
    module = sys.modules.get("tidemill.broadcast")
    return module is not None and type(value) is module.Broadcast
