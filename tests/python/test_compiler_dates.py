"""Compiled dates and times are CPython's, for times of all years and spellings of all kinds."""

from __future__ import annotations

import datetime
import random
import textwrap

import pytest

from tidemill.compiler import front

MODULE = """
    from datetime import datetime


    def iso(line):
        t = datetime.fromisoformat(line)
        u = t.replace(minute=0, second=0, microsecond=0)
        fields = (t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond)
        days = (t.weekday(), t.isoweekday(), t < t.replace(day=15))
        return t, u, fields, days, t.isoformat(), str(t)


    def seconds(line):
        t = datetime.fromisoformat(line + "+05:30")
        return t.timestamp(), t


    def parsed(line):
        try:
            return datetime.strptime(line, "%Y-%m-%dT%H:%M:%S.%f")
        except ValueError:
            return None


    def logged(line):
        try:
            return datetime.strptime(line, "%a %d/%b/%Y:%H:%M:%S %z").isoformat()
        except ValueError:
            return "bad"
"""


@pytest.fixture(scope="module")
def times(tmp_path_factory):
    """The module's file."""
    path = tmp_path_factory.mktemp("dates") / "times.py"
    path.write_text(textwrap.dedent(MODULE), encoding="utf-8")
    return path


def agree(pair, times, name, lines):
    report = pair.agree(times, name, pair.text(lines))
    assert not any("not compiled" in line for line in report), report


def test_iso_times_of_all_years(pair, times):
    choose = random.Random(1)
    lines = []
    for _ in range(3000):
        year = choose.choice([1, 4, 100, 400, 1600, 1900, 1969, 1970, 2000, 2024, 9999])
        year = choose.choice([year, choose.randrange(1, 10000)])
        date = f"{year:04}-{choose.randrange(1, 13):02}-{choose.choice([1, 15, 28]):02}"
        time = f"{choose.randrange(24):02}:{choose.randrange(60):02}:{choose.randrange(60):02}"
        lines.append(f"{date}T{time}{choose.choice(['', '.000001', '.999999'])}")
    for name in ("iso", "seconds", "parsed"):
        agree(pair, times, name, lines)


def test_spellings_of_all_kinds(pair, times):
    """Each line is a good one with a few characters changed."""
    choose = random.Random(2)
    zones = ["+0000", "-0730", "+05:30", "Z", "+0530:15", "", "+2400", "-00:00"]
    lines = []
    for _ in range(3000):
        day = choose.choice(["01", "29", "30", "31", "1", " 1", "00"])
        month = choose.choice(["Jan", "feb", "MAY", "Sep", "Sept", "Dec"])
        time = choose.choice(["00:00:00", "23:59:59", "24:00:00", "1:2:3", "12:00:60"])
        year = choose.choice(["2024", "2023", "0001", "0000", "99"])
        line = f"Mon {day}/{month}/{year}:{time} {choose.choice(zones)}"
        for _ in range(choose.choice([0, 0, 1, 2])):
            at = choose.randrange(len(line) + 1)
            line = line[:at] + choose.choice(" :/-+0129aZé٣") + line[at + choose.randrange(2) :]
        lines.append(line)
    agree(pair, times, "logged", lines)


def test_formats_that_are_refused():
    for text in [
        "%m",
        "%Y%Y",
        "%Y %c",
        "%Y  %m",
        "%Y\t%m",
        "%Yé",
        "%Y%",
        "%b %m %Y",
        "%Y %U",
        "%y",
    ]:
        found = front.describe(lambda line, text=text: datetime.datetime.strptime(line, text))
        assert not found["ok"], text
    good = front.describe(lambda line: datetime.datetime.strptime(line, "%Y-%m"))
    assert good["ok"]
