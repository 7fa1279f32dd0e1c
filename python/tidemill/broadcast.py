"""Broadcast variables: one read-only value, sent to each worker once.

A `Broadcast` pickles as its id alone. While a stage's functions are pickled on the driver, the ids
met are collected (see `collecting`), and the engine sends the bytes to the workers that have not
got them; there the value is unpickled on first use. Called by user programs, `serializers.dump_ops`
and the worker.
"""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tidemill.context import SparkContext

_collector = threading.local()
_received: dict[int, Broadcast] = {}


class Broadcast:
    """A value that every task can read, made by `SparkContext.broadcast`.

    Examples
    --------
    >>> names = sc.broadcast({1: "one", 2: "two"})
    >>> sc.parallelize([2, 1]).map(lambda x: names.value[x]).collect()
    ['two', 'one']
    >>> names.destroy()
    """

    def __init__(self, sc: SparkContext | None = None, value: Any = None, bid: int = -1):
        self._sc = sc
        self._id = bid
        self._destroyed = False
        self._pickled: bytes | None = None
        if sc is not None:
            self._value = value

    @property
    def value(self) -> Any:
        """The value that was broadcast.

        Examples
        --------
        >>> sc.broadcast([1, 2]).value
        [1, 2]
        """
        if not hasattr(self, "_value"):
            from tidemill.serializers import loads

            assert self._pickled is not None
            self._value = loads(self._pickled)
            self._pickled = None
        return self._value

    def unpersist(self, blocking: bool = False) -> None:
        """Give the workers' copies up; they are sent again when a task needs them.

        Examples
        --------
        >>> b = sc.broadcast(5)
        >>> b.unpersist()
        >>> b.value
        5
        """

    def destroy(self, blocking: bool = False) -> None:
        """Give up the value everywhere; tasks cannot use it any more.

        Examples
        --------
        >>> sc.broadcast(5).destroy()
        """
        if self._sc is not None and not self._destroyed:
            self._destroyed = True
            self._sc._engine.remove_broadcast(self._id)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._sc is None:
            return (_from_id, (self._id,))
        ids = getattr(_collector, "ids", None)
        if ids is None:
            raise RuntimeError("A Broadcast can only be serialized as part of a function of a task")
        if self._destroyed:
            raise RuntimeError(
                f"Attempted to use Broadcast({self._id}) after it was destroyed; "
                "broadcast the value again"
            )
        if self._id not in ids:
            ids.append(self._id)
        return (_from_id, (self._id,))


class collecting:
    """Collect the ids of the broadcast variables that are pickled within the block, in this thread.

    Examples
    --------
    >>> with collecting() as ids:
    ...     pass
    >>> ids
    []
    """

    def __enter__(self) -> list[int]:
        ids: list[int] = []
        _collector.ids = ids
        return ids

    def __exit__(self, *_: object) -> None:
        _collector.ids = None


def receive(bid: int, data: bytes) -> None:
    """Keep the bytes of a broadcast variable in this worker."""
    broadcast = Broadcast(bid=bid)
    broadcast._pickled = data
    _received[bid] = broadcast


def drop(bid: int) -> None:
    """Forget a broadcast variable in this worker."""
    _received.pop(bid, None)


def _from_id(bid: int) -> Broadcast:
    if bid not in _received:
        raise RuntimeError(f"Broadcast({bid}) is not known here; it may have been destroyed")
    return _received[bid]
