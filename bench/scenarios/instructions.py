"""Machine instructions a point of the quadrant function, compiled from Python and written by hand.

Counted by Valgrind, so that the figure is the same on a busy machine. It is the difference of two
runs over different numbers of points: what is done once does not count.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import peers
import programs
from places import BENCH_DIR, JOBS, Skipped
from table import Table

from scenarios.options import Options, skip

TITLE = "Instructions a point"
ABOUT = """Machine instructions that the quadrant function takes for a point in memory, as Tidemill
compiles it from Python and as the hand-written loop has it, the search for the newline included,
counted by `valgrind --tool=callgrind`; the difference of two runs, divided by the points that one
has more. The counts by quadrant are in the hand-written loop's figure only; the compiled function
makes records instead."""

HEADER = ["", "instructions a point", "of the hand-written", "command"]
FEW, MANY = 65_536, 3 * 65_536
SECONDS = 300.0
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


def measure(options: Options) -> Table:
    """Runs the scenario; instructions are counted once, whatever ``rounds`` and ``scale`` say."""
    table = Table(HEADER)
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        skip(table, "there is no valgrind on PATH; on Debian: apt-get install valgrind")
        return table
    program = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    program.append(programs.built("quadrant_instructions"))
    by_hand = _a_point(program, [])
    table.rows.append(_row("hand-written Rust", by_hand, by_hand))
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=BENCH_DIR) as tree:
        try:
            python = str(peers.tidemill_python())
            tree.write(_run([python, str(JOBS / "quadrant_tree.py")]).stdout)
            tree.flush()
            compiled = _a_point(program, [tree.name])
            table.rows.append(_row("compiled from Python", compiled, by_hand))
        except Skipped as reason:
            skip(table, str(reason))
    return table


def _a_point(program: list[str], words: list[str]) -> float:
    few, many = (_instructions([*program, str(points), *words]) for points in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _instructions(command: list[str]) -> int:
    """What callgrind counts in one run."""
    said = COLLECTED.search(_run(command).stderr)
    if said is None:
        raise Skipped("valgrind did not say how many instructions it collected")
    return int(said.group(1))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Skipped(str(error)) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Skipped(f"`{Path(command[0]).name}` ended with code {done.returncode}: {last}")
    return done


def _row(what: str, instructions: float, by_hand: float) -> list[str]:
    ratio = f"{instructions / by_hand:.2f}"
    return [what, f"{instructions:.0f}", ratio, "`make bench-instructions`"]
