"""SIGINT and SIGTERM: the first stops the StreamingContext gracefully, the next at once.

Invariant: only default handlers are replaced, and they are back when the context has stopped. The
stop itself runs in a thread of its own, because a handler runs in the main thread, which may be
in the middle of anything. The main thread goes on with what it does: in `awaitTermination`, or on
its way there, it returns from it normally. One that does not come there is sent the signal again
when the stop is complete, which then ends it as Python's own handlers would. Called by
`StreamingContext.start` and when it has stopped.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tidemill.streaming.context import StreamingContext

ON_ITS_WAY = 0.5
"""Seconds that the main thread has, after the stop, to reach `awaitTermination`."""

PATIENCE = 1.0
"""Seconds that a stop may take before the user is told what it waits for."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)
DEFAULTS = (signal.default_int_handler, signal.SIG_DFL)


class GracefulSignals:
    """The signal handlers of one running StreamingContext.

    Parameters
    ----------
    ssc : StreamingContext
        The context to stop.
    """

    def __init__(self, ssc: StreamingContext) -> None:
        self._ssc = ssc
        self._replaced: dict[int, Any] = {}
        self._sees_the_stop = threading.Event()

    def install(self) -> None:
        """Take over the default handlers; does nothing outside of the main thread."""
        if not in_main_thread():
            return
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler in DEFAULTS:
                self._replaced[number] = handler
                signal.signal(number, self._handle)

    def remove(self) -> None:
        """Put the default handlers back; outside of the main thread they stay."""
        if not in_main_thread():
            return
        for number, handler in self._replaced.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)
        self._replaced.clear()

    def main_sees_the_stop(self) -> None:
        """Say that the main thread waits for the end of the context, or stops it itself."""
        if in_main_thread():
            self._sees_the_stop.set()

    def main_goes_on(self) -> None:
        """Say that the main thread waits no more, and does not know how the context ends."""
        if in_main_thread():
            self._sees_the_stop.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        ssc = self._ssc
        if ssc._stopping or ssc._streaming.status != "active":
            self.remove()
            self._in_thread(partial(self._stop, graceful=False))
            leave(number)
        self._in_thread(partial(self._stop_and_tell, number))

    def _in_thread(self, stop: Callable[[], None]) -> None:
        self._ssc._stopping = True
        threading.Thread(target=stop, name="tidemill-signal", daemon=True).start()

    def _stop(self, graceful: bool) -> None:
        self._ssc.stop(stopSparkContext=False, stopGraceFully=graceful)

    def _stop_and_tell(self, number: int) -> None:
        """Stop gracefully; then end a main thread that is busy with something else."""
        patience = threading.Timer(PATIENCE, _tell)
        patience.daemon = True
        patience.start()
        try:
            self._stop(graceful=True)
        finally:
            patience.cancel()
        if not self._sees_the_stop.wait(ON_ITS_WAY):
            os.kill(os.getpid(), number)


def _tell() -> None:
    print(
        "tidemill: stopping when all that was received is done; once more (Ctrl-C) stops at once",
        file=sys.stderr,
        flush=True,
    )


def in_main_thread() -> bool:
    """Return whether the calling thread is the one that gets signals."""
    return threading.current_thread() is threading.main_thread()


def leave(number: int) -> NoReturn:
    """End the program as the signal's default handling would."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
