"""Durations and instants: from what users write (seconds, datetimes) to whole milliseconds.

Invariant: seconds become `int(seconds * 1000)` milliseconds, as in PySpark, and nothing else in
the package converts between the two.
"""

from __future__ import annotations

from datetime import datetime

from tidemill.errors import IllegalArgumentError


def milliseconds(seconds: float) -> int:
    """Return a duration in whole milliseconds, cut off.

    Examples
    --------
    >>> milliseconds(0.5)
    500
    """
    return int(seconds * 1000)


def batch_interval(seconds: object) -> int:
    """Return the batch interval in milliseconds, or raise what is wrong with it.

    Raises
    ------
    AssertionError
        If there is none (PySpark's type for it).
    TypeError
        If it is no number.
    IllegalArgumentError
        If it is shorter than a millisecond.

    Examples
    --------
    >>> batch_interval(2)
    2000
    >>> batch_interval(0)
    Traceback (most recent call last):
        ...
    tidemill.errors.IllegalArgumentError: batchDuration should be at least 0.001 s, but it is 0
    """
    if seconds is None:
        raise AssertionError(
            "batchDuration is missing: give the batch interval in seconds, "
            "as in StreamingContext(sc, 1)"
        )
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(
            f"batchDuration should be a number of seconds, but it is "
            f"{type(seconds).__name__}: {seconds!r:.80}"
        )
    if not 0.001 <= seconds < float("inf"):
        raise IllegalArgumentError(f"batchDuration should be at least 0.001 s, but it is {seconds}")
    return milliseconds(seconds)


def instant(when: datetime | float) -> int:
    """Return a point in time in milliseconds since the epoch.

    Parameters
    ----------
    when : datetime or float
        A datetime (naive: local time) or seconds since the epoch.

    Examples
    --------
    >>> instant(1.5)
    1500
    """
    return milliseconds(when.timestamp() if isinstance(when, datetime) else when)
