"""The daemon: the process that all workers of a context are forks of.

What CPython hashes by its address (None before 3.12, built-in functions and classes), and what
holds it, has the same hash in all of them. The daemon has one thread, imports what every worker
needs, and does what the driver asks for over a private socket, a line of JSON each way: to fork, to
kill, to reap. It reaps only what it is told to, so that no worker's id is used again while the
driver may have it killed. It leaves when the driver's end closes. The engine's ``daemon.rs`` is the
other side, and starts it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket

import cloudpickle  # noqa: F401  nearly every payload needs it, as it does what follows

from tidemill import ops, worker  # noqa: F401
from tidemill._engine import tie_to_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Who signals the whole group of processes (a service manager, a terminal) means the driver, which
# may have a handler, or stop in good order and need workers for it.
SPARED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
# More than any request has.
MOST_BYTES = 4096
MOST_FILES = 2


def main() -> None:
    """Serve the driver's requests; in a fork, its tasks."""
    control = _take_socket()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # It may have been ignored by whoever started the driver; workers could not be reaped.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    restored = {number: signal.signal(number, signal.SIG_IGN) for number in SPARED}
    # What is there now is never collected, so a collection does not copy the pages that it is on.
    gc.freeze()
    files = _serve(control)
    for number, handler in restored.items():
        signal.signal(number, handler)
    worker.serve(files[0], files[1] if len(files) > 1 else None)


def _take_socket() -> socket.socket:
    """Move the socket off fd 0, so that user code that reads standard input finds it empty."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return control


def _serve(control: socket.socket) -> list[int]:
    """Answer requests; returns in a fork alone, with the files that are for it."""
    me = os.getpid()
    while True:
        request, files = _request(control)
        try:
            answer = _fork() if request == "fork" else _on_worker(request)
        except OSError as error:
            answer = {"error": str(error)}
        if answer.get("pid") == 0:
            control.close()
            if not tie_to_parent(me):
                os._exit(0)
            return files
        for file in files:
            os.close(file)
        control.sendall(json.dumps(answer).encode() + b"\n")


def _request(control: socket.socket) -> tuple[Any, list[int]]:
    """Return the next request and its files; leave when there is none."""
    try:
        # The driver waits for each answer: so this is one request, and the whole of it.
        line, files, _, _ = socket.recv_fds(control, MOST_BYTES, MOST_FILES)
    except ConnectionResetError:
        line = b""
    if not line:
        os._exit(0)
    for file in files:
        os.set_inheritable(file, False)
    return json.loads(line), files


def _fork() -> dict[str, Any]:
    return {"pid": os.fork()}


def _on_worker(request: dict[str, int]) -> dict[str, Any]:
    ((what, pid),) = request.items()
    if what == "kill":
        os.kill(pid, signal.SIGKILL)
        return {}
    ended, status = os.waitpid(pid, os.WNOHANG)
    return {"status": status if ended else None}
