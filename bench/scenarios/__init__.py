"""The benchmark's scenarios, a file each.

Each has ``TITLE``, ``ABOUT`` and ``measure(options) -> Table``. ``ALL`` lists them by the name used
on the command line, in the order of the report. Called by ``run.py``.
"""

from scenarios import (
    accesslog,
    compiletime,
    idle,
    instructions,
    interval10,
    jsonlines,
    numpyjob,
    quadrant,
    runningcount,
    startup,
    wordcount,
)

ALL = {
    "quadrant": quadrant,
    "wordcount": wordcount,
    "jsonlines": jsonlines,
    "accesslog": accesslog,
    "numpyjob": numpyjob,
    "runningcount": runningcount,
    "idle": idle,
    "interval10": interval10,
    "startup": startup,
    "compiletime": compiletime,
    "instructions": instructions,
}
