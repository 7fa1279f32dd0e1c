"""CPython's own parser of regular expressions, where a warning is an error.

What becomes of a warning is for the whole process to say (`warnings.filters`), so a thread that
changed it for a moment would change it for all others, and two at once could leave it changed for
good. The parser looks `warnings` up when it warns. So it is loaded once more, as a module that is
nobody else's, and finds another one there. Called by `patterns`.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
import types
from typing import Any, NoReturn

_NAME = "re._parser" if sys.version_info >= (3, 11) else "sre_parse"


def _raise(message: str, category: type[Warning] = UserWarning, *_: Any, **__: Any) -> NoReturn:
    raise category(message)


_WARNINGS = types.SimpleNamespace(warn=_raise)


def _import(name: str, *args: Any) -> Any:
    return _WARNINGS if name == "warnings" else builtins.__import__(name, *args)


def _load() -> Any:
    """The parser as a module that is in no table of modules."""
    spec = importlib.util.find_spec(_NAME)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected CPython's module {_NAME}, found none; is the library whole?")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import}
    spec.loader.exec_module(module)
    return module


parser: Any = _load()
