"""Finds the syntax tree of a function, and proves that it is the function's.

A file may have changed since it was imported, and one line may hold many lambdas. So the statement
that holds a candidate is compiled again, and a candidate counts only if its code is the function's
in every field that has to do with its behaviour. Equal code behaves alike, so where two lambdas of
a line compile to the same code it does not matter which is taken. Called by `front`.
"""

from __future__ import annotations
import __future__ as future

import ast
import linecache
import re
import threading
import warnings
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Union

from tidemill.compiler.reasons import CHANGED, NO_SOURCE, Unsupported

FunctionNode = Union[ast.FunctionDef, ast.Lambda]
_FUTURE_FLAGS = sum(getattr(future, n).compiler_flag for n in future.all_feature_names)
_FIELDS = (
    "co_code",
    "co_exceptiontable",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
)
_ELSEWHERE = 1_000_000
# The file name under which CPython compiles for us, and the filter of its warnings.
_QUIET = "<tidemill.compiler>"
QUIET_FILTER = ("ignore", None, Warning, re.compile(re.escape(_QUIET)), 0)
_lock = threading.Lock()


class SourceFile:
    """A source file: its tree and the code of the statements that were asked for."""

    def __init__(self, name: str, text: str):
        self.name = name
        _be_quiet()
        self.tree = ast.parse(text, _QUIET)
        self._imports = list(_imports(self.tree))
        self._compiled: dict[tuple[int, int, int], list[CodeType]] = {}

    def node_of(self, code: CodeType) -> FunctionNode:
        """Return the function or lambda that compiles to `code`."""
        line = code.co_firstlineno
        around = [s for s in self.tree.body if _holds(s, line)]
        candidates = [n for s in around for n in _functions(s, line, code.co_name)]
        # CPython compiles a call on a name of a module-level import in another way.
        around = self._imports + [s for s in around if s not in self._imports]
        with _lock:
            for node in candidates:
                if any(same(code, other) for other in self._codes(around, code, candidates, node)):
                    return node
        raise Unsupported(CHANGED, f"no code at line {line} is that of {code.co_name}", line)

    def _codes(
        self,
        around: list[ast.stmt],
        code: CodeType,
        candidates: list[FunctionNode],
        node: FunctionNode,
    ) -> list[CodeType]:
        """The compiled code of `node`: all that has its name and line, the others being away."""
        flags = code.co_flags & _FUTURE_FLAGS
        if len(candidates) == 1:
            key = (around[-1].lineno, len(around), flags)
            if key not in self._compiled:
                self._compiled[key] = _compile(around, flags)
            codes = self._compiled[key]
        else:
            others = [other for other in candidates if other is not node]
            _shift(others, _ELSEWHERE)
            try:
                codes = _compile(around, flags)
            finally:
                _shift(others, -_ELSEWHERE)
        place = (code.co_name, code.co_firstlineno)
        return [found for found in codes if (found.co_name, found.co_firstlineno) == place]


def find(function: FunctionType) -> tuple[SourceFile, FunctionNode]:
    """Return the file and the tree node of a function; raises `Unsupported` if not certain."""
    code = function.__code__
    file = open_source(code.co_filename, function.__globals__)
    return file, file.node_of(code)


def open_source(name: str, module_globals: dict[str, Any] | None = None) -> SourceFile:
    """Return a source file as it is now."""
    linecache.checkcache(name)
    lines = linecache.getlines(name, module_globals)
    if not lines:
        raise Unsupported(NO_SOURCE, name)
    try:
        return _parsed(name, "".join(lines))
    except (SyntaxError, ValueError):
        raise Unsupported(CHANGED, f"{name} cannot be parsed any more") from None


# Trees are large, so only those of the last few files are kept.
@lru_cache(maxsize=4)
def _parsed(name: str, text: str) -> SourceFile:
    return SourceFile(name, text)


def same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects behave alike; lines and file names do not matter.

    Examples
    --------
    >>> same((lambda x: x + 1).__code__, (lambda x: x + 1).__code__)
    True
    >>> same((lambda x: x + 1).__code__, (lambda x: x + 1.0).__code__)
    False
    """
    if any(getattr(one, field, None) != getattr(other, field, None) for field in _FIELDS):
        return False
    return same_value(one.co_consts, other.co_consts)


def same_value(one: Any, other: Any) -> bool:
    """Whether two constants, or containers of them, are of the same types and values throughout."""
    if type(one) is not type(other):
        return False
    if type(one) is CodeType:
        return same(one, other)
    if type(one) in (tuple, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if type(one) in (set, frozenset):
        return {(type(v), repr(v)) for v in one} == {(type(v), repr(v)) for v in other}
    if type(one) is dict:
        return same_value(list(one.items()), list(other.items()))
    if type(one) in (float, complex):
        return repr(one) == repr(other)
    return one is other or bool(one == other)


def _first_line(node: Any) -> int:
    decorators = getattr(node, "decorator_list", None)
    return decorators[0].lineno if decorators else node.lineno


def _holds(node: Any, line: int) -> bool:
    return _first_line(node) <= line <= node.end_lineno


def _functions(node: ast.AST, line: int, name: str) -> Iterator[FunctionNode]:
    """Yield the functions of that name whose code begins at that line."""
    if isinstance(node, ast.stmt) and not _holds(node, line):
        return
    if isinstance(node, ast.Lambda):
        if name == "<lambda>" and node.lineno == line:
            yield node
    elif isinstance(node, ast.FunctionDef):
        if node.name == name and _first_line(node) == line:
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _functions(child, line, name)


def _imports(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the imports of the module level, also those under an `if` or a `try`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from _imports(child)


def _shift(nodes: list[FunctionNode], by: int) -> None:
    for node in nodes:
        node.lineno += by
        node.end_lineno = (node.end_lineno or 0) + by


def _be_quiet() -> None:
    """See that what is compiled under our own file name gives no warnings.

    CPython has said them when it compiled the module. The filters are the whole process's, so they
    are not changed for a moment and set back: two threads at once could leave them changed. This
    one is only ours, and stays.
    """
    if not warnings.filters or warnings.filters[0] != QUIET_FILTER:
        warnings.filterwarnings("ignore", module=QUIET_FILTER[3].pattern)


def _compile(statements: list[ast.stmt], flags: int) -> list[CodeType]:
    module = ast.Module(body=statements, type_ignores=[])
    _be_quiet()
    found, rest = [], [compile(module, _QUIET, "exec", flags, dont_inherit=True)]
    while rest:
        code = rest.pop()
        found.append(code)
        rest += [const for const in code.co_consts if type(const) is CodeType]
    return found
