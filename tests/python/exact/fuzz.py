"""The loop of every suite that makes its programs up.

A fixed number of programs, the same each time; or, for ``FUZZ_SECONDS`` (`make fuzz`), others
without end. ``FUZZ_EXAMPLES`` is the share of the fixed number that is run (1 unless said).
"""

from __future__ import annotations

import itertools
import os
import resource
import time

from hypothesis import HealthCheck, Phase, given, settings

from exact.server import MOST_MEMORY

SECONDS = float(os.environ.get("FUZZ_SECONDS", 0))
SHARE = float(os.environ.get("FUZZ_EXAMPLES", 1))


def run(strategy, examples, folder, check):
    """Write each program to a file; ``check(path, data)`` says which share of it was compiled.

    The strategy draws a program's text and its data. Returns the share of all.
    """
    told, numbers = [], itertools.count()

    wanted = max(1, int(examples * SHARE))

    @settings(
        # Few at a time, to end in time.
        max_examples=min(wanted, 50) if SECONDS else wanted,
        deadline=None,
        database=None,
        derandomize=not SECONDS,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def once(program):
        text, data = program
        # Servers keep modules by their path. The file of one that fails stays.
        path = folder / f"program{next(numbers)}.py"
        path.write_text(text, encoding="utf-8")
        told.append(check(path, data))
        path.unlink()

    end = time.monotonic() + SECONDS
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, limits[1]))
    try:
        once()
        while time.monotonic() < end:
            once()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    print(f"{sum(told):.0f} of {len(told)} programs compiled")
    return sum(told) / len(told)
