"""Keys whose hash is another one in each process, or depends on where objects lie in memory."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill import SparkConf, SparkContext

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


KEYS = """
from dataclasses import dataclass
from typing import Optional

@dataclass(frozen=True)
class Key:
    name: str
    region: Optional[str]
"""

RESTARTED = """
import sys, threading
from keys_of_test import Key
from pyspark import SparkContext
from pyspark.streaming import StreamingContext

def total(values, state):
    return sum(values) + (state or 0)

folder, batches, found, done = sys.argv[1], 3, [], threading.Event()
with SparkContext("local[4]", "restarted") as sc:
    def setup():
        ssc = StreamingContext(sc, 0.05)
        ssc.checkpoint(folder)
        pairs = [(Key(name, None), 1) for name in "abcdefgh"]
        totals = ssc.queueStream([pairs] * batches).updateStateByKey(total)

        def take(rdd):
            found.append(rdd.collect())
            if len(found) == batches:
                done.set()

        totals.foreachRDD(take)
        return ssc

    ssc = StreamingContext.getOrCreate(folder, setup)
    ssc.start()
    assert done.wait(60)
    print(sorted(n for _, n in found[batches - 1]), flush=True)
    ssc.stop(stopSparkContext=False, stopGraceFully=True)
"""


def test_a_state_of_such_keys_goes_on_in_the_next_process(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(RESTARTED, encoding="utf-8")
    (tmp_path / "keys_of_test.py").write_text(KEYS, encoding="utf-8")
    for run in (1, 2, 3):
        folder = str(tmp_path / "state")
        command = [sys.executable, "-m", "tidemill", "submit", str(program), folder]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.splitlines() == [str([3 * run] * 8)], ran.stdout


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


SEEDED = [
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
        pairs = sc.parallelize([(key, str(key)) for key in SEEDED], 4).partitionBy(parts)
        assert [pairs.lookup(key) for key in SEEDED] == [[str(key)] for key in SEEDED]
        assert pairs.lookup("none") == []


@pytest.mark.parametrize("key", ["a", ("a", 1, None, (2.5, True)), b"a", None, -1, 2**70])
def test_lookup_of_keys_that_hash_alike_everywhere_needs_one_job(monkeypatch, key):
    with SparkContext("local[2]", "lookup") as sc:
        pairs = sc.parallelize([(key, 1), ("b", 2)], 2).partitionBy(7)
        real, jobs = type(pairs)._run, []
        monkeypatch.setattr(type(pairs), "_run", lambda *job: jobs.append(job) or real(*job))
        assert pairs.lookup(key) == [1]
        assert len(jobs) == 1


def test_lookup_by_a_function_of_the_program():
    with SparkContext("local[2]", "lookup") as sc:
        # What it takes from the process is a worker's: the seed of its hashes.
        pairs = sc.parallelize([(name, 1) for name in "abcdefgh"], 2).partitionBy(7, hash)
        assert [pairs.lookup(name) for name in "abcdefgh"] == [[1]] * 8


@pytest.mark.parametrize("key", ["a", ("a", 2)])
def test_lookup_where_everything_has_to_be_compiled(key):
    conf = SparkConf().set("tidemill.python.compile", "strict")
    with SparkContext("local[2]", "lookup", conf=conf) as sc:
        pairs = sc.parallelize([(key, 1), (key, 2)], 2).reduceByKey(lambda a, b: a + b, 7)
        assert pairs.lookup(key) == [3]
