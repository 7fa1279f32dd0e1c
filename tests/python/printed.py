"""Reads what ``pprint`` writes; fails on anything that it would not write."""

from __future__ import annotations

import re

DASHES = "-" * 43
HEADER = re.compile(
    rf"{DASHES}\nTime: (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{{6}})?)\n{DASHES}\n"
)


def batches(text):
    """Return (time, lines) of each batch; the text must be batches from end to end."""
    assert text == "" or HEADER.match(text), f"does not begin with a batch: {text[:300]!r}"
    pieces = HEADER.split(text)[1:]
    found = []
    for time, body in zip(pieces[::2], pieces[1::2]):
        lines = body.split("\n")
        assert lines[-2:] == ["", ""], f"batch {time} does not end with one blank line: {body!r}"
        found.append((time, lines[:-2]))
    return found


def complete(text):
    """Return the batches of an output that is still growing, without an unfinished last one."""
    end = text.rfind("\n\n")
    return batches(text[: end + 2]) if end >= 0 else []
