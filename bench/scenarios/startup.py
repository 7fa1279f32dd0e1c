"""Start-up: from the start of the submit command to the time at which the first batch is due.

The interval is short (20 ms), so that waiting for the first multiple of it hardly counts.
"""

from __future__ import annotations

import measure as records
import programs
from peers import Peer
from session import RunFailed, run
from table import Goal, Table

from scenarios.options import Options, available, command, skip

TITLE = "Start-up"
ABOUT = """From the start of `tidemill submit` (or `spark-submit`) of the same program to the moment
its first batch is due, and to the end of that batch; batches of 20 ms. Median over the rounds,
highest in parentheses."""

PEERS = ["tidemill", "pyspark"]
HEADER = ["", "first batch due after", "first batch done after", "command"]
INTERVAL = 0.02


def measure(options: Options) -> Table:
    """Runs the scenario; ``scale`` does not matter here."""
    table = Table(HEADER)
    peers = available(PEERS, options, table)
    starts: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            try:
                starts[peer.name].append(_start(peer))
            except RunFailed as failure:
                skip(table, str(failure))
    for peer in peers:
        if not starts[peer.name]:
            continue
        due, done = (list(column) for column in zip(*starts[peer.name]))
        table.rows.append([peer.label, _cell(due), _cell(done), command("startup", peer)])
        if peer.name == "tidemill":
            seconds = records.middle(due)
            table.goals.append(
                Goal("first batch due within 0.5 s", f"{seconds:.2f} s", seconds <= 0.5)
            )
    return table


def _start(peer: Peer) -> tuple[float, float]:
    done = run(peer, [programs.built("feed"), "--rate", "10"], bool, 120, interval=INTERVAL)
    first = done.records[0]
    return (first.time - done.started, first.now - done.started)


def _cell(seconds: list[float]) -> str:
    return f"{records.middle(seconds):.2f} s ({max(seconds):.2f})"
