"""Compiled is CPython for documents and dicts: the harness of `test_compiler_exact` on other lines.

Each function runs on documents of every kind, on events of every kind, on events in many layouts,
and on usual lines that end with those, so that the compiler has seen only usual ones.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from exact import json_cases, json_lines
from exact.lines import NASTY
from exact.pair import calm, is_compiled

PROGRAMS = Path(json_cases.__file__).with_name("json_programs.py")
MIXED = PROGRAMS.with_name("mixed_programs.py")
NAMED = [
    (path, *found)
    for path in (PROGRAMS, MIXED)
    for found in re.findall(r"^def ([a-z]\w*)\((\w+)", path.read_text(encoding="utf-8"), re.M)
]
SETS = {
    "documents": [*json_lines.DOCUMENTS, *NASTY[::7]],
    "events": json_lines.EVENTS,
    "layouts": json_lines.LAYOUTS,
    "usual": [*json_lines.USUAL, *json_lines.EVENTS[::5], *json_lines.DOCUMENTS[::9]],
}

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")


@pytest.fixture(scope="module")
def texts(pair):
    """Each set of lines as a file."""
    return {name: pair.text(lines) for name, lines in SETS.items()}


def agree(pair, texts, path, name, sets):
    """Compare on all lines, and on those on which the function returns; say if it is compiled."""
    compiled = False
    for which in sets:
        compiled |= is_compiled(pair.agree(path, name, texts[which]))
        kept = calm(path, name, SETS[which])
        if 0 < len(kept) < len(SETS[which]):
            compiled |= is_compiled(pair.agree(path, name, pair.text(kept)))
    return compiled


@pytest.mark.parametrize(
    ("table", "variables", "sets", "least"),
    [
        (json_cases.DOCUMENTS, json_cases.OF_DOCUMENTS, ["documents"], 100),
        (json_cases.EVENTS, json_cases.OF_EVENTS, ["events", "layouts", "usual"], 180),
    ],
    ids=["documents", "events"],
)
def test_expressions(pair, texts, tmp_path, table, variables, sets, least):
    text, names = json_cases.source(table, variables)
    path = tmp_path / "expressions.py"
    path.write_text(text, encoding="utf-8")
    compiled = sum(agree(pair, texts, path, name, sets) for name in names)
    print(compiled, "of", len(names), "compiled")
    assert compiled >= least


@pytest.mark.parametrize(("path", "name", "parameter"), NAMED)
def test_programs(pair, texts, path, name, parameter):
    if parameter == "line":
        compiled = agree(pair, texts, path, name, list(SETS))
    else:
        reports = [pair.agree(path, name, texts[which]) for which in SETS]
        reports.append(pair.agree(path, name, pair.text(json_lines.USUAL)))
        compiled = any(map(is_compiled, reports))
    print(name, "is compiled" if compiled else "is CPython's")
