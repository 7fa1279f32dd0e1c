"""The programs that are compared: how each is had, which command runs it, and what to call it.

``find`` returns a peer or raises ``Skipped`` with one plain line that says why there is none. The
peers from PyPI are installed by ``installs.py``, the Rust programs built by ``programs.py``. Called
by the scenarios.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import installs
import programs
from places import BENCH_DIR, JOBS, ROOT, Skipped

__all__ = ["BENCH_DIR", "Peer", "Skipped", "find"]

CORES = 2
PYSPARK_RECEIVER_RATE = 400_000


@dataclass(frozen=True)
class Peer:
    """A program that can be run on the points of a feed.

    Parameters
    ----------
    name
        The word for it on the command line.
    label
        What the tables call it, with its version.
    command
        From a host and a port to the command that counts the points sent there.
    environment
        Variables it needs.
    seconds
        How long it has to run, once it counts, for a throughput that means something.
    """

    name: str
    label: str
    command: Callable[[str, str], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 8.0


def find(name: str) -> Peer:
    """The peer of that name, installed or built if need be.

    Raises
    ------
    Skipped
        When it cannot be had on this machine.
    """
    return _MAKERS[name]()


def names() -> list[str]:
    """The names of all peers."""
    return list(_MAKERS)


def _hand_loop() -> Peer:
    program = programs.built("hand_loop")
    return Peer(
        "hand_loop",
        "hand-written Rust loop, one thread",
        lambda host, port: [program, host, port, "--seconds", "3600"],
    )


def _tidemill_rust() -> Peer:
    program = programs.built("quadrant_tidemill")
    return Peer("tidemill_rust", "Tidemill, Rust", lambda host, port: [program, host, port])


def _tidemill(compiled: bool = True) -> Peer:
    submit = ROOT / ".venv" / "bin" / "tidemill"
    if not submit.exists():
        raise Skipped(
            "Tidemill's Python front end: .venv/bin/tidemill is missing; run `make build` first"
        )
    python = installs.version_of(str(submit.with_name("python")))
    master = f"local[{CORES}]"
    job = str(JOBS / "quadrant.py")
    mode = [] if compiled else ["--conf", "tidemill.python.compile=off"]
    options = ["submit", "--master", master, *mode]
    return Peer(
        "tidemill" if compiled else "tidemill_interpreted",
        f"Tidemill, Python {python}, {master}, {'compiled' if compiled else 'interpreted'}",
        lambda host, port: [str(submit), *options, job, host, port],
    )


def _pyspark(cores: int) -> Peer:
    java = installs.java_home()
    python = installs.venv("pyspark", "pyspark==3.5.*", binary_only=False)
    master = f"local[{cores}]"
    # Without a limit its receiver floods the memory and Spark only gets slower; this one is still
    # more than it can process.
    quiet = ["spark.log.level=WARN", "spark.ui.enabled=false"]
    limit = [f"spark.streaming.receiver.maxRate={PYSPARK_RECEIVER_RATE}"]
    local = ["spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1"]
    conf = [word for setting in quiet + limit + local for word in ("--conf", setting)]
    submit = str(python.with_name("spark-submit"))
    job = str(JOBS / "quadrant.py")
    return Peer(
        "pyspark" if cores == CORES else f"pyspark{cores}",
        f"PySpark {_versions(python, 'pyspark')}, {master}",
        lambda host, port: [submit, "--master", master, *conf, job, host, port],
        {
            "JAVA_HOME": str(java),
            "PYSPARK_PYTHON": str(python),
            "PYSPARK_DRIVER_PYTHON": str(python),
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        seconds=45.0,
    )


def _bytewax() -> Peer:
    python = installs.venv("bytewax", "bytewax==0.21.*", binary_only=True)
    return Peer(
        "bytewax",
        f"Bytewax {_versions(python, 'bytewax')}, one worker",
        lambda host, port: [str(python), "-m", "bytewax.run", "quadrant_bytewax:flow"],
        {"PYTHONPATH": str(JOBS)},
    )


def _versions(python: Path, package: str) -> str:
    return f"{installs.installed(python, package)}, Python {installs.version_of(str(python))}"


def _cpython() -> Peer:
    ours = ROOT / ".venv" / "bin" / "python"
    python = str(ours) if ours.exists() else sys.executable
    job = str(JOBS / "quadrant_cpython.py")
    return Peer(
        "cpython",
        f"plain CPython {installs.version_of(python)} loop",
        lambda host, port: [python, job, host, port],
    )


_MAKERS: dict[str, Callable[[], Peer]] = {
    "hand_loop": _hand_loop,
    "tidemill_rust": _tidemill_rust,
    "tidemill": _tidemill,
    "tidemill_interpreted": lambda: _tidemill(compiled=False),
    "pyspark": lambda: _pyspark(CORES),
    "pyspark3": lambda: _pyspark(CORES + 1),
    "bytewax": _bytewax,
    "cpython": _cpython,
}
