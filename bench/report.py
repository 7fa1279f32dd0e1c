"""Prints the tables, keeps them between runs, and makes ``docs/benchmarks.md`` of them.

Results are kept in ``.bench/results.json`` with the machine they were measured on, so that
scenarios can be run one at a time; a run of some of the peers only is printed and not kept. Called
by ``run.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from places import BENCH_DIR, ROOT, make_bench_dir
from table import Table

RESULTS = BENCH_DIR / "results.json"

INTRODUCTION = """# Benchmarks

Made by `make bench`, which installs the peers it can have into environments of their own, runs
every job on all of them in turn and writes this page. Benchmarks are not tests: nothing fails when
a number is low. Each row has the command that measures it again; `make bench-quadrant` measures one
table. The programs are in `bench/`; the jobs in `bench/jobs/` are PySpark programs that Tidemill
and PySpark both run as they are, `quadrant.py` unless the table is another one's.
"""


def as_text(table: Table) -> str:
    """The table in aligned columns, the goals and what was skipped."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    ]
    text += [
        f"{'met' if goal.met else 'NOT MET'}: {goal.text}: {goal.value}" for goal in table.goals
    ]
    return "\n".join(text + [f"skipped: {_one_line(reason)}" for reason in table.skipped])


def keep(name: str, table: Table, machine: dict[str, str]) -> None:
    """Stores a scenario's table for the report."""
    make_bench_dir()
    results = _kept()
    results[name] = {"table": table.to_json(), "machine": machine}
    RESULTS.write_text(json.dumps(results, indent=1), encoding="utf-8")


def write(path: Path, scenarios: dict[str, Any]) -> list[str]:
    """Writes the report of what was measured; returns the names of the scenarios that were not.

    They are named in the report too, so that a page never looks more complete than it is.
    """
    results = _kept()
    missing = [name for name in scenarios if name not in results]
    measured = {name: scenario for name, scenario in scenarios.items() if name in results}
    if measured:
        parts = [_section(name, scenario, results[name]) for name, scenario in measured.items()]
        parts += [_unmeasured({name: scenarios[name] for name in missing})] if missing else []
        path.parent.mkdir(exist_ok=True)
        text = "\n".join([INTRODUCTION, _machines(results, list(measured)), *parts])
        path.write_text(text, encoding="utf-8")
    return missing


def _unmeasured(scenarios: dict[str, Any]) -> str:
    lines = ["## Not measured yet", ""]
    lines += [f"- {scenario.TITLE}: `make bench-{name}`" for name, scenario in scenarios.items()]
    return "\n".join(lines) + "\n"


def _kept() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def _section(name: str, scenario: Any, result: dict[str, Any]) -> str:
    table = Table.from_json(result["table"])
    lines = [f"## {scenario.TITLE}", "", scenario.ABOUT, "", f"All rows: `make bench-{name}`.", ""]
    lines += [_markdown_row(table.header), "|" + " --- |" * len(table.header)]
    lines += [_markdown_row(row) for row in table.rows] + [""]
    lines += [
        f"- Goal: {goal.text}. Measured: {goal.value} ({'met' if goal.met else '**not met**'})."
        for goal in table.goals
    ]
    lines += [f"- Not measured: {_one_line(reason)}" for reason in table.skipped]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _machines(results: dict[str, Any], names: list[str]) -> str:
    """The machine of the first table, and for later ones what differs."""
    first = results[names[0]]["machine"]
    lines = ["## The machine", ""] + [f"- {what}: {value}" for what, value in first.items()]
    for name in names[1:]:
        other = results[name]["machine"]
        differing = {what: value for what, value in other.items() if first.get(what) != value}
        differing.pop("Load before", None)
        if differing:
            lines.append(f"- {name} was measured with other values: {differing}")
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """In one line, without the place of this copy of the repository."""
    return " ".join(text.replace(f"{ROOT}/", "").split())
