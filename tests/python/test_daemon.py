"""The process that all workers are forks of: one layout of memory, nothing left behind, no hang."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import children, command_of, daemons_of, wait_until, workers_of

from tidemill import SparkContext
from tidemill.errors import JobError, WorkerLostError
from tidemill.streaming import StreamingContext

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")

WAITS = """
import sys, time
from pyspark import SparkContext
sc = SparkContext("local[2]", "driver")
sc.parallelize(range(4), 2).mapPartitions(list).count()
print("ready", flush=True)
sc.parallelize(range(2), 2).foreach(lambda n: time.sleep(3600))
"""


SPARED = [
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
]


def the_daemon():
    """Return the id of the one that there is now."""
    (pid,) = wait_until(lambda: daemons_of(os.getpid()), "a daemon")
    return pid


def kill(pid):
    """Kill a process and wait until it is gone, and its parent knows."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"end of {pid}")


def pending(pid):
    """Return whether a process has signals that it has not taken."""
    status = Path(f"/proc/{pid}/status").read_text()
    return any(int(mask, 16) for mask in re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", status, re.M))


def parents(sc):
    """Return whose forks the workers are that run the tasks of a job."""

    def parent(_):
        time.sleep(0.05)
        return [os.getppid()]

    return set(sc.parallelize(range(8), 8).mapPartitions(parent).collect())


def test_workers_are_forks_of_one_process():
    with SparkContext("local[4]", "forks") as sc:
        assert parents(sc) == {the_daemon()}
        assert sorted(workers_of(os.getpid())) == sorted(sc._engine.worker_ids)


def test_daemon_killed_in_the_middle_of_a_job(sc, tmp_path):
    def wait_for_the_kill(n):
        (tmp_path / f"ready-{n}").touch()
        while not (tmp_path / "over").exists():
            time.sleep(0.01)
        return n

    def end():
        wait_until(lambda: len(list(tmp_path.glob("ready-*"))) == 2, "two tasks under way")
        kill(daemon)

    daemon, old = the_daemon(), workers_of(os.getpid())
    killer = threading.Thread(target=end)
    killer.start()
    with pytest.raises(WorkerLostError) as caught:
        sc.parallelize(range(2), 2).map(wait_for_the_kill).collect()
    killer.join()
    (tmp_path / "over").touch()
    text = f"process {daemon}, which all workers are forks of, was ended by signal 9"
    assert text in str(caught.value)
    assert "run the job again" in str(caught.value)
    assert sc.parallelize(range(2), 2).map(wait_for_the_kill).collect() == [0, 1]
    assert parents(sc) == {the_daemon()} != {daemon}
    wait_until(lambda: not any(command_of(pid) for pid in old), "workers of a killed daemon gone")


def test_a_shuffle_goes_not_on_with_workers_of_another_daemon(sc, tmp_path):
    # The keys of its first half may have other hashes in those: the answer would be wrong.
    def kill_once(part):
        records = list(part)
        if not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return records

    pairs = sc.parallelize([((len, n), 1) for n in range(100)], 4).reduceByKey(lambda a, b: a + b)
    job = pairs.mapPartitions(kill_once)
    with pytest.raises(WorkerLostError, match="which all workers are forks of"):
        job.collect()
    # The shuffle's first half is made anew, in workers that hash alike.
    assert sorted(n for (_, n), _ in job.collect()) == list(range(100))


def run_in(daemons, key_of):
    """Return a function for `mapPartitions` that notes whose fork it ran in."""

    def noted(part):
        with open(daemons, "a") as file:
            file.write(f"{os.getppid()}\n")
        return [(key_of(n), 1) for n in part]

    return noted


def test_what_was_shuffled_or_kept_before_is_made_anew(sc, tmp_path):
    daemons = tmp_path / "daemons"
    numbers = sc.parallelize(range(40), 4)
    keyed = numbers.mapPartitions(run_in(daemons, lambda n: (len, None, n))).partitionBy(5)
    kept = keyed.mapValues(lambda n: n).cache()
    other = numbers.mapPartitions(run_in(daemons, lambda n: (len, None, n)))
    assert kept.count() == 40
    before = the_daemon()
    kill(before)
    assert kept.join(other, 5).count() == 40
    ran = daemons.read_text().split()
    assert ran.count(str(before)) == 4
    assert ran.count(str(the_daemon())) == 8


def test_daemon_killed_between_jobs(sc):
    for _ in range(5):
        kill(the_daemon())
        assert sc.parallelize(range(4), 2).map(lambda n: n + 1).collect() == [1, 2, 3, 4]
        assert parents(sc) == {the_daemon()}


def by_address(sc):
    """Return pairs whose keys have another partition in each layout; not of a power of two, which
    addresses are multiples of."""
    return sc.parallelize(range(200), 4).map(lambda n: ((len, n), n)).partitionBy(7)


AGAIN = "hash keys otherwise that hold None, functions or classes: "


def test_daemon_killed_between_the_jobs_of_an_iterator(sc):
    records = by_address(sc).toLocalIterator()
    next(records)
    kill(the_daemon())
    with pytest.raises(WorkerLostError, match=AGAIN + "run the job again"):
        list(records)


def test_daemon_killed_between_the_jobs_of_a_take(sc, monkeypatch):
    pairs = by_address(sc)
    real = type(pairs)._run

    def run_and_kill(*arguments):
        found = real(*arguments)
        kill(the_daemon())
        return found

    monkeypatch.setattr(type(pairs), "_run", run_and_kill)
    with pytest.raises(WorkerLostError, match=AGAIN + "run the job again"):
        pairs.take(200)


@pytest.mark.parametrize("between", ["_run", "runJob"])
def test_daemon_killed_between_the_jobs_of_a_lookup(sc, monkeypatch, between):
    pairs = by_address(sc)
    holder = SparkContext if between == "runJob" else type(pairs)
    real, runs = getattr(holder, between), []

    def kill_and_run(*arguments):
        runs.append(arguments)
        if len(runs) == (2 if between == "_run" else 1):
            kill(the_daemon())
        return real(*arguments)

    monkeypatch.setattr(holder, between, kill_and_run)
    for n in range(6):
        runs.clear()
        try:
            assert pairs.lookup((len, n)) == [n]
        except WorkerLostError as error:
            assert AGAIN + "run the job again" in str(error)


def test_daemon_killed_after_the_count_of_an_index(sc):
    indexed = by_address(sc).zipWithIndex()
    assert sorted(index for _, index in indexed.collect()) == list(range(200))
    kill(the_daemon())
    with pytest.raises(WorkerLostError, match=AGAIN + "call zipWithIndex again"):
        indexed.map(lambda pair: pair[1]).collect()


def test_daemon_killed_between_the_jobs_of_a_split(sc):
    one, other = by_address(sc).randomSplit([1.0, 1.0], 7)
    found = one.values().collect()
    kill(the_daemon())
    with pytest.raises(WorkerLostError, match=AGAIN + "call randomSplit again"):
        other.values().collect()
    kept = by_address(sc).randomSplit([1.0, 1.0], 7)
    assert sorted(n for part in kept for n in part.values().collect()) == list(range(200))
    assert 0 < len(found) < 200


def test_partitions_that_do_not_depend_on_hashes_outlive_the_daemon(sc):
    numbers = sc.parallelize(range(40), 4).map(lambda n: n)
    records, indexed = numbers.toLocalIterator(), numbers.zipWithIndex()
    assert next(records) == 0
    kill(the_daemon())
    assert list(records) == list(range(1, 40))
    assert indexed.collect() == [(n, n) for n in range(40)]


def test_daemon_has_the_environment_of_the_start(sc, monkeypatch):
    # Read then, under the GIL: a thread that starts one reads what the program may be changing.
    monkeypatch.setenv("TIDEMILL_TEST_LATER", "later")
    kill(the_daemon())
    read = sc.parallelize([0], 1).map(lambda _: os.environ.get("TIDEMILL_TEST_LATER"))
    assert read.collect() == [None]


def test_environment_of_the_driver_is_the_workers_too(monkeypatch):
    monkeypatch.setitem(os.environb, b"TIDEMILL_TEST", b"\xff\xc3\xa4")
    with SparkContext("local[1]", "environment") as sc:
        read = sc.parallelize([0], 1).map(lambda _: os.environb[b"TIDEMILL_TEST"])
        assert read.collect() == [b"\xff\xc3\xa4"]


def test_daemon_that_does_not_answer_is_replaced(sc):
    daemon = the_daemon()
    assert parents(sc) == {daemon}
    os.kill(daemon, signal.SIGSTOP)
    for pid in workers_of(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerLostError, match="which all workers are forks of"):
        parents(sc)
    assert not command_of(daemon)
    assert parents(sc) == {the_daemon()}


@pytest.mark.parametrize("number", SPARED)
def test_signals_that_mean_the_driver_do_not_end_it(sc, number):
    daemon = the_daemon()
    assert parents(sc) == {daemon}
    for pid in [daemon, *workers_of(os.getpid())]:
        os.kill(pid, number)
    wait_until(lambda: not pending(daemon), "the signal")
    assert parents(sc) == {daemon}


def test_signals_have_their_usual_effect_in_workers(sc):
    def handlers(_):
        return [signal.getsignal(n) for n in SPARED]

    found = sc.parallelize([0], 1).map(handlers).first()
    assert found == [signal.SIG_IGN, *[signal.SIG_DFL] * 5]


def test_thirty_workers_killed_leave_nothing(sc):
    daemon = the_daemon()
    job = sc.parallelize(range(2), 1).mapPartitions(lambda part: [os.getpid(), *part])

    def open_files():
        assert len(set(sc.parallelize(range(8), 8).mapPartitions(slowly).collect())) == 2
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (os.getpid(), daemon)]

    def slowly(_):
        time.sleep(0.05)
        return [os.getpid()]

    def lose_one():
        pid, *rest = job.collect()
        assert rest == [0, 1]
        os.kill(pid, signal.SIGKILL)

    for _ in range(3):
        lose_one()
    before = open_files()
    for _ in range(30):
        lose_one()
    assert open_files() == before
    assert sorted(children(daemon)) == sorted(sc._engine.worker_ids)
    assert daemon == the_daemon()


