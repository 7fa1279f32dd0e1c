"""Read a master such as ``local[4]``: how many executor threads, how many attempts a task gets.

Pure; called by `SparkContext` and the command line before anything is started.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from tidemill.errors import IllegalArgumentError

_LOCAL = re.compile(r"local(?:\[\s*(\d+|\*)\s*(?:,\s*(\d+)\s*)?\])?")
_MOST = 4096


class Master(NamedTuple):
    """What a master says."""

    slots: int
    max_failures: int | None


def parse_master(text: str) -> Master:
    """Read a master.

    Parameters
    ----------
    text : str
        ``local``, ``local[N]``, ``local[*]`` (as many as there are cores), ``local[N,F]`` (F
        attempts a task).

    Raises
    ------
    IllegalArgumentError
        For anything else.

    Examples
    --------
    >>> parse_master("local[2,3]")
    Master(slots=2, max_failures=3)
    """
    found = _LOCAL.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise _nonsense(text)
    threads, failures = found.groups()
    slots = cores() if threads == "*" else int(threads or 1)
    if not 1 <= slots <= _MOST or failures == "0":
        raise _nonsense(text)
    return Master(slots, int(failures) if failures else None)


def cores() -> int:
    """Return how many cores this process may use.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _nonsense(text: object) -> IllegalArgumentError:
    return IllegalArgumentError(
        "Could not parse Master URL: expected local, local[N], local[*] or local[N,F] with N from "
        f"1 to {_MOST} "
        f"threads and F at least 1 attempt, got {text!r}. Pass for example --master 'local[2]'"
    )
