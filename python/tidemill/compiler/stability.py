"""Facts about a name in a whole file: may what it stands for change between now and a row?

A tree holds captured values as they are when it is made. That is exact only if the worker would
see the same. Functions pickled by value take the driver's values along, so it is enough that no
function rebinds the name. A module is imported anew in the worker, so there a name must be set
once, to something that any process finds equal. A container must not be changed through any name.
Called by `scope`.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from collections.abc import Container, Iterator
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from tidemill.compiler import dates, regexes
from tidemill.compiler.known import exception_name, name_of
from tidemill.compiler.source import FunctionNode, SourceFile, open_source, same_value
from tidemill.compiler.variables import Space, variables

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FRESH = (ast.Set, ast.Dict, ast.List, ast.SetComp, ast.DictComp, ast.ListComp)
_MAKERS = {"set": set, "frozenset": frozenset, "dict": dict, "list": list, "sorted": sorted}
_LITERAL = (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp)
_COMPILING = (ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.BinOp, ast.BitOr, ast.keyword)
_READING = {"get", "keys", "values", "items", "copy", "count", "index"}


def is_rebound(file: SourceFile, function: FunctionNode, name: str, is_free: bool) -> bool:
    """Whether some function of the file declares the variable that a name is in a function.

    Parameters
    ----------
    function : FunctionNode
        A node of the file's tree, in which the name is no variable of its own.
    is_free : bool
        Whether CPython has a cell for it: otherwise the name is the module's.
    """
    owner = _owner(file, function, name, is_free)
    return owner is None or variables(file).is_rebound(name, owner)


def _owner(file: SourceFile, function: FunctionNode, name: str, is_free: bool) -> Space | None:
    """The scope of a name that a function reads; None if that is not what CPython made of it."""
    known = variables(file)
    space = known.spaces.get(id(function))
    if space is None or name in space.bound or name in known.unknown:
        return None
    owner = known.owner(name, space)
    return owner if (owner is not known.module) == is_free else None


@lru_cache(maxsize=8)
def rebound_names(file: SourceFile) -> frozenset[str]:
    """Names that some function of the file declares `global` or `nonlocal`."""
    found = (n for n in ast.walk(file.tree) if isinstance(n, (ast.Global, ast.Nonlocal)))
    return frozenset(name for node in found for name in node.names)


def settled_in_module(module: ModuleType, name: str, value: Any) -> bool:
    """Whether a module's name has this value in every process that imports the module."""
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not path.endswith(".py"):
        return module is math or name_of(value) is not None
    file = open_source(path)
    return name not in rebound_names(file) and settled(file, name, value)


def settled(file: SourceFile, name: str, value: Any) -> bool:
    """Whether a module-level name has this value in every process that runs the file."""
    nodes = [node for bound, node in _bindings(file) if bound == name]
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    library = dates.is_known(value) or regexes.is_known(value) or exception_name(value)
    if imports and (library or name_of(value) or type(value) in (ModuleType, FunctionType)):
        return True
    if len(nodes) != 1:
        return False
    node = nodes[0]
    if isinstance(node, ast.ImportFrom):
        return _settled_elsewhere(node, name, value)
    if isinstance(node, ast.FunctionDef):
        return type(value) is FunctionType and value.__qualname__ == name
    if not isinstance(node, ast.Assign):
        return False
    return _equals(node.value, value) or _compiles(file, node.value, value)


def _settled_elsewhere(node: ast.ImportFrom, name: str, value: Any) -> bool:
    module = sys.modules.get(node.module or "") if node.level == 0 else None
    original = next((a.name for a in node.names if (a.asname or a.name) == name), None)
    if module is None or original is None:
        return False
    return settled_in_module(module, original, value)


