"""The processing time of a batch that touches ten keys of a state of a million.

The keys get in as ordinary input, before anything is measured. All peers are measured with the same
arithmetic on the records of the job (see ``measure.processing_times``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import measure as records
import programs
from peers import Job, Peer
from session import Condition, Run, RunFailed, run
from table import Goal, Table

from scenarios.agreement import Agreement
from scenarios.options import Options, available, command, skip

TITLE = "Ten of a million keys"
ABOUT = """A running word count by `updateStateByKey` that keeps a million keys, of which about ten
come in each batch; the output operation takes ten records, as `pprint` does. The keys are sent
first, through the socket; batches are measured once all are there. Processing time: from when a
batch could begin (it is due and the one before has ended) to the end of its output operation;
median over the batches of a round, of which the median over the rounds, and the longest of all
rounds. What an engine does between batches is not in it unless the next one is late for it; the
column before the memory, from when a batch is due to the end of its output, shows that for the
worst batch. A checkpoint is written every ten batches, but not more often than every 10 s. PySpark
has `local[3]`, batches that are long enough for it, and fewer of them; to take ten records, it
updates one of three partitions and leaves the others to the next checkpoint."""

JOB = Job("runningcount", ("--kind", "keys", "--lines", "5000"), 400_000)
AGREE_LINES = 12_500
KEYS = 1_000_000
TOUCHED = 10
LOADING_SECONDS = 300.0
MOST_SECONDS = 60.0
"""After this long, an engine that is slow is measured by what batches there are."""
FEWEST = 4
MILLISECONDS = 5.0

PEERS = ["tidemill", "tidemill_interpreted", "pyspark3"]
HEADER = [
    "",
    "batches of",
    "median processing time",
    "longest",
    "of PySpark",
    "longest from due to done",
    "memory (Pss)",
    "command",
]


@dataclass(frozen=True)
class Pace:
    """How one peer is run: its batch interval in seconds, and how many batches are measured."""

    interval: float
    batches: int


PACES = {"pyspark3": Pace(20.0, 6)}
USUAL = Pace(0.1, 300)


@dataclass(frozen=True)
class Times:
    """What one round gave, in seconds and bytes."""

    median: float
    longest: float
    longest_wait: float
    memory: int


def measure(options: Options) -> Table:
    """Runs the scenario; below 1, ``scale`` makes the state smaller too."""
    table, scale = Table(HEADER), min(1.0, options.scale)
    found = available(PEERS, options, table, JOB)
    peers, _ = Agreement(JOB, AGREE_LINES, AGREE_LINES).reached(found, table)
    rounds: dict[str, list[Times]] = {peer.name: [] for peer in peers}
    for number in range(options.rounds):
        for peer in peers:
            times = _times(peer, scale, table)
            if times is not None:
                print(f"round {number + 1}: {peer.label}: {1000 * times.median:.1f} ms", flush=True)
                rounds[peer.name].append(times)
    medians = {
        name: records.middle([times.median for times in all_times])
        for name, all_times in rounds.items()
        if all_times
    }
    measured = [peer for peer in peers if peer.name in medians]
    table.rows = [_row(peer, rounds[peer.name], medians, scale) for peer in measured]
    if "tidemill" in medians:
        table.goals = _goals(rounds["tidemill"], medians["tidemill"])
    return table


def _times(peer: Peer, scale: float, table: Table) -> Optional[Times]:
    pace, keys = _pace(peer, scale), round(KEYS * scale)

    def long_enough(so_far: list[records.Record]) -> bool:
        after = _after_loading(so_far, keys)
        last = len(after) > FEWEST and after[-1].now - after[0].now >= MOST_SECONDS * scale
        return len(after) >= pace.batches or (last and pace is USUAL)

    try:
        done = _run(peer, pace, keys, long_enough)
    except RunFailed as failure:
        skip(table, f"{peer.label}, one round: {failure}")
        return None
    after = _after_loading(done.records, keys)
    processing = records.processing_times(done.records)[-len(after) :]
    waits = [record.now - record.time for record in after]
    longest, memory = max(processing), done.memory.proportional
    return Times(records.middle(processing), longest, max(waits), memory)


def _run(peer: Peer, pace: Pace, keys: int, until: Condition) -> Run:
    feed = [programs.built("feed"), "--kind", "keys", "--lines", str(keys), "--burst", str(keys)]
    feed += ["--rate", str(TOUCHED / pace.interval)]
    timeout = LOADING_SECONDS + 4 * pace.batches * pace.interval
    variables = {"BENCH_KEYS": str(keys)}
    return run(peer, feed, until, timeout, interval=pace.interval, variables=variables)


def _pace(peer: Peer, scale: float) -> Pace:
    pace = PACES.get(peer.name)
    return Pace(max(2.0, pace.interval * scale), pace.batches) if pace else USUAL


def _after_loading(so_far: list[records.Record], keys: int) -> list[records.Record]:
    """The batches that began when all keys were there and the batch that loaded them had ended."""
    loaded = next((record.now for record in so_far if record.total >= keys), None)
    return [] if loaded is None else [record for record in so_far if record.time > loaded]


def _row(peer: Peer, rounds: list[Times], medians: dict[str, float], scale: float) -> list[str]:
    own, pyspark = medians[peer.name], medians.get("pyspark3")
    longest, wait = (max(t.longest for t in rounds), max(t.longest_wait for t in rounds))
    return [
        peer.label,
        f"{_pace(peer, scale).interval:g} s",
        _milliseconds(own),
        _milliseconds(longest),
        "" if pyspark is None else f"{own / pyspark:.5f}",
        _milliseconds(wait),
        f"{max(times.memory for times in rounds) / 1e6:.0f} MB",
        command(JOB.name, peer),
    ]


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def _goals(rounds: list[Times], median: float) -> list[Goal]:
    longest = max(times.longest for times in rounds)
    return [
        Goal(f"{what} at most {MILLISECONDS:g} ms", _milliseconds(value), value <= 0.005)
        for what, value in (("median processing time", median), ("longest", longest))
    ]
