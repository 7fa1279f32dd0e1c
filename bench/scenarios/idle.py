"""A stateful job on nearly no data: processing time per batch and the memory of all its processes.

Ten points a second at a 500 ms interval. The processing time is taken from the records of the job
itself (see ``measure.processing_times``), the memory from the kernel, over every process of the
job's session.
"""

from __future__ import annotations

import measure as records
import programs
from peers import Peer
from session import Run, RunFailed, run
from table import Goal, Table

from scenarios.options import Options, available, command, skip

TITLE = "A stateful job on nearly no data"
ABOUT = """The same program with 10 points a second and batches of 0.5 s. Processing time: from when
a batch could begin (it is due and the one before has ended) to the end of its output operation, in
milliseconds; median over the batches after the first ten. Memory: all processes of the job at the
end; Pss counts pages that processes share once, Rss once for each process."""

PEERS = ["tidemill", "pyspark"]
HEADER = [
    "",
    "median processing time",
    "90 % below",
    "memory (Pss)",
    "memory (Rss)",
    "processes",
    "command",
]
INTERVAL = 0.5
WARM_UP = 10
BATCHES = 60
MEGABYTE = 1e6


def measure(options: Options) -> Table:
    """Runs the scenario."""
    table = Table(HEADER)
    for peer in available(PEERS, options, table):
        try:
            done = _run(peer, options.scale)
        except RunFailed as failure:
            skip(table, str(failure))
            continue
        times = sorted(records.processing_times(done.records)[WARM_UP:])
        table.rows.append(_row(peer, times, done))
        if peer.name == "tidemill":
            table.goals = _goals(times, done)
    return table


def _run(peer: Peer, scale: float) -> Run:
    batches = WARM_UP + max(5, round(BATCHES * scale))
    feed = [programs.built("feed"), "--rate", "10"]
    return run(
        peer, feed, lambda so_far: len(so_far) >= batches, 60 + 4 * batches, interval=INTERVAL
    )


def _row(peer: Peer, times: list[float], done: Run) -> list[str]:
    memory = done.memory
    return [
        peer.label,
        f"{1000 * records.middle(times):.1f} ms",
        f"{1000 * times[int(0.9 * (len(times) - 1))]:.1f} ms",
        f"{memory.proportional / MEGABYTE:.0f} MB",
        f"{memory.resident / MEGABYTE:.0f} MB",
        str(memory.processes),
        command("idle", peer),
    ]


def _goals(times: list[float], done: Run) -> list[Goal]:
    processing, memory = 1000 * records.middle(times), done.memory.proportional / MEGABYTE
    return [
        Goal("median processing time at most 2 ms", f"{processing:.1f} ms", processing <= 2),
        Goal("resident memory (Pss) at most 120 MB", f"{memory:.0f} MB", memory <= 120),
    ]
