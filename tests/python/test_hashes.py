"""Keys whose hash is another one in each process, or depends on where objects lie in memory."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill import SparkContext

PROGRAM = """
import datetime, enum, sys
from dataclasses import dataclass
from typing import Optional
from pyspark import SparkContext

@dataclass(frozen=True)
class Key:
    name: str
    region: Optional[str]

def keys(n):
    yield Key("abc"[n % 3], None if n % 2 else "eu")
    yield frozenset([None, n % 4])
    yield frozenset([..., "abc"[n % 3]])
    yield datetime.timezone(datetime.timedelta(hours=n % 3))
    yield (len, n % 2)
    yield type(n)

with SparkContext("local[4]", "hashes") as sc:
    data = sc.parallelize(range(2000), 8).flatMap(lambda n: [(key, 1) for key in keys(n)])
    counts = data.reduceByKey(lambda a, b: a + b, 5).collect()
    print(len(counts), len(dict(counts)), sorted(dict(counts).values()))
    left = sc.parallelize([(key, 1) for n in range(12) for key in set(keys(n))], 4).distinct()
    print(left.count(), left.join(left, 3).count(), left.groupByKey(5).count())
"""


def test_keys_that_hold_what_is_hashed_by_its_address(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    for _ in range(3):
        command = [sys.executable, "-m", "tidemill", "submit", str(program)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        found = ran.stdout.splitlines()
        assert found[0].startswith("19 19 "), found
        assert found[1] == "19 19 19", found


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


KEYS = [
    *(datetime.date(2024, 1, day) for day in range(1, 9)),
    *Color,
    *(frozenset([name]) for name in "abcd"),
    *(ipaddress.ip_address(n) for n in range(4)),
    *((datetime.date(2024, 1, day), "a") for day in range(1, 5)),
    Path("a"),
    None,
    "é",
    7,
]


@pytest.mark.parametrize("parts", [3, 7])
def test_lookup_of_keys_with_seeded_hashes(parts):
    with SparkContext("local[2]", "lookup") as sc:
        pairs = sc.parallelize([(key, str(key)) for key in KEYS], 4).partitionBy(parts)
        assert [pairs.lookup(key) for key in KEYS] == [[str(key)] for key in KEYS]
        assert pairs.lookup("none") == []
