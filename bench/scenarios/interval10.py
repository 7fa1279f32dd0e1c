"""Batches every 10 ms: does the scheduling delay of a stateful job grow over a thousand batches?

The delays of the first and of the last hundred batches are compared. PySpark is not run here: one
of its batches takes longer than a hundred such intervals (see the scenario ``idle``).
"""

from __future__ import annotations

import measure as records
import programs
from session import RunFailed, run
from table import Goal, Table

from scenarios.options import Options, available, command, skip

TITLE = "An interval of 10 ms"
ABOUT = """The same program with 10 points a second and batches of 10 ms, a thousand of them.
Scheduling delay: how long a batch waits, after it is due, for the one before to end. PySpark is
left out, since each of its batches takes longer than a hundred such intervals."""

HEADER = [
    "",
    "first 100: median, highest",
    "last 100: median, highest",
    "median processing time",
    "command",
]
INTERVAL = 0.01
BATCHES = 1000
EDGE = 100
MAY_GROW = 0.002


def measure(options: Options) -> Table:
    """Runs the scenario; ``scale`` does not change the number of batches."""
    table = Table(HEADER)
    for peer in available(["tidemill"], options, table):
        feed = [programs.built("feed"), "--rate", "10"]
        try:
            done = run(peer, feed, lambda so_far: len(so_far) >= BATCHES, 90, interval=INTERVAL)
        except RunFailed as failure:
            skip(table, str(failure))
            continue
        delays = records.scheduling_delays(done.records)[:BATCHES]
        first, last = delays[:EDGE], delays[-EDGE:]
        processing = records.middle(records.processing_times(done.records))
        cells = [_edge(first), _edge(last), f"{1000 * processing:.1f} ms"]
        table.rows.append([peer.label, *cells, command("interval10", peer)])
        growth = records.middle(last) - records.middle(first)
        text = f"the median delay grows by at most {1000 * MAY_GROW:.0f} ms"
        table.goals.append(Goal(text, f"{1000 * growth:+.1f} ms", growth <= MAY_GROW))
    return table


def _edge(delays: list[float]) -> str:
    return f"{1000 * records.middle(delays):.1f} ms, {1000 * max(delays):.1f} ms"
