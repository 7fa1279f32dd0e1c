"""The programs that are compared: how each is had, which command runs it, and what to call it.

``find`` returns a peer or raises ``Skipped`` with one plain line that says why there is none. The
peers from PyPI are installed by ``installs.py``, the Rust programs built by ``programs.py``. Called
by the scenarios.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

import installs
import programs
from places import BENCH_DIR, JOBS, ROOT, Skipped

__all__ = ["BENCH_DIR", "Peer", "Skipped", "find"]

CORES = 2
NUMPY = "numpy>=2,<3"


@dataclass(frozen=True)
class Job:
    """A PySpark program of ``bench/jobs`` and what it takes to run it.

    Parameters
    ----------
    name
        Its name, without ``.py``.
    feed
        The options that make the feed send its lines.
    receiver_rate
        How many lines a second PySpark's receiver may take: two or three times what it can process.
        With less, a batch has too few lines for what it costs by itself; without a limit the
        receiver floods the memory and Spark only gets slower.
    numpy
        Whether it imports numpy.
    """

    name: str
    feed: tuple[str, ...]
    receiver_rate: int
    numpy: bool = False

    @property
    def path(self) -> str:
        """Where the program is."""
        return str(JOBS / f"{self.name}.py")


QUADRANT = Job("quadrant", ("--kind", "points"), 400_000)


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
    most
        How many lines a second it may take at most, if that is limited.
    """

    name: str
    label: str
    command: Callable[[str, str], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 8.0
    most: Optional[int] = None


def find(name: str, job: Job = QUADRANT) -> Peer:
    """The peer of that name, installed or built if need be.

    Peers that are no engine for PySpark's programs have the quadrant count only.

    Raises
    ------
    Skipped
        When it cannot be had on this machine.
    """
    maker = _ENGINES.get(name)
    return maker(job) if maker else _MAKERS[name]()


def names() -> list[str]:
    """The names of all peers."""
    return [*_MAKERS, *_ENGINES]


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


def _tidemill(job: Job, compiled: bool = True) -> Peer:
    python = tidemill_python()
    submit = str(python.with_name("tidemill"))
    master = f"local[{CORES}]"
    mode = [] if compiled else ["--conf", "tidemill.python.compile=off"]
    extra = {"PYTHONPATH": str(installs.packages("numpy", [NUMPY], python))} if job.numpy else {}
    release = installs.version_of(str(python))
    return Peer(
        "tidemill" if compiled else "tidemill_interpreted",
        f"Tidemill, Python {release}, {master}, {'compiled' if compiled else 'interpreted'}",
        lambda host, port: [submit, "submit", "--master", master, *mode, job.path, host, port],
        extra,
    )


def tidemill_python() -> Path:
    """The Python of the environment that Tidemill is installed in.

    Raises
    ------
    Skipped
        When it is not built.
    """
    python = ROOT / ".venv" / "bin" / "python"
    if not python.with_name("tidemill").exists():
        raise Skipped(
            "Tidemill's Python front end: .venv/bin/tidemill is missing; run `make build` first"
        )
    return python


def _pyspark(job: Job, cores: int) -> Peer:
    java = installs.java_home()
    python = installs.venv("pyspark", ["pyspark==3.5.*", NUMPY], binary_only=False)
    master = f"local[{cores}]"
    quiet = ["spark.log.level=WARN", "spark.ui.enabled=false"]
    # More than the defaults, which are made for small machines.
    memory = ["spark.driver.memory=4g", "spark.python.worker.memory=2g"]
    limit = [f"spark.streaming.receiver.maxRate={job.receiver_rate}"]
    local = ["spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1"]
    conf = [word for setting in quiet + memory + limit + local for word in ("--conf", setting)]
    submit = str(python.with_name("spark-submit"))
    return Peer(
        "pyspark" if cores == CORES else f"pyspark{cores}",
        f"PySpark {_versions(python, 'pyspark')}, {master}",
        lambda host, port: [submit, "--master", master, *conf, job.path, host, port],
        {
            "JAVA_HOME": str(java),
            "PYSPARK_PYTHON": str(python),
            "PYSPARK_DRIVER_PYTHON": str(python),
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        seconds=45.0,
        most=job.receiver_rate,
    )


def _bytewax() -> Peer:
    python = installs.venv("bytewax", ["bytewax==0.21.*"], binary_only=True)
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
    "bytewax": _bytewax,
    "cpython": _cpython,
}
_ENGINES: dict[str, Callable[[Job], Peer]] = {
    "tidemill": _tidemill,
    "tidemill_interpreted": lambda job: _tidemill(job, compiled=False),
    "pyspark": lambda job: _pyspark(job, CORES),
    "pyspark3": lambda job: _pyspark(job, CORES + 1),
}
