"""Workers that die: the task runs again, the result is right; endless deaths are an error."""

from __future__ import annotations

import os
import signal
import time

import pytest
from conftest import command_of, wait_until, workers

from tidemill import SparkContext
from tidemill.errors import JobError, WorkerLostError
from tidemill.streaming import StreamingContext


def die_once(folder):
    """Return a function that kills the worker the first time it sees record 3."""

    def function(n):
        marker = folder / "died"
        if n == 3 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return n * 10

    return function


def attempts_counted(folder, fail):
    """Return a function that notes each call in a file and then fails."""

    def function(n):
        with open(folder / "attempts", "ab") as file:
            file.write(b".")
        return fail(n, (folder / "attempts").stat().st_size)

    return function


def test_task_of_a_dead_worker_runs_again(sc, tmp_path):
    assert sc.parallelize(range(6), 3).map(die_once(tmp_path)).collect() == [0, 10, 20, 30, 40, 50]
    assert (tmp_path / "died").exists()


def test_worker_killed_from_outside_mid_task(sc, tmp_path):
    def wait_for_the_kill(n):
        ready = tmp_path / f"ready-{os.getpid()}"
        if n == 0 and not any(tmp_path.glob("ready-*")):
            ready.touch()
            while True:
                time.sleep(0.01)
        return n

    import threading

    def kill():
        ready = wait_until(lambda: list(tmp_path.glob("ready-*")), "a task under way")
        os.kill(int(ready[0].name.split("-")[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert sc.parallelize(range(4), 2).map(wait_for_the_kill).collect() == [0, 1, 2, 3]
    killer.join()


def test_shuffle_survives_a_dead_worker(sc, tmp_path):
    pairs = sc.parallelize(range(20), 4).map(die_once(tmp_path)).map(lambda n: (n % 30, n))
    summed = pairs.reduceByKey(lambda a, b: a + b).collect()
    assert sorted(summed) == [(0, 630), (10, 700), (20, 570)]
    assert (tmp_path / "died").exists()


def test_idle_workers_killed_between_jobs(sc):
    assert sc.parallelize(range(4), 2).count() == 4
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    assert sc.parallelize(range(4), 2).map(lambda n: n + 1).collect() == [1, 2, 3, 4]


def test_task_that_always_kills_its_worker(sc):
    def die(n):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerLostError) as caught:
        sc.parallelize([1], 1).map(die).collect()
    assert "4" in str(caught.value)
    assert caught.value.details["attempts"] == 4
    assert sc.parallelize([1, 2], 2).map(lambda n: n).collect() == [1, 2]


def test_task_that_exits_the_worker(sc):
    def leave(n):
        os._exit(3)

    with pytest.raises(WorkerLostError):
        sc.parallelize([1], 1).map(leave).collect()


def test_number_of_attempts_can_be_set(tmp_path):
    def die(n, calls):
        os.kill(os.getpid(), signal.SIGKILL)

    with SparkContext("local[1,2]", "attempts") as sc, pytest.raises(WorkerLostError):
        sc.parallelize([1], 1).map(attempts_counted(tmp_path, die)).collect()
    assert (tmp_path / "attempts").stat().st_size == 2


def test_exception_that_does_not_repeat_is_retried(sc, tmp_path):
    def flaky(n, calls):
        if calls == 1:
            raise OSError("the first time only")
        return n

    assert sc.parallelize([7], 1).map(attempts_counted(tmp_path, flaky)).collect() == [7]
    assert (tmp_path / "attempts").stat().st_size == 2


def test_exception_that_repeats_is_not_retried_for_long(sc, tmp_path):
    def fail(n, calls):
        raise ValueError("always the same")

    with pytest.raises(JobError, match="always the same"):
        sc.parallelize([7], 1).map(attempts_counted(tmp_path, fail)).collect()
    assert 1 <= (tmp_path / "attempts").stat().st_size <= 4


def test_exception_that_changes_is_tried_four_times(sc, tmp_path):
    def fail(n, calls):
        raise ValueError(f"reason {calls}")

    with pytest.raises(JobError, match="reason 4"):
        sc.parallelize([7], 1).map(attempts_counted(tmp_path, fail)).collect()
    assert (tmp_path / "attempts").stat().st_size == 4


def test_accumulators_count_successful_tasks_once(sc, tmp_path):
    total = sc.accumulator(0)
    die = die_once(tmp_path)

    def add(n):
        total.add(1)
        die(n)

    sc.parallelize(range(6), 3).foreach(add)
    assert total.value == 6


def test_broadcast_reaches_a_new_worker(sc, tmp_path):
    table = sc.broadcast({0: "zero", 30: "thirty"})
    die = die_once(tmp_path)
    rdd = sc.parallelize(range(4), 2).map(die).map(lambda n: table.value.get(n))
    assert rdd.collect() == ["zero", None, None, "thirty"]


def test_stream_keeps_its_state_when_workers_die(sc, tmp_path):
    ssc = StreamingContext(sc, 0.1)
    ssc.checkpoint(str(tmp_path / "checkpoint"))
    words = ssc.queueStream([["a", "b"], ["a"], ["a", "c"], ["b"]])
    seen = []
    state = words.map(lambda word: (word, 1)).updateStateByKey(
        lambda new, old: sum(new) + (old or 0)
    )

    def look(rdd):
        seen.append(dict(rdd.collect()))
        for pid in workers():
            os.kill(pid, signal.SIGKILL)

    state.foreachRDD(look)
    ssc.start()
    wait_until(lambda: len(seen) >= 4, lambda: str(seen))
    ssc.stop(stopSparkContext=False)
    assert seen[3] == {"a": 3, "b": 2, "c": 1}


def test_workers_go_when_the_driver_is_killed(submit, write_program):
    text = """
import time
from pyspark import SparkContext
sc = SparkContext("local[2]", "driver")
sc.parallelize(range(4), 2).count()
print("ready", flush=True)
sc.parallelize(range(2), 2).foreach(lambda n: time.sleep(3600))
"""
    program = submit(write_program(text))
    program.wait_for("ready")
    found = wait_until(program.workers, program.report)
    os.kill(program.process.pid, signal.SIGKILL)
    program.finish()
    wait_until(lambda: not any(command_of(pid) for pid in found), "workers of a killed driver gone")


def test_workers_go_when_the_context_stops():
    with SparkContext("local[2]", "stops") as sc:
        sc.parallelize(range(4), 2).count()
        assert workers()
    wait_until(lambda: not workers(), "workers of a stopped context gone")
