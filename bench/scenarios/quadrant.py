"""Points a second of the article's quadrant count over a socket, for every peer.

First every peer counts the same points and must come to the same counts; then the peers take turns,
each round giving one throughput per peer, and the median over the rounds is what is reported.
"""

from __future__ import annotations

import sys
from typing import Optional

import measure as records
import programs
from peers import Peer
from session import Run, RunFailed, run
from table import Goal, Table

from scenarios.options import Options, available, command, skip

TITLE = "Quadrant count over a socket"
ABOUT = """Points a second of the article's program (points per quadrant, running counts by
`updateStateByKey`, batches of 1 s) on a feed that sends points as fast as they are taken, 0.1 % of
them bad lines and 1 % on an axis or at the origin. Median over the rounds, lowest and highest in
parentheses. Before the clock runs, every program has counted the same points and come to the same
counts. In Spark the receiver takes one of the slots, so that `local[2]` has one left for the work
and `local[3]` two; its receiver is limited to 400,000 points/s, more than it can process, because
without a limit it fills the memory and gets slower still."""

PEERS = [
    "hand_loop",
    "tidemill_rust",
    "tidemill",
    "tidemill_interpreted",
    "pyspark",
    "pyspark3",
    "bytewax",
    "cpython",
]
HEADER = ["", "points/s", "of the hand loop", "of PySpark", "command"]
AGREE_POINTS = 20_000
START_SECONDS = 120.0


def measure(options: Options) -> Table:
    """Runs the scenario."""
    table = Table(HEADER)
    peers = _agreeing(available(PEERS, options, table), table)
    speeds: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for number in range(options.rounds):
        for peer in peers:
            speed = _speed(peer, options.scale, table)
            if speed is not None:
                print(f"round {number + 1}: {peer.label}: {speed:,.0f} points/s", flush=True)
                speeds[peer.name].append(speed)
    medians = {name: records.middle(values) for name, values in speeds.items() if values}
    table.rows = [_row(peer, speeds[peer.name], medians) for peer in peers if peer.name in medians]
    table.goals = _goals(medians)
    return table


def _agreeing(peers: list[Peer], table: Table) -> list[Peer]:
    """The peers whose counts of the same points are those of the first peer."""
    agreed: list[Peer] = []
    expected: Optional[dict[str, int]] = None
    for peer in peers:
        try:
            counts = _counts(peer)
        except RunFailed as failure:
            skip(table, str(failure))
            continue
        expected = expected or counts
        if counts == expected:
            agreed.append(peer)
        else:
            skip(table, f"{peer.label} counted {counts}, {peers[0].label} {expected}")
    return agreed


def _counts(peer: Peer) -> dict[str, int]:
    feed = [programs.built("feed"), "--points", str(AGREE_POINTS)]
    done = run(
        peer, feed, lambda so_far: so_far[-1].total >= AGREE_POINTS, START_SECONDS, every=0.0
    )
    return done.records[-1].counts


def _speed(peer: Peer, scale: float, table: Table) -> Optional[float]:
    seconds = peer.seconds * scale

    def long_enough(so_far: list[records.Record]) -> bool:
        first = records.first_counted(so_far)
        return first is not None and so_far[-1].now - first.now >= seconds

    try:
        done: Run = run(peer, [programs.built("feed")], long_enough, START_SECONDS + 2 * seconds)
        return records.points_per_second(done.records)
    except (RunFailed, ValueError) as failure:
        skip(table, f"{peer.label}, one round: {failure}")
        print(failure, file=sys.stderr, flush=True)
        return None


def _row(peer: Peer, values: list[float], medians: dict[str, float]) -> list[str]:
    own = medians[peer.name]
    spread = f"{own / 1e6:.2f} M ({min(values) / 1e6:.2f} to {max(values) / 1e6:.2f})"
    ratios = [_ratio(own, medians.get(other)) for other in ("hand_loop", "pyspark")]
    return [peer.label, spread, *ratios, command("quadrant", peer)]


def _ratio(own: float, other: Optional[float]) -> str:
    return "" if other is None else f"{own / other:.{2 if own > other / 10 else 4}f}"


def _goals(medians: dict[str, float]) -> list[Goal]:
    wanted = [
        (
            "the Rust front end reaches 0.7 of the hand-written loop",
            "tidemill_rust",
            "hand_loop",
            0.7,
        ),
        (
            "the Python front end, function interpreted, reaches 3 times PySpark",
            "tidemill_interpreted",
            "pyspark",
            3.0,
        ),
        ("the Python front end, compiled, reaches 40 times PySpark", "tidemill", "pyspark", 40.0),
        (
            "the Python front end, compiled, reaches 0.6 of the hand-written loop",
            "tidemill",
            "hand_loop",
            0.6,
        ),
    ]
    return [
        Goal(
            text, f"{medians[ours] / medians[theirs]:.2f}", medians[ours] / medians[theirs] >= least
        )
        for text, ours, theirs, least in wanted
        if ours in medians and theirs in medians
    ]
