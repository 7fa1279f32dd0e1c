"""`describe`: a user's function as a tree of plain data, or the reason why there is none.

A tree says exactly what the function does to the point where it says ``deopt``; whatever is not
certain is a reason. Nothing here calls the user's code, raises, or imports anything heavy. Called
where an operator is planned, on the driver; the tree goes to the native half as JSON.
"""

from __future__ import annotations

import ast
import sys
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Callable

from tidemill.compiler import reasons
from tidemill.compiler.bound import arguments
from tidemill.compiler.callables import describe_object
from tidemill.compiler.known import constant, is_unicode, name_of
from tidemill.compiler.partitions import check_iterator, listing
from tidemill.compiler.reasons import GENERATOR, INTERNAL, PARAMETERS, RECURSION, Unsupported
from tidemill.compiler.scope import LocalFunction, Scope
from tidemill.compiler.source import FunctionNode, find
from tidemill.compiler.stability import is_literal
from tidemill.compiler.statements import block, certain_deopt, expression_body
from tidemill.compiler.webs import split

REASONS = reasons.REASONS
_PLAIN_GENERATOR = 0x20
_GENERATOR_FLAGS = _PLAIN_GENERATOR | 0x80 | 0x100 | 0x200
_STAR_FLAGS = 0x04 | 0x08
# JSON parsers refuse to go deeper than 128.
_DEEPEST = 120
_MOST_FUNCTIONS = 500


VALUE, TRUTH, ITERATED, PARTITION = "value", "truth", "iterated", "partition"


def describe(function: Callable[..., Any], arity: int = 1, use: str = VALUE) -> dict[str, Any]:
    """Describe a function as a tree that says exactly what it does, or say why that cannot be.

    Captured values (closure cells, module globals, defaults) are read now, so a description holds
    for one job: a value that is rebound later, as Spark also has it, counts from the next job on.

    Parameters
    ----------
    function : callable
        Any callable; it is not called.
    arity : int
        The number of arguments that it will be called with. Defaults of further parameters are
        taken as captured constants.
    use : str
        What becomes of the result: `VALUE`, it is one; `TRUTH`, only its truth counts;
        `ITERATED`, it is iterated over: the tree of a generator function returns a list, and is
        marked ``"lazy"``; `PARTITION`, likewise, and the argument is the iterator of a partition:
        the tree is that of a function of a list, which it reads once.

    Returns
    -------
    dict
        ``{"ok": True, "name", "file", "line", "params", "body"}``, or ``{"ok": False, "reason",
        "detail", "file", "line"}`` with one of `REASONS`. It can be written as JSON.

    Examples
    --------
    >>> import operator
    >>> tree = describe(operator.itemgetter(1))
    >>> tree["params"], tree["body"][0]["v"]["e"]
    (['a0'], 'index')
    >>> describe(print)["reason"]
    'not a plain Python function'
    """
    try:
        tree = Description(use).tree(function, arity)
        _check_json(tree)
        return tree
    except Unsupported as error:
        return _failure(error, function)
    except RecursionError:
        return _failure(Unsupported(reasons.TOO_LARGE, "nested too deeply"), function)
    except Exception as error:
        reason = Unsupported(INTERNAL, f"{type(error).__name__} while it was read")
        return _failure(reason, function)


def _failure(error: Unsupported, function: Any) -> dict[str, Any]:
    if type(function) is partial:
        function = function.func
    if type(function) is MethodType:
        function = function.__func__
    if type(function) is FunctionType:
        error.at(function.__code__.co_filename, function.__code__.co_firstlineno)
    place = {"file": error.file, "line": error.line}
    return {"ok": False, "reason": error.reason, "detail": error.detail, **place}


def _check_json(tree: Any) -> None:
    """Refuse a tree that parsers of JSON would; found without recursion."""
    layer = [tree]
    for _ in range(_DEEPEST):
        inner = [node.values() if type(node) is dict else node for node in layer]
        values = [value for held in inner for value in held]
        if not all(is_unicode(value) for value in values if type(value) is str):
            raise Unsupported(reasons.CONSTANT, "a str with lone surrogates")
        layer = [value for value in values if type(value) in (dict, list)]
        if not layer:
            return
    raise Unsupported(reasons.TOO_LARGE, "nested too deeply")