def test_files_that_a_worker_has_open():
    def listed(_):
        time.sleep(0.05)
        found = []
        for entry in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{entry}"))
            except OSError:
                continue
        return [(os.getpid(), found)]

    with SparkContext("local[3]", "files") as sc:
        seen = dict(sc.parallelize(range(12), 12).mapPartitions(listed).collect())
        assert len(seen) > 1
        sockets = {
            pid: [f for f in files if f.startswith("socket:")] for pid, files in seen.items()
        }
        assert all(len(own) == 1 for own in sockets.values()), seen
        assert len({own[0] for own in sockets.values()}) == len(seen)
        for files in seen.values():
            memories = sum("tidemill-blocks" in name for name in files)
            assert memories == 1 or not hasattr(os, "memfd_create")
            assert os.devnull in files


def test_copy_of_a_worker_does_not_answer(sc):
    def both(_):
        # Falls through in both, as a wrong test of what fork returns does.
        who = "the copy" if os.fork() == 0 else "the worker"
        time.sleep(0 if who == "the copy" else 0.3)
        return [who + "!" * 100_000]

    assert sc.parallelize([0], 1).mapPartitions(both).collect()[0].startswith("the worker!")
    for n in range(4):
        assert sc.parallelize([n], 1).mapPartitions(lambda part: [list(part)]).collect() == [[n]]


