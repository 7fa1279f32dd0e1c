"""The quadrant function and the report of progress, for the jobs that are not PySpark programs.

The function is the one in ``quadrant.py``, which must stay one file with nothing to import beside
pyspark. Called by ``quadrant_bytewax.py`` and ``quadrant_cpython.py``.
"""

import json
import os
import time


def get_quadrant(line):
    """The name of the quadrant that the point in a line lies in, with a 1 to count it by."""
    try:
        (x, y) = [float(number) for number in line.split()]
    except ValueError:
        return ("Invalid points", 1)
    if x > 0 and y > 0:
        quadrant = "First quadrant"
    elif x < 0 and y > 0:
        quadrant = "Second quadrant"
    elif x < 0 and y < 0:
        quadrant = "Third quadrant"
    elif x > 0 and y < 0:
        quadrant = "Fourth quadrant"
    elif x == 0 and y != 0:
        quadrant = "Lies on Y axis"
    elif x != 0 and y == 0:
        quadrant = "Lies on X axis"
    else:
        quadrant = "Origin"
    return (quadrant, 1)


class Progress:
    """Appends the totals to the file ``BENCH_OUT``, every ``BENCH_EVERY`` seconds (0.25)."""

    def __init__(self):
        self._path = os.environ["BENCH_OUT"]
        self._every = float(os.environ.get("BENCH_EVERY", "0.25"))
        self._due = 0.0

    def report(self, counts):
        """Writes one line of totals when it is time for one."""
        now = time.time()
        if now < self._due:
            return
        self._due = now + self._every
        line = {"time": now, "now": now, "total": sum(counts.values()), "counts": counts}
        with open(self._path, "a") as out:
            out.write(json.dumps(line) + "\n")
