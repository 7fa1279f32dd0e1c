"""Which functions of an operator are the user's, and which are Tidemill's own.

Tidemill's are those whose file is in its package; one of them that captures a function of the
user's, to call it, counts as the user's. Called by `chain`.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from tidemill import columns, ops
from tidemill.compiler.own import parts_of

HOME = os.path.dirname(ops.__file__) + os.sep
# Their functions are there for their effects, or take Arrow batches as they were asked to.
INTERPRETED = (ops.foreach, ops.foreach_partition, columns.map_arrow)


def is_own(function: Any) -> bool:
    """Whether a function is written in Tidemill."""
    code = getattr(function, "__code__", None)
    return code is not None and is_own_file(code.co_filename)


def is_own_file(file: str | None) -> bool:
    """Whether a file is Tidemill's."""
    return file is not None and file.startswith(HOME)


def calls_users(op: Any) -> bool:
    """Whether an operator has a function of the user's that is to be compiled.

    Examples
    --------
    >>> calls_users(partial(ops.map_records, str.strip)), calls_users(ops.group_by_key)
    (True, False)
    """
    bare, args = parts_of(op)
    return bare not in INTERPRETED and _holds_users(args, [])


def _holds_users(value: Any, seen: list[Any]) -> bool:
    if any(value is other for other in seen):
        return False
    seen.append(value)
    if type(value) is tuple:
        return any(_holds_users(item, seen) for item in value)
    if type(value) is partial:
        held = (value.func, *value.args, *value.keywords.values())
        return _holds_users(held, seen)
    if is_own(value):
        return any(
            _holds_users(_content(cell), seen) for cell in getattr(value, "__closure__", None) or ()
        )
    module = getattr(value, "__module__", None)
    is_tidemills = type(module) is str and module.split(".")[0] == "tidemill"
    return callable(value) and not is_tidemills


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None
