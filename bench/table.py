"""The result of a scenario: a table, the goals it was to reach, and what was left out and why.

Plain data that goes to and from JSON, so that a report can be made of runs made one at a time. Made
by the scenarios, printed and written by ``report.py``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Goal:
    """Something a number was to reach.

    Parameters
    ----------
    text
        What was to be reached.
    value
        What was measured, with its unit.
    met
        Whether it was reached.
    """

    text: str
    value: str
    met: bool


@dataclass
class Table:
    """One scenario's result.

    Parameters
    ----------
    header
        The columns' titles.
    rows
        A list of cells for each row.
    goals
        The goals and whether they were met.
    skipped
        A line for each peer that is not in the table.
    """

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts and lists."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Table:
        """The table that ``to_json`` was called on."""
        goals = [Goal(**goal) for goal in data["goals"]]
        return cls(data["header"], data["rows"], goals, data["skipped"])
