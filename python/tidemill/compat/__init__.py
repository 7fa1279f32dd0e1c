"""The `pyspark` name for Tidemill: lets a PySpark program import what it always imported.

Invariant: nothing happens on import. Only `install()` (a program that opts in) and `tidemill
submit` put `path/`, the folder that holds the alias packages `pyspark` and `py4j`, on the import
path. An alias is Tidemill's own class under another name, never a copy.
"""

from __future__ import annotations

import os
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "path")
ALIASES = ("pyspark", "py4j")


def install(position: int = 0) -> None:
    """Make ``import pyspark`` mean Tidemill in this process and its workers.

    Parameters
    ----------
    position : int, optional
        Where in `sys.path`; the front by default.

    Raises
    ------
    RuntimeError
        If the real PySpark has been imported already.

    Examples
    --------
    >>> import tidemill.compat
    >>> tidemill.compat.install()
    >>> from pyspark.streaming import StreamingContext
    >>> StreamingContext.__module__
    'tidemill.streaming.context'
    """
    for name in ALIASES:
        module = sys.modules.get(name)
        origin = str(getattr(module, "__file__", None))
        if module is not None and not origin.startswith(PATH + os.sep):
            raise RuntimeError(
                f"{name} has been imported already, from {origin}; call "
                f"tidemill.compat.install() before anything imports pyspark"
            )
    if PATH not in sys.path:
        sys.path.insert(position, PATH)
