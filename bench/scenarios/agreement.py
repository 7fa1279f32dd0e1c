"""Before a comparison, all peers run on the same lines and must come to the same counts.

A peer that fails or counts differently is noted in the table and not measured. Called by the
scenarios that compare peers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import programs
from measure import Record
from peers import Job, Peer
from session import RunFailed, run
from table import Table

from scenarios.options import skip

SECONDS = 120.0
QUIET_BATCHES = 3
"""So many batches without anything new mean that a finite input is through."""


@dataclass(frozen=True)
class Agreement:
    """What the peers must agree on.

    Parameters
    ----------
    job
        The program that engines run.
    lines
        How many lines of its feed are counted.
    total
        The sum of all counts of these lines, if it is known beforehand.
    """

    job: Job
    lines: int
    total: Optional[float] = None

    def reached(self, peers: list[Peer], table: Table) -> tuple[list[Peer], float]:
        """The peers whose counts are those of the first, and the sum of the counts."""
        agreed: list[Peer] = []
        expected: Optional[Record] = None
        for peer in peers:
            try:
                last = self._last_record(peer)
            except RunFailed as failure:
                skip(table, str(failure))
                continue
            expected = expected or last
            if last.counts == expected.counts:
                agreed.append(peer)
            else:
                what = f"{peer.label} came to other counts than {agreed[0].label}"
                skip(table, f"{what}: {_difference(last.counts, expected.counts)}")
        return agreed, expected.total if expected else 1.0

    def _last_record(self, peer: Peer) -> Record:
        feed = [programs.built("feed"), *self.job.feed, "--points", str(self.lines)]
        variables = {"BENCH_COUNTS": "1"}
        done = run(peer, feed, self._is_through, SECONDS, every=0.0, variables=variables)
        return done.records[-1]

    def _is_through(self, so_far: list[Record]) -> bool:
        last = so_far[-1].total
        if self.total is not None:
            return last >= self.total
        return len(so_far) > QUIET_BATCHES and last == so_far[-1 - QUIET_BATCHES].total > 0


def _difference(counts: dict[str, float], expected: dict[str, float]) -> str:
    """The first few keys that differ."""
    keys = [key for key in {**expected, **counts} if counts.get(key) != expected.get(key)]
    shown = [f"{key!r}: {counts.get(key)} and {expected.get(key)}" for key in keys[:3]]
    return f"{len(keys)} differ, such as {', '.join(shown)}"