def test_child_of_a_worker_that_crashed_keeps_nobody_waiting(tmp_path):
    def crash(_):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        (tmp_path / str(child)).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    began = time.monotonic()
    with SparkContext("local[1,1]", "crash") as sc, pytest.raises(WorkerLostError):
        sc.parallelize([0], 1).mapPartitions(crash).collect()
    for child in tmp_path.iterdir():
        os.kill(int(child.name), signal.SIGKILL)
    assert time.monotonic() - began < 20


def test_random_numbers_are_each_worker_s_own():
    def draw(_):
        import random
        import tempfile
        import uuid

        time.sleep(0.05)
        name = next(tempfile._get_candidate_names())
        return [(os.getpid(), random.random(), name, str(uuid.uuid4()))]

    with SparkContext("local[4]", "random") as sc:
        drawn = sc.parallelize(range(16), 16).mapPartitions(draw).collect()
    assert len({pid for pid, *_ in drawn}) > 1
    for column in list(zip(*drawn))[1:]:
        assert len(set(column)) == len(drawn)


def test_standard_input_of_a_worker_is_empty(sc):
    assert sc.parallelize([0], 1).map(lambda _: sys.stdin.read()).collect() == [""]


def test_nothing_is_left_when_the_context_stops():
    for _ in range(3):
        with SparkContext("local[2]", "stops") as sc:
            assert parents(sc) == {the_daemon()}
            forks = workers_of(os.getpid())
        assert not daemons_of(os.getpid())
        assert not any(command_of(pid) for pid in forks)


