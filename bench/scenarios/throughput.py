"""Lines a second of a job over a socket, for every peer: what the throughput scenarios share.

The peers that agree on the counts of the same lines take turns, each round giving one throughput
per peer, and the median over the rounds is what is reported. Called by the scenarios that measure a
throughput.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Optional

import measure as records
import programs
from peers import Job, Peer
from session import RunFailed, run
from table import Goal, Table

from scenarios.agreement import Agreement
from scenarios.options import Options, available, command, skip

START_SECONDS = 120.0
NEAR = 0.9
"""Above this share of a peer's limit, the limit may be what was measured."""


@dataclass(frozen=True)
class Wanted:
    """A ratio that is to be reached.

    Parameters
    ----------
    text
        The goal in words.
    ours, theirs
        The names of the peers whose throughputs are compared.
    least
        The ratio.
    """

    text: str
    ours: str
    theirs: str
    least: float


@dataclass(frozen=True)
class Throughput:
    """A scenario.

    Parameters
    ----------
    job
        The program that engines run.
    peers
        The names of the peers, in the order of the table.
    goals
        What is to be reached.
    unit
        What a line is called.
    compared
        The peers that the others are compared with, and what the columns call them.
    agree_lines
        How many lines the peers must agree on.
    agree_total
        The sum of all counts of these lines, if it is known beforehand.
    least_seconds
        How long a run takes at least, where batches are reported rarely.
    """

    job: Job
    peers: tuple[str, ...]
    goals: tuple[Wanted, ...]
    unit: str = "lines"
    compared: tuple[tuple[str, str], ...] = (("pyspark3", "PySpark"),)
    agree_lines: int = 20_000
    agree_total: Optional[float] = None
    least_seconds: float = 0.0

    def measure(self, options: Options) -> Table:
        """Runs the scenario."""
        table = Table(["", f"{self.unit}/s", *(f"of {title}" for _, title in self.compared)])
        table.header.append("command")
        found = available(list(self.peers), options, table, self.job)
        agreement = Agreement(self.job, self.agree_lines, self.agree_total)
        peers, total = agreement.reached(found, table)
        speeds: dict[str, list[float]] = {peer.name: [] for peer in peers}
        for number in range(options.rounds):
            for peer in peers:
                counted = self._speed(peer, options.scale, table)
                if counted is not None:
                    speed = counted * self.agree_lines / total
                    print(
                        f"round {number + 1}: {peer.label}: {speed:,.0f} {self.unit}/s", flush=True
                    )
                    speeds[peer.name].append(speed)
        medians = {name: records.middle(values) for name, values in speeds.items() if values}
        measured = [peer for peer in peers if peer.name in medians]
        for peer in measured:
            if peer.most is not None and medians[peer.name] > NEAR * peer.most:
                skip(table, f"what {peer.label} does beyond {peer.most:,}/s, its receiver's limit")
        table.rows = [self._row(peer, speeds[peer.name], medians) for peer in measured]
        table.goals = [
            _reached(goal, medians)
            for goal in self.goals
            if goal.ours in medians and goal.theirs in medians
        ]
        return table

    def _speed(self, peer: Peer, scale: float, table: Table) -> Optional[float]:
        seconds = max(peer.seconds, self.least_seconds) * scale

        def long_enough(so_far: list[records.Record]) -> bool:
            first = records.first_counted(so_far)
            return first is not None and so_far[-1].now - first.now >= seconds

        feed = [programs.built("feed"), *self.job.feed]
        try:
            done = run(peer, feed, long_enough, START_SECONDS + 2 * seconds)
            return records.points_per_second(done.records)
        except (RunFailed, ValueError) as failure:
            skip(table, f"{peer.label}, one round: {failure}")
            print(failure, file=sys.stderr, flush=True)
            return None

    def _row(self, peer: Peer, values: list[float], medians: dict[str, float]) -> list[str]:
        own = medians[peer.name]
        spread = f"{own / 1e6:.2f} M ({min(values) / 1e6:.2f} to {max(values) / 1e6:.2f})"
        ratios = [_ratio(own, medians.get(other)) for other, _ in self.compared]
        return [peer.label, spread, *ratios, command(self.job.name, peer)]


def against_pyspark(job: Job, least: float, **more: Any) -> Throughput:
    """The scenario of a job on Tidemill, compiled and interpreted, and on PySpark.

    PySpark gets ``local[3]``: one slot for the receiver, one for each core.

    Parameters
    ----------
    job
        The program.
    least
        The ratio to PySpark that the compiled run is to reach.
    more
        Further parameters of ``Throughput``.
    """
    goal = Wanted(f"compiled, {least:g} times PySpark", "tidemill", "pyspark3", least)
    return Throughput(job, ("tidemill", "tidemill_interpreted", "pyspark3"), (goal,), **more)


def _reached(goal: Wanted, medians: dict[str, float]) -> Goal:
    ratio = medians[goal.ours] / medians[goal.theirs]
    return Goal(goal.text, f"{ratio:.2f}", ratio >= goal.least)


def _ratio(own: float, other: Optional[float]) -> str:
    return "" if other is None else f"{own / other:.{2 if own > other / 10 else 4}f}"
