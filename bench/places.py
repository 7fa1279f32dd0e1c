"""Where the benchmark keeps its things, and the exception for what cannot be had on a machine.

Imported by every other file of the benchmark; imports none of them.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH_DIR = ROOT / ".bench"
"""Installed peers, results and the files of a run: never committed, may be deleted at any time."""
JOBS = ROOT / "bench" / "jobs"


class Skipped(Exception):
    """Something cannot be had here; the text is one plain line with the reason."""


def make_bench_dir() -> None:
    """Creates the directory, and tells git to leave it alone."""
    BENCH_DIR.mkdir(exist_ok=True)
    (BENCH_DIR / ".gitignore").write_text("*\n", encoding="utf-8")