def test_a_context_made_by_a_thread_that_ends():
    made = []
    thread = threading.Thread(target=lambda: made.append(SparkContext("local[2]", "thread")))
    thread.start()
    thread.join()
    with made[0] as sc:
        daemon = the_daemon()
        time.sleep(0.2)
        assert parents(sc) == {daemon}


def test_a_driver_that_forks(sc):
    assert parents(sc) == {the_daemon()}
    copy = os.fork()
    if copy == 0:
        # It has the driver's sockets open.
        signal.pause()
        os._exit(0)
    try:
        assert parents(sc) == {the_daemon()}
        sc.stop()
        assert not daemons_of(os.getpid())
    finally:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)


COPIED = """
import os, sys
from pyspark import SparkContext
sc = SparkContext("local[2]", "copied")
count = lambda: sc.parallelize(range(4), 2).mapPartitions(list).count()
assert count() == 4
copy = os.fork()
if copy == 0:
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 7
assert count() == 4 and os.path.isdir(sc._root)
print("goes on")
"""


def test_a_copy_of_the_driver_that_ends(submit, write_program):
    program = submit(write_program(COPIED))
    assert program.finish() == 0, program.report()
    assert program.stdout == "goes on\n"
    assert "panicked" not in program.stderr and "Traceback" not in program.stderr


