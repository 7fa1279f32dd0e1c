"""Compiled regular expressions are CPython's: spans, groups, order, on patterns that are made up.

A fixed number of patterns, or as many as fit into ``FUZZ_SECONDS`` (`make fuzz`).
"""

from __future__ import annotations

import os
import time

import pytest
from exact import patterns
from exact.pair import Pair
from hypothesis import HealthCheck, Phase, given, settings

SECONDS = float(os.environ.get("FUZZ_SECONDS", 0))
# Modules, each of four patterns on sixty subjects.
EXAMPLES = 250


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The two servers."""
    both = Pair(tmp_path_factory.mktemp("exact"))
    yield both
    both.end()


def test_generated_patterns(pair, tmp_path):
    end = time.monotonic() + SECONDS
    told = {"modules": 0, "compiled": 0}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not SECONDS,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(patterns.programs())
    def run(program):
        text, lines = program
        told["modules"] += 1
        path = tmp_path / f"patterns{told['modules']}.py"
        path.write_text(text, encoding="utf-8")
        report = pair.agree(path, "chain", pair.text(lines))
        told["compiled"] += not any("not compiled" in line for line in report)
        path.unlink()

    run()
    while time.monotonic() < end:
        run()
    print(told, pair.jobs, "jobs")
    assert told["compiled"] > told["modules"] / 2
