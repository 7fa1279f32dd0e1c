"""What the command line asks of a scenario, and the peers it gets. Called by every scenario."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Optional

import peers
from table import Table


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Parameters
    ----------
    rounds
        How often each peer runs; the peers take turns.
    scale
        A factor for how long each run takes, below 1 for a quick look.
    only
        The names of the peers to run, or None for all.
    """

    rounds: int = 3
    scale: float = 1.0
    only: Optional[list[str]] = None


def available(
    names: list[str], options: Options, table: Table, job: peers.Job = peers.QUADRANT
) -> list[peers.Peer]:
    """The peers of those names that can be had; the others are noted in the table's ``skipped``."""
    found = []
    for name in names:
        if options.only is not None and name not in options.only:
            continue
        try:
            found.append(peers.find(name, job))
        except peers.Skipped as reason:
            skip(table, str(reason))
    return found


def skip(table: Table, reason: str) -> None:
    """Says, once, what is left out and why."""
    if reason not in table.skipped:
        table.skipped.append(reason)
        print(f"skipped: {reason}", file=sys.stderr, flush=True)


def command(scenario: str, peer: peers.Peer) -> str:
    """The command that makes one row."""
    return f"`make bench-{scenario} ONLY={peer.name}`"
