"""How long Tidemill takes to compile the functions of each job, as it says itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Optional

import measure as records
import programs
from peers import Job, Peer
from session import RunFailed, run
from table import Goal, Table

from scenarios import accesslog, jsonlines, numpyjob, quadrant, runningcount, wordcount
from scenarios.options import Options, available, command, skip

TITLE = "Compile time"
ABOUT = """What `tidemill submit --explain` says at the end of a job about the time that the
compilation of all of its functions took, from the source to machine code; the modules of the
compiler are loaded in that time as well. Median over the rounds, highest in parentheses."""

SCENARIOS = (quadrant, wordcount, jsonlines, accesslog, numpyjob, runningcount)
HEADER = ["job", "functions compiled in", "command"]
SAID = re.compile(r"^tidemill: compiled in ([\d.,]+) ms$", re.MULTILINE)
MOST_MILLISECONDS = 50.0
LINES_A_SECOND = "1000"
SECONDS = 60.0
INTERVAL = 0.2


def measure(options: Options) -> Table:
    """Runs the scenario; ``scale`` does not matter here."""
    table, highest, silent = Table(HEADER), 0.0, []
    for job in (scenario.JOB for scenario in SCENARIOS):
        for peer in available(["tidemill"], options, table, job):
            try:
                times = [_milliseconds(peer, job) for _ in range(options.rounds)]
            except RunFailed as failure:
                skip(table, f"{job.name}: {failure}")
                continue
            said = [time for time in times if time is not None]
            if not said:
                silent.append(job.name)
                continue
            highest = max(highest, records.middle(said))
            cell = f"{records.middle(said):.1f} ms ({max(said):.1f})"
            table.rows.append([job.name, cell, command("compiletime", peer)])
    if silent:
        skip(table, f"`tidemill submit --explain` said no compile time of {', '.join(silent)}")
    if table.rows:
        text = f"each job's functions are compiled within {MOST_MILLISECONDS:g} ms"
        table.goals = [Goal(text, f"{highest:.1f} ms at most", highest <= MOST_MILLISECONDS)]
    return table


def _milliseconds(peer: Peer, job: Job) -> Optional[float]:
    """What one run of the job says, if it does."""

    def explained(host: str, port: str) -> list[str]:
        submit, verb, *rest = peer.command(host, port)
        return [submit, verb, "--explain", *rest]

    feed = [programs.built("feed"), *job.feed, "--rate", LINES_A_SECOND]
    explaining = replace(peer, command=explained)
    said = SAID.search(run(explaining, feed, _has_worked, SECONDS, INTERVAL).output)
    return float(said.group(1).replace(",", "")) if said else None


def _has_worked(so_far: list[records.Record]) -> bool:
    """Two batches after the first that had lines."""
    counted = [record for record in so_far if record.total or record.counts]
    return len(counted) > 2
