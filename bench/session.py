"""One run of one peer: a feed to read from, the peer's process, and the records it wrote.

``run`` starts both, waits until a condition on the records holds, and stops both whatever happens.
Everything the peer writes goes to a directory that is removed afterwards. Called by the scenarios.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import measure
from peers import BENCH_DIR, Peer
from processes import Child, Memory

FEED_SECONDS = 900


class RunFailed(Exception):
    """A peer ended early or took too long; the text has the end of its output."""


@dataclass(frozen=True)
class Run:
    """What a run gave.

    Parameters
    ----------
    started
        When the peer's process was started, in seconds since 1970.
    records
        What it wrote, one a batch.
    memory
        The memory of its processes at the end.
    output
        What it printed until it was stopped, on standard output and standard error.
    """

    started: float
    records: list[measure.Record]
    memory: Memory
    output: str


Condition = Callable[[list[measure.Record]], bool]


def run(
    peer: Peer,
    feed: list[str],
    until: Condition,
    timeout: float,
    interval: float = 1.0,
    every: float = 0.25,
    variables: Optional[dict[str, str]] = None,
) -> Run:
    """Runs a peer against a feed until a condition holds.

    Parameters
    ----------
    peer
        The peer to run.
    feed
        The feed program and its options.
    until
        The condition on the records so far.
    timeout
        Seconds to wait for it.
    interval
        The batch interval, in seconds, of peers that have one.
    every
        Seconds between the records of peers that have no batches.
    variables
        Further variables for the peer's environment.

    Raises
    ------
    RunFailed
        When the peer ends early, or the condition does not hold in time.
    """
    with _port(feed) as port, _work_directory() as work:
        out = work / "records.jsonl"
        environment = {
            **peer.environment,
            **(variables or {}),
            "BENCH_OUT": str(out),
            "BENCH_INTERVAL": str(interval),
            "BENCH_EVERY": str(every),
            "BENCH_HOST": "127.0.0.1",
            "BENCH_PORT": str(port),
            "TMPDIR": str(work),
            "SPARK_LOCAL_DIRS": str(work),
        }
        command = peer.command("127.0.0.1", str(port))
        child = Child(command, environment, work / "log")
        try:
            records = _wait(peer, child, out, until, timeout)
            memory = child.memory()
        finally:
            child.stop()
        return Run(child.started, records, memory, child.output())


def _wait(
    peer: Peer, child: Child, out: Path, until: Condition, timeout: float
) -> list[measure.Record]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        records = measure.read(out)
        if records and until(records):
            return records
        if child.exit_code is not None:
            raise RunFailed(
                f"{peer.label} ended with code {child.exit_code}:\n{child.last_lines()}"
            )
        time.sleep(0.25)
    raise RunFailed(f"{peer.label} was not done after {timeout:.0f} s:\n{child.last_lines()}")


@contextmanager
def _port(feed: list[str]) -> Iterator[int]:
    command = [*feed, "--port", "0", "--seconds", str(FEED_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def _work_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="run-", dir=BENCH_DIR))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
