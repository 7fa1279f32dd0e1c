"""Local names that stand for one thing for good: nested functions, lambdas, imported modules.

Such a name is bound once, by a statement that every call runs, so it needs no variable. Called by
`statements`, in the order of the source: what is used before it is defined is not known yet.
"""

from __future__ import annotations
import __future__

import ast
import datetime
import json
import math
import operator
import re
import sys
from typing import Any, Callable

from tidemill.compiler import regexes
from tidemill.compiler.bound import arguments
from tidemill.compiler.scope import LocalFunction, Scope

_NOT_EVALUATED = __future__.annotations.compiler_flag
_GENERIC = (dict, frozenset, list, set, tuple, type)
_MODULES = {"datetime": datetime, "json": json, "math": math, "operator": operator, "re": re}


def define(scope: Scope, node: ast.stmt) -> bool:
    """Take a statement of a function's top level for a definition; say whether it is one."""
    lower = _DEFINITIONS.get(type(node))
    return lower is not None and lower(scope, node)


def _keep(scope: Scope, name: str, value: Any) -> bool:
    """Take a local name for a value of its own: right if nothing else ever binds it."""
    rebound = name in scope.rebound_names()
    if scope.bound.counts[name] != 1 or name in scope.bound.exceptions or rebound:
        return False
    scope.statics[name] = value
    return True


def _local_function(scope: Scope, node: ast.FunctionDef) -> bool:
    simple = (
        not node.decorator_list and _constant_defaults(node) and _plain_annotations(scope, node)
    )
    return simple and _keep(scope, node.name, LocalFunction(node, scope))


def _local_value(scope: Scope, node: ast.Assign) -> bool:
    """A lambda, or a pattern that is compiled from constants."""
    name, value = node.targets[0], node.value
    if len(node.targets) > 1 or not isinstance(name, ast.Name):
        return False
    if isinstance(value, ast.Lambda):
        return _constant_defaults(value) and _keep(scope, name.id, LocalFunction(value, scope))
    pattern = regexes.pattern_of(scope, value) if isinstance(value, ast.Call) else None
    return pattern is not None and _keep(scope, name.id, pattern)


def _constant_defaults(node: Any) -> bool:
    defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    return all(isinstance(default, ast.Constant) for default in defaults)


def _plain_annotations(scope: Scope, node: ast.FunctionDef) -> bool:
    """Whether annotations, which a definition evaluates until 3.13, neither fail nor do a thing."""
    if sys.version_info >= (3, 14) or scope.function.__code__.co_flags & _NOT_EVALUATED:
        return True
    found = [node.returns, *(arg.annotation for arg in arguments(node))]
    return all(_is_plain(scope, annotation) for annotation in found if annotation is not None)


def _is_plain(scope: Scope, annotation: ast.expr) -> bool:
    """Whether it is a constant, a class, or a builtin class of such."""
    if isinstance(annotation, ast.Subscript):
        inner: Any = annotation.slice
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        generic = any(scope.static(annotation.value) is kind for kind in _GENERIC)
        return generic and all(_is_plain(scope, item) for item in items)
    return isinstance(annotation, ast.Constant) or isinstance(scope.static(annotation), type)


def _local_import(scope: Scope, node: ast.Import | ast.ImportFrom) -> bool:
    """An import, within the function, of a module whose functions are known."""
    found = {}
    for alias in node.names:
        if isinstance(node, ast.Import):
            value = _MODULES.get(alias.name)
        else:
            module = _MODULES.get(node.module or "") if node.level == 0 else None
            value = vars(module).get(alias.name) if module else None
        home = alias.name if isinstance(node, ast.Import) else node.module or ""
        if value is None or sys.modules.get(home) is not _MODULES[home]:
            return False
        found[alias.asname or alias.name] = value
    # All of its names or none: a name of a module that is kept nowhere would have no value.
    return all(_keep(scope, name, value) for name, value in found.items())


_DEFINITIONS: dict[type, Callable[[Scope, Any], bool]] = {
    ast.Assign: _local_value,
    ast.FunctionDef: _local_function,
    ast.Import: _local_import,
    ast.ImportFrom: _local_import,
}
