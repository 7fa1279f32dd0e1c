"""The cases: small programs whose answers PySpark and Tidemill must agree on.

A function ``case_*(sc)`` returns its answer; a function ``stream_*(ssc, out)`` builds streams and
hands them to ``out``, and may return a function of the context to be called after the stop. Every
answer is a plain value with a stable ``repr``. ``run_cases.py`` calls ``found()``;
``test_oracle.py`` reads the names from the source text, so that it needs no ``pyspark``.
"""

from __future__ import annotations

import importlib
import pkgutil


def found():
    """Yield (name, function) of every case, module by module, in the order written."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        members = vars(importlib.import_module(f"{__name__}.{module}"))
        for name, value in members.items():
            if name.startswith(("case_", "stream_")):
                yield name, value