def of_session(leader):
    """Return the processes of a session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat[0] not in "ZX" and int(stat[3]) == leader:
            found.append(int(entry.parent.name))
    return found


def test_neither_daemon_nor_workers_outlive_a_killed_driver(submit, write_program):
    program = submit(write_program(WAITS))
    program.wait_for("ready")
    assert program.daemons() and len(program.workers()) == 2
    os.kill(program.process.pid, signal.SIGKILL)
    program.finish()
    wait_until(lambda: not of_session(program.process.pid), "the end of the daemon and its workers")


def killed(submit, program, after):
    """Kill a driver so long after it has begun to start a daemon; return what it had by then."""
    program = submit(program)
    wait_until(lambda: children(program.process.pid), program.report)
    time.sleep(after)
    had = "workers" if program.workers() else "a daemon"
    os.kill(program.process.pid, signal.SIGKILL)
    program.finish()
    wait_until(lambda: not of_session(program.process.pid), "the end of the daemon and its workers")
    return had


def test_driver_killed_at_any_moment(submit, write_program):
    program, step = write_program(WAITS), 0.012
    had = {killed(submit, program, n * step) for n in range(10)}
    for n in range(10, 100):
        if had == {"a daemon", "workers"}:
            break
        had.add(killed(submit, program, n * step))
    assert had == {"a daemon", "workers"}


def test_python_that_cannot_be_started(monkeypatch, tmp_path):
    missing = str(tmp_path / "python")
    monkeypatch.setattr(sys, "executable", missing)
    with SparkContext("local[2]", "missing") as sc, pytest.raises(JobError) as caught:
        sc.parallelize([1], 1).mapPartitions(list).collect()
    assert f"starting the worker process {missing}: No such file" in str(caught.value)


def test_python_that_ends_at_once(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with SparkContext("local[2]", "ends") as sc, pytest.raises(JobError) as caught:
        sc.parallelize([1], 1).mapPartitions(list).collect()
    assert "which all workers are forks of, left with exit code 3" in str(caught.value)


def test_start_does_not_wait_for_the_workers(monkeypatch, tmp_path):
    # One that never answers: the context is there, and goes, at once.
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 3600\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    began = time.monotonic()
    sc = SparkContext("local[2]", "slow")
    (sleeping,) = wait_until(lambda: children(os.getpid()), "the process")
    sc.stop()
    assert time.monotonic() - began < 5
    assert not command_of(sleeping)


def after_each_batch(ssc, stream, seen):
    """Note the records of each batch, then kill the daemon."""

    def look(rdd):
        seen.append(sorted((n, count) for (_, n), count in rdd.collect()))
        kill(the_daemon())

    stream.foreachRDD(look)
    ssc.start()
    wait_until(
        lambda: len(seen) >= 4 or ssc._streaming.summary()["failed_batches"], lambda: str(seen)
    )
    ssc.stop(stopSparkContext=False)


def test_state_is_right_in_workers_of_another_daemon(sc, tmp_path):
    ssc, seen = StreamingContext(sc, 0.1), []
    ssc.checkpoint(str(tmp_path / "checkpoint"))
    keys = ssc.queueStream([list(range(40))] * 4).map(lambda n: ((len, n), 1))
    counts = keys.updateStateByKey(lambda new, old: sum(new) + (old or 0), 5)
    after_each_batch(ssc, counts, seen)
    assert seen[:4] == [[(n, count) for n in range(40)] for count in range(1, 5)]


def batches_with_a_loss(sc, make):
    """Return the sums of four batches, of a stream whose functions kill the daemon once."""
    ssc, seen = StreamingContext(sc, 0.1), []
    pairs = ssc.queueStream([[((len, n), 1) for n in range(20)]] * 4)
    make(ssc, pairs).foreachRDD(lambda rdd: seen.append(sorted(rdd.values().collect())))
    ssc.start()
    wait_until(
        lambda: len(seen) >= 4 or ssc._streaming.summary()["failed_batches"], lambda: str(seen)
    )
    ssc.stop(stopSparkContext=False)
    assert ssc._streaming.summary()["failed_batches"] == 0
    return seen[:4]


def killing_once(folder, function):
    """Return the function, which kills the daemon the first time that it is given 1."""

    def called(new, old):
        if old == 1 and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return function(new, old)

    return called


EACH_BATCH = [[count] * 20 for count in range(1, 5)]


def test_state_goes_on_when_the_daemon_is_killed_in_its_update(sc, tmp_path):
    def counts(ssc, pairs):
        ssc.checkpoint(str(tmp_path / "checkpoint"))
        update = killing_once(tmp_path, lambda new, old: sum(new) + (old or 0))
        return pairs.updateStateByKey(update, 5)

    assert batches_with_a_loss(sc, counts) == EACH_BATCH
    assert (tmp_path / "killed").exists()


def test_windows_go_on_when_the_daemon_is_killed_in_a_slide(sc, tmp_path):
    def counts(ssc, pairs):
        ssc.checkpoint(str(tmp_path / "checkpoint"))
        add = killing_once(tmp_path, lambda a, b: a + b)
        return pairs.reduceByKeyAndWindow(add, lambda a, b: a - b, 5, 0.1, 5)

    assert batches_with_a_loss(sc, counts) == EACH_BATCH
    assert (tmp_path / "killed").exists()


def test_windows_are_right_in_workers_of_another_daemon(sc, tmp_path):
    ssc, seen = StreamingContext(sc, 0.1), []
    ssc.checkpoint(str(tmp_path / "checkpoint"))
    keys = ssc.queueStream([list(range(40))] * 4).map(lambda n: ((len, n), 1))
    counts = keys.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, 5, 0.1, 5)
    after_each_batch(ssc, counts, seen)
    assert seen[:4] == [[(n, count) for n in range(40)] for count in range(1, 5)]
