"""Blocks on their way to the workers: large ones through shared memory, none left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import children, command_of, require, wait_until

from tidemill import SparkContext

NAME = "memfd:tidemill-blocks"


def workers():
    """Return the ids of this process's workers."""
    return [pid for pid in children(os.getpid()) if "tidemill.worker" in command_of(pid)]


def shared_bytes(pid="self"):
    """Return the sizes of the shared memory that a process has open."""
    sizes = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if NAME in os.readlink(entry):
                sizes.append(entry.stat().st_size)
        except OSError:
            continue
    return sizes


def test_large_blocks_go_through_shared_memory(sc):
    require(hasattr(os, "memfd_create"), "needs memfd_create")
    text = "é" * 300_000
    assert sc.parallelize([{text}], 1).map(len).collect() == [1]
    assert sorted(shared_bytes())[-1] > 600_000
    assert (
        sc.parallelize([{text, n} for n in range(9)], 3)
        .map(lambda found: (text in found, len(found)))
        .collect()
        == [(True, 2)] * 9
    )


@pytest.mark.parametrize("count", [0, 1, 6_000, 40_000, 400_000])
def test_blocks_of_any_size_arrive_whole(sc, count):
    records = [(n, str(n), object) for n in range(count)]
    rdd = sc.parallelize(records, 3)
    assert rdd.mapPartitions(lambda part: [list(part)]).map(len).sum() == count
    assert rdd.map(lambda record: record).collect() == records


def test_lines_of_a_large_text_block(sc, tmp_path):
    lines = [f"{'é' * (n % 90)}\t{n}" for n in range(20_000)]
    (tmp_path / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    seen = sc.textFile(str(tmp_path / "lines.txt"), 3).mapPartitions(lambda part: list(part))
    assert seen.collect() == lines


def test_sizes_that_grow_and_shrink_from_task_to_task():
    # One worker: its mapping is too small, then larger than what is there.
    with SparkContext("local[1]", "sizes") as sc:
        for size in (100_000, 3_000_000, 70_000, 10, 80_000_000, 100_000, 5_000_000):
            found = sc.parallelize([{bytes(size)}], 1).map(lambda value: len(next(iter(value))))
            assert found.collect() == [size]


def test_two_hundred_megabytes(sc):
    record = bytearray(b"x" * 200_000_000)
    record[-1] = 0
    assert sc.parallelize([record], 1).map(lambda data: (len(data), data[-2:])).collect() == [
        (200_000_000, bytearray(b"x\0"))
    ]
    assert all(size <= 64 << 20 for size in shared_bytes())


def test_several_large_blocks_of_one_task(sc):
    parts = [sc.parallelize([{bytes([n]) * 200_000}], 1) for n in range(8)]
    joined = sc.union(parts).coalesce(1)
    found = joined.mapPartitions(lambda part: [next(iter(value))[0] for value in part])
    assert found.collect() == list(range(8))


def test_worker_killed_with_a_large_block_leaves_nothing(sc, tmp_path):
    def die_once(record):
        marker = tmp_path / "died"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return len(record)

    before = os.listdir("/dev/shm")
    assert sc.parallelize([{1}], 1).map(len).collect() == [1]
    open_files = len(shared_bytes())
    big = sc.parallelize([bytearray(20_000_000)], 1)
    for _ in range(3):
        (tmp_path / "died").unlink(missing_ok=True)
        assert big.map(die_once).collect() == [20_000_000]
    # One for each of the two workers, as before; those of the dead are closed.
    assert len(shared_bytes()) <= max(open_files, 2)
    assert os.listdir("/dev/shm") == before


def test_nothing_stays_open_when_the_context_stops():
    with SparkContext("local[2]", "stops") as sc:
        assert sc.parallelize([bytearray(1_000_000)] * 4, 4).map(len).sum() == 4_000_000
        assert len(shared_bytes()) == 2
    wait_until(lambda: not shared_bytes(), "shared memory of a stopped context closed")
    assert not workers()


def test_user_code_does_not_see_it(sc):
    def look(_):
        import subprocess

        listed = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True)
        return "TIDEMILL_SHARED_MEMORY" in os.environ, NAME in listed.stdout

    assert sc.parallelize([0], 1).map(look).collect() == [(False, False)]


def test_many_partitions_at_once(sc):
    rdd = sc.parallelize([(n, "x" * 1000, {n}) for n in range(4_000)], 40)
    assert (
        rdd.map(lambda record: (record[0] % 7, len(record[1])))
        .reduceByKey(lambda a, b: a + b)
        .map(lambda pair: pair[1])
        .sum()
        == 4_000_000
    )
