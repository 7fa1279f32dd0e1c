"""Compiled regular expressions are CPython's on patterns that are made up: spans, groups, order."""

from __future__ import annotations

from exact import fuzz, patterns
from exact.pair import is_compiled

# Modules, each of four patterns on sixty subjects.
EXAMPLES = 250


def test_generated_patterns(pair, tmp_path):
    def check(path, lines):
        return is_compiled(pair.agree(path, "chain", pair.text(lines)))

    assert fuzz.run(patterns.programs(), EXAMPLES, tmp_path, check) > 1 / 2
