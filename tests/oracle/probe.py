"""What the cases share: looking at an RDD, at an error, at what a stream's batches held.

Everything returned is made of plain values whose ``repr`` is the same in every process, so that two
engines' answers can be compared as text. Used by the cases and by ``run_cases.py``; imports only
what both engines offer under the name ``pyspark``.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile

from py4j.protocol import Py4JJavaError

TIME_LINE = re.compile(r"Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?")


def parts(rdd):
    """Return the records of an RDD, one list per partition."""
    return rdd.glom().collect()


def pairs_of(rdd):
    """Return the partitions of an RDD of (key, iterable) as (key, list) pairs."""
    return parts(rdd.mapValues(list))


def kind(error):
    """Return the name of the first class of an error that both engines can have."""
    if isinstance(error, Py4JJavaError):
        return "Py4JJavaError"
    shared = ("builtins", "pickle", "_pickle")
    return next(base.__name__ for base in type(error).__mro__ if base.__module__ in shared)


def failure(call, *texts):
    """Return the kind of error a call ends with, and for each text whether the message has it."""
    try:
        value = call()
    except Exception as error:
        return kind(error), [(text, text in str(error)) for text in texts]
    return "no error", repr(value)


def listing(folder):
    """Return the files of a folder and what they hold, without Hadoop's checksum files."""
    names = sorted(name for name in os.listdir(folder) if not name.endswith(".crc"))
    return [(name, read_bytes(os.path.join(folder, name))) for name in names]


def read_bytes(path):
    """Return what a file holds."""
    with open(path, "rb") as file:
        return file.read()


def write_files(files):
    """Write ``{name: bytes}`` into a new folder and return its path."""
    folder = tempfile.mkdtemp(prefix="tidemill-oracle-")
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    return folder


def new_path(name="out"):
    """Return a path that does not exist yet."""
    return os.path.join(tempfile.mkdtemp(prefix="tidemill-oracle-"), name)


class Outputs:
    """What the first ``batches`` batches of a stream case gave.

    ``out(stream)`` watches a stream; ``tick`` runs after all outputs of a batch and takes the
    picture when the last batch wanted is done, so that a batch that runs later is not in it.
    Plain attributes only: with checkpoints on, PySpark pickles what output functions refer to.
    """

    def __init__(self, batches=4):
        self.batches = batches
        self.rows = {}
        self.notes = []
        self.ticks = 0
        self.picture = None

    def __call__(self, stream, name="out"):
        """Collect each batch of a stream, one list per partition."""
        rows = self.rows.setdefault(name, [])
        stream.foreachRDD(lambda rdd: rows.append(parts(rdd)))

    def note(self, value):
        """Keep a value seen in an output function."""
        self.notes.append(value)

    def tick(self):
        """Count a finished batch; at the last one wanted, take the picture."""
        self.ticks += 1
        if self.ticks == self.batches:
            rows = {name: list(batches) for name, batches in self.rows.items()}
            printed = TIME_LINE.sub("Time: <time>", sys.stdout.getvalue())
            self.picture = (rows, list(self.notes), printed)
