"""Fixtures of the end-to-end tests: real processes, a real netcat, sockets, a SparkContext.

Nothing here sleeps and hopes: everything waits for a condition and fails, with what was seen so
far, when the deadline is over. Every process started is gone when its test ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from exact.pair import Pair

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DEADLINE = 60.0


def wait_until(condition, what, deadline=DEADLINE):
    """Wait for a condition; returns its value. ``what`` is a text or makes one when it fails."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what() if callable(what) else what}")
        time.sleep(0.01)


def require(found, what):
    """Skip a test for which something is missing; fail where everything is required."""
    if not found:
        if os.environ.get("TIDEMILL_REQUIRE_ALL") == "1":
            pytest.fail(what)
        pytest.skip(what)


class Program:
    """A running program; its standard output and error grow as it writes them."""

    def __init__(self, command, cwd, env=None):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        environment.pop("PYTHONPATH", None)
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._chunks = {"out": [], "err": []}
        self._readers = [
            self._read("out", self.process.stdout),
            self._read("err", self.process.stderr),
        ]

    def _read(self, name, pipe):
        def copy():
            while data := os.read(pipe.fileno(), 65536):
                self._chunks[name].append(data)
            pipe.close()

        thread = threading.Thread(target=copy, daemon=True)
        thread.start()
        return thread

    @property
    def stdout(self):
        """What it has written so far."""
        return b"".join(self._chunks["out"]).decode("utf-8", "replace")

    @property
    def stderr(self):
        """What it has written to standard error so far."""
        return b"".join(self._chunks["err"]).decode("utf-8", "replace")

    def wait_for(self, text, stream="stdout", deadline=DEADLINE):
        """Wait until a text has been written; fails at once if the program ends without it."""

        def seen():
            ended = self.process.poll() is not None and not any(t.is_alive() for t in self._readers)
            if text in getattr(self, stream):
                return True
            assert not ended, f"ended ({self.process.returncode}) without {text!r}: {self.report()}"
            return False

        wait_until(seen, lambda: f"{text!r} on {stream}: {self.report()}", deadline)

    def send(self, number):
        """Send a signal to the program alone."""
        self.process.send_signal(number)

    def press_ctrl_c(self):
        """Send SIGINT to the program and its workers, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self, deadline=DEADLINE):
        """Wait for the end; return the exit code."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline} s: {self.report()}") from None
        for thread in self._readers:
            thread.join(DEADLINE)
        return code

    def end(self):
        """Kill what is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def report(self):
        """Return both outputs, for a message."""
        return f"\n--- stdout\n{self.stdout[-3000:]}\n--- stderr\n{self.stderr[-3000:]}"

    def workers(self):
        """Return the ids of its worker processes."""
        return workers_of(self.process.pid)

    def daemons(self):
        """Return the ids of the processes that its workers are forks of."""
        return daemons_of(self.process.pid)


def children(pid):
    """Return the ids of a process's children."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def daemons_of(pid):
    """Return the ids of the processes that a driver's workers are forks of."""
    return [child for child in children(pid) if "tidemill.daemon" in command_of(child)]


def workers_of(pid):
    """Return the ids of a driver's workers. One that has ended has no command line any more."""
    forks = [child for daemon in daemons_of(pid) for child in children(daemon)]
    return [child for child in forks if command_of(child)]


def workers():
    """Return the ids of this process's workers."""
    return workers_of(os.getpid())


def command_of(pid):
    """Return the command line of a process, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.fixture
def start(tmp_path):
    """Start a command in a folder of its own: ``start(command, env={...})``."""
    programs = []

    def begin(command, cwd=tmp_path, env=None):
        programs.append(Program(command, cwd, env))
        return programs[-1]

    yield begin
    for program in programs:
        program.end()


@pytest.fixture
def submit(start):
    """Run ``tidemill submit``: ``submit(*arguments)``, options of tidemill first."""

    def begin(*arguments, **options):
        return start([sys.executable, "-m", "tidemill", "submit", *arguments], **options)

    return begin


@pytest.fixture
def write_program(tmp_path):
    """Write a program into the test's folder and return its path."""

    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def free_port():
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    """Return whether something listens on a port, without connecting to it."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":
                return True
    return False


class Netcat:
    """``nc -lk PORT``; what is typed goes to whoever is connected."""

    def __init__(self, port):
        self.port = port
        self.process = subprocess.Popen(["nc", "-lk", str(port)], stdin=subprocess.PIPE)
        wait_until(lambda: listening(port), f"nc listening on {port}")

    def type(self, *lines):
        """Type lines."""
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def end(self):
        """Close the terminal."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def netcat(free_port):
    """A real netcat that listens on a free port."""
    require(shutil.which("nc"), "needs nc (Debian: apt-get install netcat-openbsd)")
    terminal = Netcat(free_port)
    yield terminal
    terminal.end()


class Server:
    """A TCP server in this process: ``serve(connection, number)`` runs for each connection."""

    def __init__(self, serve, port=0):
        self.connections = 0
        self._serve = serve
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(16)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            arguments = (connection, self.connections)
            threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def _run(self, connection, number):
        # The client may go away, which is its right.
        with connection, contextlib.suppress(OSError):
            self._serve(connection, number)

    def end(self):
        """Stop listening."""
        self._socket.close()


@pytest.fixture
def serve():
    """Start a server in this process: ``serve(function, port=0)``."""
    servers = []

    def begin(function, port=0):
        servers.append(Server(function, port))
        return servers[-1]

    yield begin
    for server in servers:
        server.end()


@pytest.fixture
def sc():
    """A SparkContext of two workers."""
    from tidemill import SparkContext

    context = SparkContext("local[2]", "tests")
    yield context
    context.stop()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers that run the same programs, one of them compiled."""
    both = Pair(tmp_path_factory.mktemp("exact"))
    yield both
    both.end()
