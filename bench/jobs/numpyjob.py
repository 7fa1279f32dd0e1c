"""The benchmark's numpy job: the strongest frequency of each line; ``... numpyjob.py HOST PORT``.

Numpy reads and transforms a partition at once, so that Python's own work is small, and nothing that
a compiler of Python could take over.
"""

from operator import add

import numpy as np
from job import run

SAMPLES = 8


def strongest(lines):
    """For each frequency, in how many lines of a partition it is the strongest."""
    text = " ".join(lines)
    if not text:
        return
    waves = np.fromstring(text, sep=" ").reshape(-1, SAMPLES)
    power = np.abs(np.fft.rfft(waves * np.hanning(SAMPLES), axis=1)) ** 2
    counts = np.bincount(power[:, 1:].argmax(axis=1))
    yield from enumerate(counts.tolist(), 1)


def count(lines):
    """In how many lines of a batch each frequency is the strongest."""
    return lines.mapPartitions(strongest).reduceByKey(add)


if __name__ == "__main__":
    run("Numpy", count)
