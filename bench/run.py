"""``make bench``: runs the scenarios, prints a table of each and writes ``docs/benchmarks.md``.

``python bench/run.py [SCENARIO...] [--only PEER,...] [--rounds N] [--scale F]``. Standard library
only; what the peers need is installed into ``.bench``. Nothing here is a test: a goal that is not
met is printed, the exit code stays 0.

Examples
--------
All of it, an hour or so::

    python bench/run.py

One table, then one row of it::

    python bench/run.py quadrant
    python bench/run.py quadrant --only tidemill
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import machine
import peers
import report
from places import ROOT, Skipped, make_bench_dir
from scenarios import ALL
from scenarios.options import Options


def main() -> None:
    """Parses the command line and runs what it asks for."""
    given = _parser().parse_args()
    # As Ctrl-C does, so that no peer outlives the benchmark.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    only = given.only.split(",") if given.only else None
    unknown = set(only or []) - set(peers.names())
    if unknown:
        raise SystemExit(
            f"unknown peer {', '.join(sorted(unknown))}; known: {', '.join(peers.names())}"
        )
    for name in set(given.scenarios) - set(ALL):
        raise SystemExit(f"unknown scenario {name}; known: {', '.join(ALL)}")
    make_bench_dir()
    options = Options(given.rounds, given.scale, only)
    for name in given.scenarios or list(ALL):
        _run(name, options)
    if only is None and given.scale >= 1:
        missing = report.write(given.report, ALL)
        print(f"written: {given.report}" + (f"; to be measured: {missing}" if missing else ""))


def _run(name: str, options: Options) -> None:
    scenario = ALL[name]
    print(f"\n{scenario.TITLE} ({name})", flush=True)
    described = machine.description()
    try:
        table = scenario.measure(options)
    except Skipped as reason:
        print(f"skipped: {reason}")
        return
    print(report.as_text(table), flush=True)
    # A quick or partial run is for looking at; the report is made of whole ones.
    if options.only is None and options.scale >= 1:
        report.keep(name, table, described)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/run.py", description="Measure Tidemill and its peers."
    )
    known = ", ".join(ALL)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"any of {known}")
    parser.add_argument(
        "--only", metavar="PEER,...", help=f"only these peers of {', '.join(peers.names())}"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each peer runs (default 3)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor for the length of each run"
    )
    parser.add_argument(
        "--report", type=Path, default=ROOT / "docs" / "benchmarks.md", help="the page to write"
    )
    return parser


if __name__ == "__main__":
    main()
