"""What the records of a run mean: throughput, scheduling delay and processing time.

Every job writes a JSON line at the end of each batch (batch time, time now, total so far), so that
the same arithmetic holds for every peer and nothing depends on what an engine says about itself.
Pure functions, called by ``session.py`` and the scenarios.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Optional

WARM_UP_SHARE = 0.25
"""The share of a throughput run, from the first points counted on, that is not measured."""


@dataclass(frozen=True)
class Record:
    """The end of one batch.

    Parameters
    ----------
    time
        The batch time, in seconds since 1970.
    now
        When the batch was complete, in seconds since 1970.
    total
        What was counted so far: points, words, or whatever the results add up to.
    counts
        The same by key, where it is asked for.
    """

    time: float
    now: float
    total: float
    counts: dict[str, float]


def read(path: Path) -> list[Record]:
    """The records in a file, in their order; a last line that is not whole yet is left out."""
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [Record(**json.loads(line)) for line in whole.splitlines()]


def first_counted(records: list[Record]) -> Optional[Record]:
    """The first record in which a point was counted."""
    return next((record for record in records if record.total > 0), None)


def points_per_second(records: list[Record]) -> float:
    """The slope of the total over the steady part of a run.

    The warm-up is left out; the slope is taken between the ends of two batches, so that all of the
    work for the points in between lies in between.

    Examples
    --------
    >>> ends = [Record(0, second, 100 * second, {}) for second in range(1, 10)]
    >>> points_per_second(ends)
    100.0
    """
    first = first_counted(records)
    if first is None:
        raise ValueError("no points were counted")
    start = first.now + WARM_UP_SHARE * (records[-1].now - first.now)
    steady = [record for record in records if record.now >= start]
    if len(steady) < 2:
        raise ValueError(f"only {len(steady)} batches ended in the steady part: run it for longer")
    if steady[-1].total == steady[0].total:
        raise ValueError("nothing was counted in the steady part: run it for longer")
    return (steady[-1].total - steady[0].total) / (steady[-1].now - steady[0].now)


def processing_times(records: list[Record]) -> list[float]:
    """Seconds from when a batch could begin (it is due and the one before has ended) to its end.

    Examples
    --------
    >>> ends = {1.0: 1.25, 1.5: 3.0, 2.0: 3.5}
    >>> processing_times([Record(time, now, 0, {}) for time, now in ends.items()])
    [0.25, 1.5, 0.5]
    """
    begins = [record.time + delay for record, delay in zip(records, scheduling_delays(records))]
    return [record.now - begin for record, begin in zip(records, begins)]


def scheduling_delays(records: list[Record]) -> list[float]:
    """Seconds that a batch waited, after it was due, for the one before to end.

    Examples
    --------
    >>> ends = {1.0: 1.25, 1.5: 3.0, 2.0: 3.5}
    >>> scheduling_delays([Record(time, now, 0, {}) for time, now in ends.items()])
    [0.0, 0.0, 1.0]
    """
    ends_before = [float("-inf")] + [record.now for record in records]
    return [max(0.0, before - record.time) for record, before in zip(records, ends_before)]


def middle(values: list[float]) -> float:
    """The median; an error that says so when there is nothing to take it of."""
    if not values:
        raise ValueError("no values to take the median of")
    return median(values)
