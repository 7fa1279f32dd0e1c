"""Says plainly which PySpark modules Tidemill does not have.

Installed by the alias packages as the last import finder: it is asked only for modules that no
other finder has, and then raises a ModuleNotFoundError with a text that tells what to do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class MissingModules(MetaPathFinder):
    """Raises for every module below the alias packages that is not there."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Raise for a name below an alias package; for others, leave it to Python."""
        if fullname.partition(".")[0] not in ("pyspark", "py4j") or "." not in fullname:
            return None
        # Without `name=`: `from pyspark import x` hides errors that carry the name it asked for.
        raise ModuleNotFoundError(
            f"No module named {fullname!r}: Tidemill does not have it yet. It has PySpark's RDDs "
            "and DStreams (pyspark, pyspark.rdd, pyspark.streaming); run this program with "
            "PySpark, or leave that part out."
        )


def announce() -> None:
    """Add the finder, once."""
    if not any(isinstance(finder, MissingModules) for finder in sys.meta_path):
        sys.meta_path.append(MissingModules())