class Description:
    """The making of one tree, with the functions that are being read, the innermost last."""

    def __init__(self, use: str = VALUE) -> None:
        self._use = use
        self._reading: list[Any] = []
        self._scopes = 0

    def count(self) -> int:
        """Number a function that is put in place; calls within calls may double with each level."""
        self._scopes += 1
        if self._scopes > _MOST_FUNCTIONS:
            raise Unsupported(reasons.TOO_LARGE, f"more than {_MOST_FUNCTIONS} calls of functions")
        return self._scopes

    @property
    def depth(self) -> int:
        """How many functions are being read."""
        return len(self._reading)

    @staticmethod
    def is_function(value: Any) -> bool:
        """Whether a value is a plain Python function."""
        return type(value) is FunctionType

    @staticmethod
    def positional_only(value: Any) -> bool:
        """Whether a function has positional-only parameters."""
        if type(value) is LocalFunction:
            return bool(value.node.args.posonlyargs)
        return bool(value.__code__.co_posonlyargcount)

    @staticmethod
    def by_reference(function: FunctionType) -> bool:
        """Whether a worker gets the function by importing its module anew."""
        if function.__module__ == "__main__":
            return False
        found: Any = sys.modules.get(function.__module__)
        for name in function.__qualname__.split("."):
            found = getattr(found, "__dict__", {}).get(name)
        return found is function

    def tree(
        self, function: Any, arity: int, given: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Describe any callable; `given` replaces defaults, as `functools.partial` does."""
        if type(function) is MethodType:
            raise Unsupported(reasons.BOUND_METHOD, function.__func__.__qualname__)
        if type(function) is not FunctionType or name_of(function):
            if self._use == PARTITION and not self._reading:
                raise Unsupported(reasons.NOT_A_FUNCTION, f"of type {type(function).__name__}")
            if given:
                raise Unsupported(reasons.ARGUMENTS, "functools.partial")
            return describe_object(self, function, arity)
        code = function.__code__
        try:
            return self._guarded(code, lambda: self._function(function, arity, given or {}))
        except Unsupported as error:
            error.at(code.co_filename, code.co_firstlineno)
            raise

    def called(self, scope: Scope, value: Any, arity: int | None) -> dict[str, Any]:
        """Describe a function that another one calls, or hands on (then `arity` is None)."""
        if type(value) is not LocalFunction:
            known = value.__code__.co_argcount - len(value.__defaults__ or ())
            return self.tree(value, known if arity is None else arity)
        node = value.node
        own = [*node.args.posonlyargs, *node.args.args]
        count = len(own) - len(node.args.defaults) if arity is None else arity
        return self._guarded(node, lambda: self._local(scope, value, count))

    def _guarded(self, key: CodeType | FunctionNode, read: Callable[[], Any]) -> Any:
        """Read a function; one that is being read already calls itself."""
        if any(key is other for other in self._reading):
            name = getattr(key, "co_name", None) or getattr(key, "name", "<lambda>")
            raise Unsupported(RECURSION, str(name))
        self._reading.append(key)
        try:
            return read()
        finally:
            self._reading.pop()

    def _function(
        self, function: FunctionType, arity: int, given: dict[str, Any]
    ) -> dict[str, Any]:
        kind = function.__code__.co_flags & _GENERATOR_FLAGS
        use = self._use if self.depth == 1 else VALUE
        if kind and not (use in (ITERATED, PARTITION) and kind == _PLAIN_GENERATOR):
            raise Unsupported(GENERATOR, function.__qualname__)
        file, node = find(function)
        scope = Scope(self, function, file, listing(node) if kind else node)
        scope.root = node
        scope.use = use
        if use == PARTITION:
            check_iterator(scope, arguments(node)[0].arg if arguments(node) else "")
        if self.by_reference(function):
            _check_defaults(node)
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        values = function.__defaults__ or ()
        defaults = dict(zip(names[len(names) - len(values) :], values))
        defaults.update(function.__kwdefaults__ or {})
        tree = _tree(scope, function.__qualname__, arity, defaults, given)
        return {**tree, "lazy": bool(kind)}

    def _local(self, outer: Scope, local: LocalFunction, arity: int) -> dict[str, Any]:
        node = local.node
        if any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node)):
            raise Unsupported(GENERATOR, getattr(node, "name", "<lambda>"), node.lineno)
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        written = node.args.defaults
        pairs = [*zip(names[len(names) - len(written) :], written)]
        pairs += [(a.arg, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults) if d]
        defaults = {name: d.value for name, d in pairs if isinstance(d, ast.Constant)}
        if len(defaults) < len(pairs):
            raise Unsupported(PARAMETERS, "a default that is not a constant", node.lineno)
        scope = Scope(self, outer.function, outer.file, node, local)
        name = f"{outer.function.__qualname__}.<locals>.{getattr(node, 'name', '<lambda>')}"
        return _tree(scope, name, arity, defaults, {})


def _check_defaults(node: FunctionNode) -> None:
    """A worker that imports the module computes its defaults itself."""
    written = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    if not all(map(is_literal, written)):
        raise Unsupported(
            reasons.CHANGEABLE, "a default that a worker computes itself", node.lineno
        )


def _tree(
    scope: Scope, name: str, arity: int, defaults: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    node = scope.node
    params = _parameters(node, arity, {**defaults, **given}, given)
    late = {arg.arg for arg in arguments(node)} - set(params)
    values = {**defaults, **given}
    body = []
    for each in sorted(late):
        if scope.bound.counts[each] > 1 or each in scope.rebound_names():
            to = {"t": "name", "id": each}
            value = constant(values[each], node.lineno)
            body.append({"s": "assign", "t": to, "v": value, "l": node.lineno})
        else:
            scope.constants[each] = values[each]
    if isinstance(node, ast.Lambda):
        body += expression_body(scope, node.body)
    else:
        body += block(scope, node.body, top=True)
    stop = certain_deopt(body)
    if stop is not None:
        error = Unsupported(stop["why"], stop["detail"], stop["l"])
        error.file = stop["file"]
        raise error
    place = {"file": scope.file.name, "line": node.lineno}
    made = split(body, params, scope.number, scope.new_name)
    held = sorted([*+scope.bound.counts, *made])
    names = {"params": params, "vars": held, "scope": scope.number}
    return {"ok": True, "name": name, **place, **names, "body": body}


def _parameters(
    node: FunctionNode, arity: int, defaults: dict[str, Any], given: dict[str, Any]
) -> list[str]:
    """The parameters that the call sets; every other one must have a default."""
    args, line = node.args, node.lineno
    if args.vararg or args.kwarg:
        raise Unsupported(PARAMETERS, "star parameters", line)
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    params = names[:arity]
    rest = {*names[arity:], *(arg.arg for arg in args.kwonlyargs)}
    if len(params) < arity or rest - set(defaults):
        raise Unsupported(PARAMETERS, f"{len(names)} for {arity} arguments", line)
    hidden = {arg.arg for arg in args.posonlyargs} | set(params)
    if set(given) - rest or set(given) & hidden:
        raise Unsupported(PARAMETERS, "keywords that do not fit", line)
    return params
