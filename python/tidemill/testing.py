"""What a test of a streaming program needs: run a stream for some batches and look at them.

Used by the examples in the documentation, by Tidemill's tests, and by users' tests.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidemill.streaming import DStream


def collect_batches(stream: DStream[Any], batches: int, timeout: float = 30.0) -> list[list[Any]]:
    """Start the stream's context, return the elements of its first batches, and stop it.

    The SparkContext stays as it is.

    Parameters
    ----------
    stream : DStream
        A stream of a context that is not started yet.
    batches : int
        How many batches to wait for.
    timeout : float, optional
        Seconds to wait for them.

    Returns
    -------
    list of list
        The elements of each batch.

    Raises
    ------
    JobError
        If a batch failed.
    TimeoutError
        If the batches did not come in time.

    Examples
    --------
    >>> ssc = StreamingContext(sc, 0.1)
    >>> collect_batches(ssc.queueStream([[1, 2], [3]]), 3)
    [[1, 2], [3], []]
    """
    seen: list[list[Any]] = []
    done = threading.Event()

    def keep(rdd: Any) -> None:
        if not done.is_set():
            seen.append(rdd.collect())
        if len(seen) >= batches:
            done.set()

    stream.foreachRDD(keep)
    ssc = stream.context()
    ssc.start()
    try:
        _wait(ssc, done, timeout)
    finally:
        ssc.stop(stopSparkContext=False)
    if not done.is_set():
        raise TimeoutError(f"expected {batches} batches in {timeout} s, got {len(seen)}: {seen!r}")
    return seen


def _wait(ssc: Any, done: threading.Event, timeout: float) -> None:
    step = 0.02
    for _ in range(int(timeout / step)):
        if done.is_set() or ssc.awaitTerminationOrTimeout(step):
            return
