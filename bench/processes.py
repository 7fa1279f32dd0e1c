"""Child processes of the benchmark: each in a session of its own, ended whole, its memory added up.

The invariant: when ``Child.stop`` returns, no process of that session is left. Bounded: every wait
has a limit. Called by ``session.py``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Memory:
    """Resident memory of a group of processes, in bytes.

    Parameters
    ----------
    proportional
        Pages shared by several processes counted once (Pss).
    resident
        The plain sum over the processes (Rss), in which shared pages count several times.
    processes
        How many processes there were.
    """

    proportional: int
    resident: int
    processes: int


class Child:
    """A command that runs in a session of its own, its output going to a file.

    Parameters
    ----------
    command
        The program and its arguments.
    environment
        Variables to set in addition to those of this process.
    log
        The file for stdout and stderr.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        self.started = time.time()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> Optional[int]:
        """The exit code, or None while the command runs."""
        return self._process.poll()

    def last_lines(self, count: int = 5) -> str:
        """The end of what it has printed."""
        return "\n".join(self.output().strip().splitlines()[-count:])

    def output(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def memory(self) -> Memory:
        """The memory of all processes of the session."""
        rolled_up = [_resident(pid) for pid in _session(self._process.pid)]
        return Memory(
            sum(proportional for proportional, _ in rolled_up),
            sum(resident for _, resident in rolled_up),
            len(rolled_up),
        )

    def stop(self) -> None:
        """Asks the command to end, then kills what is left of its session."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            left = _session(self._process.pid)
            if not left:
                break
            for pid in left:
                _kill(pid)
            time.sleep(0.05)
        self._process.wait(STOP_SECONDS)


def _session(leader: int) -> list[int]:
    """The live processes of the session of ``leader``; a process group alone would miss some."""
    return [pid for pid in _all_processes() if _session_of(pid) == leader]


def _all_processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _session_of(pid: int) -> Optional[int]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name is in parentheses and may hold anything: count from its end.
    state, _, _, session = stat.rpartition(")")[2].split()[:4]
    return None if state in "ZX" else int(session)


def _resident(pid: int) -> tuple[int, int]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return (0, 0)
    sizes = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return (int(sizes["Pss"]) * 1024, int(sizes["Rss"]) * 1024)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