def _compiles(file: SourceFile, expression: ast.expr, value: Any) -> bool:
    """Whether an expression is `re.compile` of constants, `re` being the module, and gives this."""
    if type(value) is not re.Pattern or not isinstance(expression, ast.Call):
        return False
    nodes = [node for node in ast.walk(expression) if not isinstance(node, ast.expr_context)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    imported = {name for name in names if _imports_re(file, name)}
    if not all(isinstance(node, _COMPILING) for node in nodes) or names != imported:
        return False
    code = compile(ast.Expression(expression), "<pattern>", "eval")
    made = eval(code, {"__builtins__": {}, **dict.fromkeys(names, re)})
    return type(made) is re.Pattern and (made.pattern, made.flags) == (value.pattern, value.flags)


def _imports_re(file: SourceFile, name: str) -> bool:
    """Whether a name is bound once in its module, by `import re`."""
    nodes = [node for bound, node in _bindings(file) if bound == name]
    if len(nodes) != 1 or not isinstance(nodes[0], ast.Import):
        return False
    return any(a.name == "re" and (a.asname or "re") == name for a in nodes[0].names)


def _equals(expression: ast.expr, value: Any) -> bool:
    """Whether an expression is made of constants alone and has this value."""
    if isinstance(expression, ast.Name):
        return name_of(value) == expression.id
    if not is_literal(expression):
        return False
    code = compile(ast.Expression(expression), "<constant>", "eval")
    return same_value(eval(code, {"__builtins__": _MAKERS}), value)


def is_literal(expression: ast.expr) -> bool:
    """Whether an expression is made of constants, operators and containers alone."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            if node.keywords or not isinstance(node.func, ast.Name) or node.func.id not in _MAKERS:
                return False
        elif isinstance(node, ast.Name):
            if node.id not in _MAKERS:
                return False
        elif isinstance(node, ast.expr) and not isinstance(node, _LITERAL):
            return False
    return True


def never_changes(file: SourceFile, function: FunctionNode, name: str, is_free: bool) -> bool:
    """Whether a container, or a broadcast of one, is only ever read, through this one variable.

    Every binding of the variable makes a new container, every use of it only reads. The parameters
    are those of `is_rebound`.
    """
    owner = _owner(file, function, name, is_free)
    return owner is not None and _is_only_read(file, name, owner)


def _is_only_read(file: SourceFile, name: str, owner: Space) -> bool:
    module = variables(file).module
    if any(variables(file).is_bound(maker, module) for maker in ("len", *_MAKERS)):
        return False
    uses = _Uses(file, name, owner)
    return bool(uses.values) and uses.only_read and all(map(uses.is_fresh, uses.values))


class _Uses:
    """Every binding and use of a variable in a file: more than there are is safe."""

    def __init__(self, file: SourceFile, name: str, owner: Space):
        self._file = file
        self._variables = variables(file)
        found = self._variables.names(name, owner)
        self._uses = {id(node) for node in found}
        # What the variable is set to; None where that is not known.
        self.values: list[ast.expr | None] = []
        loads = sum(isinstance(node.ctx, ast.Load) for node in found)
        reads = 0
        for node in ast.walk(file.tree):
            target = _set_alone(node)
            if target is not None and self._is_use(target):
                self.values.append(getattr(node, "value", None))
            reads += self._reads(node)
        self.only_read = loads == reads
        is_unknown = len(found) - loads != len(self.values)
        if is_unknown or self._variables.is_bound_otherwise(name, owner):
            self.values = [None]

    def is_fresh(self, value: ast.expr | None) -> bool:
        """Whether an expression makes a container that nothing else refers to."""
        if isinstance(value, _FRESH):
            return True
        if isinstance(value, ast.BinOp):
            return self.is_fresh(value.left) and self.is_fresh(value.right)
        if not isinstance(value, ast.Call):
            return False
        if isinstance(value.func, ast.Attribute) and value.func.attr == "broadcast" and value.args:
            held = value.args[0]
            if isinstance(held, ast.Name):
                return _is_only_read(self._file, held.id, self._variables.owner_of(held))
            return self.is_fresh(held)
        return self._is_builtin(value.func, _MAKERS)

    def _is_builtin(self, node: ast.expr, names: Container[str]) -> bool:
        """Whether a node is a builtin of these, which the module does not bind."""
        if not isinstance(node, ast.Name) or node.id not in names:
            return False
        return self._variables.owner_of(node) is self._variables.module

    def _reads(self, node: ast.AST) -> int:
        """How many uses just below this node only read, and give away no reference."""
        if isinstance(node, ast.Compare):
            pairs = zip(node.ops, node.comparators)
            return sum(isinstance(o, (ast.In, ast.NotIn)) and self._stands_for(c) for o, c in pairs)
        if isinstance(node, (ast.For, ast.comprehension)):
            return self._stands_for(node.iter)
        if isinstance(node, ast.Subscript):
            return isinstance(node.ctx, ast.Load) and self._stands_for(node.value)
        if not isinstance(node, ast.Call):
            return 0
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "broadcast" and node.args and self._is_use(node.args[0]):
                return 1
            return node.func.attr in _READING and self._stands_for(node.func.value)
        if len(node.args) != 1 or not self._stands_for(node.args[0]):
            return 0
        return self._is_builtin(node.func, ("len",))

    def _is_use(self, node: ast.AST) -> bool:
        return id(node) in self._uses

    def _stands_for(self, node: ast.AST) -> bool:
        """Whether a node is the variable, or the `.value` of the broadcast that it names."""
        if isinstance(node, ast.Attribute) and node.attr == "value":
            node = node.value
        return self._is_use(node)


def _set_alone(node: ast.AST) -> ast.expr | None:
    """The target of an assignment that has no other one."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return node.targets[0]
    return node.target if isinstance(node, ast.AnnAssign) else None


@lru_cache(maxsize=8)
def _bindings(file: SourceFile) -> list[tuple[str, ast.AST]]:
    """Names bound at module level, each with the statement that binds it."""
    return [found for statement in file.tree.body for found in _bound_by(statement, statement)]


def _bound_by(node: ast.AST, holder: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.stmt):
        holder = node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        simple = isinstance(holder, ast.Assign) and any(node is t for t in holder.targets)
        yield node.id, holder if simple else node
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.split(".")[0], holder
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name, node
    if not isinstance(node, (*_SCOPES, *_COMPREHENSIONS)):
        for child in ast.iter_child_nodes(node):
            yield from _bound_by(child, holder)
