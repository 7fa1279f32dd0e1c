"""Blocks on their way to the workers: large ones through shared memory, none left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import require, wait_until, workers
from exact.workers import in_worker

from tidemill import SparkContext
from tidemill.errors import JobError

try:
    import pyarrow as pa
except ImportError:
    pa = None

NAME = "memfd:tidemill-blocks"


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
    assert rdd.mapPartitionsWithIndex(in_worker(lambda part: [list(part)])).map(len).sum() == count
    assert rdd.map(lambda record: record).collect() == records


def test_lines_of_a_large_text_block(sc, tmp_path):
    lines = [f"{'é' * (n % 90)}\t{n}" for n in range(20_000)]
    (tmp_path / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    seen = sc.textFile(str(tmp_path / "lines.txt"), 3).mapPartitionsWithIndex(
        in_worker(lambda part: list(part))
    )
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
    found = joined.mapPartitionsWithIndex(
        in_worker(lambda part: [next(iter(value))[0] for value in part])
    )
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
        return NAME in listed.stdout

    assert sc.parallelize([0], 1).map(look).collect() == [False]
    assert shared_bytes()


def test_many_partitions_at_once(sc):
    rdd = sc.parallelize([(n, "x" * 1000, {n}) for n in range(4_000)], 40)
    assert (
        rdd.map(lambda record: (record[0] % 7, len(record[1])))
        .reduceByKey(lambda a, b: a + b)
        .map(lambda pair: pair[1])
        .sum()
        == 4_000_000
    )


# Beyond the task ----------------------------------------------------------------------------------


def test_batches_that_are_kept_cost_no_files():
    require(pa, "needs pyarrow (tests/requirements.txt)")

    def keep(batch):
        import builtins
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
        kept = builtins.__dict__.setdefault("_kept_by_test", [])
        kept.append((batch, batch["value"][0].as_py()))
        wrong = sum(one["value"][0].as_py() != first for one, first in kept)
        row = [len(kept)], [wrong], [len(os.listdir("/proc/self/fd"))]
        return pa.RecordBatch.from_arrays(list(map(pa.array, row)), names=["_1", "_2", "_3"])

    with SparkContext("local[1]", "kept") as sc:
        files = set()
        for turn in range(60):
            numbers = sc.parallelize(list(range(turn, turn + 9_999)), 1).mapArrow(keep).collect()
            assert numbers[0][:2] == (turn + 1, 0)
            files.add(numbers[0][2])
        assert len(files) == 1


def test_no_memory_for_batches_that_are_kept(tmp_path):
    require(pa and os.path.exists("/proc/self/statm"), "needs pyarrow and /proc")

    def keep(batch):
        import builtins
        import resource

        if "_kept_by_test" not in builtins.__dict__:
            builtins._kept_by_test = batch
            with open("/proc/self/statm") as sizes:
                used = int(sizes.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), resource.RLIM_INFINITY))
        return batch.slice(0, 1)

    with SparkContext("local[1]", "kept") as sc:
        numbers = sc.parallelize(list(range(4_000_000)), 1)
        with pytest.raises(JobError) as caught:
            numbers.mapArrow(keep).collect()
        text = str(caught.value)
        assert "MemoryError: mapArrow: a batch was kept beyond its task" in text
        assert "Keep a copy of what is needed" in text
        assert "worker process" not in text
        # What would have been overwritten is gone with its process: the next task has a new one.
        first = sc.parallelize(list(range(7, 10_000)), 1)
        assert first.mapArrow(lambda batch: batch.slice(0, 1)).collect() == [7]
        assert not first.map(lambda _: "_kept_by_test" in vars(__import__("builtins"))).first()


def test_no_memory_for_a_batch_that_is_kept_by_a_task_that_fails():
    require(pa and os.path.exists("/proc/self/statm"), "needs pyarrow and /proc")

    def fail(batch):
        import builtins
        import resource

        builtins._kept_by_test = batch
        with open("/proc/self/statm") as sizes:
            used = int(sizes.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), resource.RLIM_INFINITY))
        raise LookupError("the function's own")

    with SparkContext("local[1]", "kept") as sc:
        with pytest.raises(JobError, match="LookupError: the function's own"):
            sc.parallelize(list(range(4_000_000)), 1).mapArrow(fail).collect()
        kept = sc.parallelize([0], 1).map(lambda _: "_kept_by_test" in vars(__import__("builtins")))
        assert kept.collect() == [False]


def keep_iterator(part):
    import builtins

    builtins._kept_by_test = part
    return []


def go_on(_):
    import builtins

    return [next(builtins._kept_by_test)]


@pytest.mark.parametrize("size", [1, 90_000])
def test_an_iterator_that_is_kept_does_not_read_other_tasks(size):
    with SparkContext("local[1]", "kept") as sc:
        kinds = [
            [{"x" * size}],
            ["x" * size],
            list(range(size)),
            [(n, str(n)) for n in range(size)],
        ]
        for records in kinds:
            assert (
                sc.parallelize(records, 1)
                .mapPartitionsWithIndex(in_worker(keep_iterator))
                .collect()
                == []
            )
            other = sc.parallelize([("y", n) for n in range(90_000)], 1)
            with pytest.raises(JobError) as caught:
                other.mapPartitionsWithIndex(in_worker(go_on)).collect()
            text = str(caught.value)
            assert "TaskEndedError: the records of a partition were asked for after" in text
            assert "Use the iterator within the function that it was given to" in text


def test_an_iterator_that_is_kept_half_way():
    def keep(part):
        import builtins

        builtins._kept_by_test = part
        return [next(part)]

    with SparkContext("local[1]", "kept") as sc:
        blocks = sc.union([sc.parallelize([n, n + 1], 1) for n in (10, 20)]).coalesce(1)
        assert blocks.mapPartitionsWithIndex(in_worker(keep)).collect() == [10]
        assert sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(go_on)).collect() == [11]
        with pytest.raises(JobError, match="after its task"):
            sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(go_on)).collect()


def test_what_follows_from_an_iterator_that_is_kept_is_not_tried_again():
    # A second attempt would find the generator at its end, and the job would succeed.
    def keep(part):
        import builtins

        builtins._kept_by_test = (record for record in part)
        return []

    def rest(_):
        import builtins

        try:
            return list(builtins._kept_by_test)
        except RuntimeError as error:
            raise ValueError("no more") from error

    with SparkContext("local[1]", "kept") as sc:
        assert sc.parallelize([{1}, {2}], 1).mapPartitionsWithIndex(in_worker(keep)).collect() == []
        with pytest.raises(JobError, match="after its task"):
            sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(rest)).collect()
