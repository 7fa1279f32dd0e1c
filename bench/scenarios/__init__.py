"""The benchmark's scenarios, a file each.

Each has ``TITLE``, ``ABOUT`` and ``measure(options) -> Table``. ``ALL`` lists them by the name used
on the command line, in the order of the report. Called by ``run.py``.
"""

from scenarios import idle, interval10, quadrant, startup

ALL = {"quadrant": quadrant, "idle": idle, "interval10": interval10, "startup": startup}
