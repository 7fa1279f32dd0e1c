"""Compiled is CPython: in value, type, order, error, and what is printed.

The oracle is the same program with compile=off, in a process of its own. The functions of
`exact.cases`, `programs`, `chains`, `regexes` and `dates` are named; `exact.grammar` makes
functions up (`exact.fuzz`). A difference that is found becomes a named one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from exact import cases, control_cases, fuzz, grammar, text_cases, text_wide
from exact.lines import NASTY
from exact.pair import calm, is_compiled

HOME = Path(cases.__file__).parent
PROGRAMS = ["programs.py", "control_programs.py", "text_programs.py", "regexes.py", "dates.py"]
NAMED = [
    (file, name, parameter)
    for file in (
        *PROGRAMS,
        "versions.py",
        "chains.py",
        "stages.py",
        "typed_stages.py",
        "partitions.py",
        "numbers.py",
        "streams.py",
    )
    for name, parameter in re.findall(
        r"^def ([a-z]\w*)\((\w+)", (HOME / file).read_text(encoding="utf-8"), re.M
    )
]
EXAMPLES = 2000
RANDOM_NUMBERS = int(os.environ.get("FUZZ_NUMBERS", 6000))

pytestmark = [
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def nasty(pair):
    """The nasty lines as one file, and as many small ones."""
    return [pair.text(NASTY), pair.text(NASTY, per_file=4)]


@pytest.mark.parametrize(
    ("table", "prefix", "least"),
    [
        pytest.param(cases.STRINGS, "f", 205, id="strings"),
        pytest.param(cases.NUMBERS, "f", 175, id="numbers"),
        pytest.param(cases.STRINGS, "items", 132, id="items of strings"),
        pytest.param(text_cases.METHODS, "f", 303, id="methods"),
        pytest.param(text_cases.METHODS, "items", 212, id="items of methods"),
        pytest.param(text_cases.FORMATS, "f", 300, id="formats"),
        pytest.param(text_cases.TABLES, "f", 105, id="tables"),
        pytest.param(control_cases.ITERATION, "f", 118, id="iteration"),
        pytest.param(control_cases.ITERATION, "items", 75, id="items of iteration"),
        pytest.param(control_cases.LISTS, "f", 118, id="lists"),
        pytest.param(control_cases.LISTS, "items", 54, id="items of lists"),
        pytest.param(control_cases.NUMBERS, "f", 203, id="arithmetic"),
        pytest.param(control_cases.NUMBERS, "items", 16, id="items of arithmetic"),
        pytest.param(control_cases.MATH, "f", 78, id="math"),
    ],
)
def test_expressions_on_nasty_lines(pair, nasty, tmp_path, table, prefix, least):
    text, names = cases.source(table, text_cases.CONSTANTS, prefix)
    path = tmp_path / "expressions.py"
    path.write_text(text, encoding="utf-8")
    compiled = 0
    for name in names:
        compiled += is_compiled(pair.agree(path, name, nasty[0]))
        kept = calm(path, name, NASTY)
        if len(kept) < len(NASTY):
            pair.agree(path, name, pair.text(kept))
    assert compiled >= least


@pytest.mark.parametrize(("file", "name", "parameter"), NAMED)
def test_programs_on_nasty_lines(pair, nasty, file, name, parameter):
    for text in nasty:
        pair.agree(HOME / file, name, text)
    if parameter == "line":
        pair.agree(HOME / file, name, pair.text(calm(HOME / file, name, NASTY)))


@pytest.mark.parametrize(
    "function",
    [
        text_wide.kinds_of_characters,
        text_wide.spaces_and_lengths,
        text_wide.printable_characters,
        text_wide.cases_of_characters,
    ],
)
def test_every_character(pair, function):
    pair.agree(Path(text_wide.__file__), function.__name__, pair.text(text_wide.CHARACTERS))


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (text_wide.floats_as_text, text_wide.floats),
        (text_wide.floats_with_places, text_wide.floats),
        (text_wide.whole_numbers, text_wide.integers),
    ],
)
def test_random_numbers(pair, function, make):
    lines = pair.text(make(RANDOM_NUMBERS))
    assert is_compiled(pair.agree(Path(text_wide.__file__), function.__name__, lines))


def test_generated_programs(pair, tmp_path):
    def check(path, lines):
        report = pair.agree(path, "chain", pair.text(lines))
        kept = calm(path, "apply", lines)
        if len(kept) < len(lines):
            pair.agree(path, "chain", pair.text(kept))
        return is_compiled(report)

    assert fuzz.run(grammar.programs(), EXAMPLES, tmp_path, check) > 1 / 3
