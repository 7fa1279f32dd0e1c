"""SIGINT and SIGTERM: the first stops the StreamingContext gracefully, the next at once.

Invariant: only default handlers are replaced, and they are back when the context has stopped. The
stop itself runs in a thread of its own, because a handler runs in the main thread, which may be
in the middle of anything; a main thread in `awaitTermination` just goes on waiting and returns
normally. Called by `StreamingContext.start` and when it has stopped.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tidemill.streaming.context import StreamingContext

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

    def _handle(self, number: int, frame: FrameType | None) -> None:
        ssc = self._ssc
        if ssc._stopping or ssc._streaming.status != "active":
            self.remove()
            self._stop_in_thread(graceful=False)
            leave(number)
        stopping = self._stop_in_thread(graceful=True)
        if ssc._main_waits:
            return
        while stopping.is_alive():
            stopping.join(0.05)
        leave(number)

    def _stop_in_thread(self, graceful: bool) -> threading.Thread:
        def stop() -> None:
            self._ssc.stop(stopSparkContext=False, stopGraceFully=graceful)

        self._ssc._stopping = True
        thread = threading.Thread(target=stop, name="tidemill-signal", daemon=True)
        thread.start()
        return thread


def in_main_thread() -> bool:
    """Return whether the calling thread is the one that gets signals."""
    return threading.current_thread() is threading.main_thread()


def leave(number: int) -> NoReturn:
    """End the program as the signal's default handling would."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
