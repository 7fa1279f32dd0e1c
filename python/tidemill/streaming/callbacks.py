"""The driver-side functions that the engine calls once per batch, made from the user's.

Invariant: while a user function runs, the batch time (and, for an output, its index) are local
properties of the thread, and `inside()` is true; afterwards both are gone. One object per
StreamingContext; the engine calls what `transform` and `output` return on its driver thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable

from tidemill.rdd import RDD

if TYPE_CHECKING:
    from tidemill.context import SparkContext

BATCH_TIME = "spark.streaming.internal.batchTime"
OUTPUT_ID = "spark.streaming.internal.outputOpId"


class Callbacks:
    """Makes engine callbacks from user functions, for one StreamingContext."""

    def __init__(self, sc: SparkContext) -> None:
        self._sc = sc
        self._outputs = 0
        self._thread = threading.local()

    def inside(self) -> bool:
        """Return whether the calling thread is running a user function of a batch."""
        return getattr(self._thread, "inside", False)

    def transform(
        self, func: Callable[..., Any], name: str
    ) -> Callable[[int, Sequence[Any]], Any | None]:
        """Return the engine's form of `func(time, *rdds) -> RDD or None`."""

        def call(time_ms: int, handles: Sequence[Any]) -> Any | None:
            rdds: list[RDD | None] = [
                None if handle is None else RDD(handle, self._sc) for handle in handles
            ]
            with self._batch(time_ms, None):
                return handle_of(func(batch_datetime(time_ms), *rdds), name)

        return call

    def output(self, func: Callable[[int, RDD], Any]) -> Callable[[int, Any], None]:
        """Return the engine's form of `func(time_ms, rdd)`; its index is the next free one."""
        index = self._outputs
        self._outputs += 1

        def call(time_ms: int, handle: Any) -> None:
            with self._batch(time_ms, index):
                func(time_ms, RDD(handle, self._sc))

        return call

    def _rdd(self, handle: Any | None) -> RDD[Any] | None:
        return None if handle is None else RDD(handle, self._sc)

    @contextmanager
    def _batch(self, time_ms: int, output: int | None) -> Iterator[None]:
        self._thread.inside = True
        self._sc.setLocalProperty(BATCH_TIME, str(time_ms))
        self._sc.setLocalProperty(OUTPUT_ID, None if output is None else str(output))
        try:
            yield
        finally:
            self._sc.setLocalProperty(BATCH_TIME, None)
            self._sc.setLocalProperty(OUTPUT_ID, None)
            self._thread.inside = False


def batch_datetime(time_ms: int) -> datetime:
    """Return the batch time as user functions get it: naive, local."""
    return datetime.fromtimestamp(time_ms / 1000.0)


def handle_of(result: Any, name: str) -> Any | None:
    """Return the engine's handle of what a transform function returned; None: no RDD."""
    if isinstance(result, RDD):
        return result._handle
    if not result:
        return None
    raise TypeError(
        f"the function given to {name} should return an RDD, or None for no RDD in this batch, "
        f"but it returned {type(result).__name__}: {result!r:.200}"
    )
