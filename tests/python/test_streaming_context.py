"""The life of a StreamingContext: order of calls, the batch clock, stops, failing batches."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest
from conftest import wait_until

from tidemill import SparkContext
from tidemill.errors import IllegalArgumentError, IllegalStateError, JobError
from tidemill.streaming import StreamingContext


@pytest.fixture
def ssc(sc):
    """A context of 50 ms batches, stopped at the end."""
    context = StreamingContext(sc, 0.05)
    yield context
    context.stop(stopSparkContext=False)


def ignore(rdd):
    """An output that does nothing."""


def test_start_without_output(ssc):
    ssc.queueStream([[1]])
    with pytest.raises(IllegalArgumentError, match="No output operations registered"):
        ssc.start()
    with pytest.raises(IllegalStateError, match="after stopping a context"):
        ssc.queueStream([[1]])


def test_second_start_only_warns(ssc):
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    with pytest.warns(UserWarning, match="already been started"):
        ssc.start()


def test_start_after_stop(ssc):
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    ssc.stop(stopSparkContext=False)
    with pytest.raises(IllegalStateError, match="already been stopped"):
        ssc.start()


def test_streams_cannot_be_added_after_start(ssc):
    stream = ssc.queueStream([[1]])
    stream.foreachRDD(ignore)
    ssc.start()
    calls = [
        lambda: ssc.queueStream([[1]]),
        lambda: ssc.socketTextStream("localhost", 9),
        lambda: ssc.textFileStream("/tmp"),
        lambda: stream.map(str),
        lambda: stream.pprint(),
        lambda: stream.foreachRDD(ignore),
        lambda: stream.union(stream),
    ]
    for call in calls:
        with pytest.raises(IllegalStateError, match="after starting a context is not supported"):
            call().pprint()


def test_only_one_runs_at_a_time(sc, ssc):
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    other = StreamingContext(sc, 0.05)
    other.queueStream([[1]]).foreachRDD(ignore)
    with pytest.raises(IllegalStateError, match="Only one StreamingContext may be started"):
        other.start()
    ssc.stop(stopSparkContext=False)
    other.start()
    other.stop(stopSparkContext=False)


def test_state_needs_a_checkpoint_directory(ssc):
    ssc.queueStream([[("a", 1)]]).updateStateByKey(lambda new, old: 1).foreachRDD(ignore)
    with pytest.raises(IllegalArgumentError, match="checkpoint directory has not been set"):
        ssc.start()


@pytest.mark.parametrize("interval", [-1, 0.0001])
def test_interval_that_is_none(sc, interval):
    with pytest.raises(IllegalArgumentError, match=str(interval)):
        StreamingContext(sc, interval)


def test_interval_of_five_milliseconds(sc):
    ssc = StreamingContext(sc, 0.005)
    times = []
    ssc.queueStream([[1]]).foreachRDD(lambda time, rdd: times.append(time))
    ssc.start()
    wait_until(lambda: len(times) >= 50, lambda: f"{len(times)} batches")
    ssc.stop(stopSparkContext=False)
    steps = {round((b - a).total_seconds() * 1000) for a, b in zip(times, times[1:])}
    assert steps == {5}


def test_batch_times_are_multiples_of_the_interval(sc):
    ssc = StreamingContext(sc, 0.25)
    times = []
    ssc.queueStream([[1]]).foreachRDD(lambda time, rdd: times.append(time))
    ssc.start()
    wait_until(lambda: len(times) >= 2, "two batches")
    ssc.stop(stopSparkContext=False)
    assert all(isinstance(time, datetime) and time.tzinfo is None for time in times)
    assert all(round(time.timestamp() * 1000) % 250 == 0 for time in times)


def test_late_batches_queue_and_none_is_skipped(sc):
    ssc = StreamingContext(sc, 0.05)
    times, taken = [], []

    def first_is_slow(batch_time, rdd):
        if not times:
            until = batch_time.timestamp() + 1.0
            while time.time() < until:
                time.sleep(0.01)
        times.append(round(batch_time.timestamp() * 1000))
        taken.extend(rdd.collect())

    ssc.queueStream([[n] for n in range(30)]).foreachRDD(first_is_slow)
    ssc.start()
    wait_until(lambda: len(taken) >= 30, lambda: str(taken))
    summary = ssc._streaming.summary()
    ssc.stop(stopSparkContext=False)
    assert taken == list(range(30))
    assert {b - a for a, b in zip(times, times[1:])} == {50}
    assert summary["max_scheduling_delay_ms"] >= 500


def test_outputs_of_a_batch_run_in_order(ssc):
    calls = []
    stream = ssc.queueStream([[1], [2]])
    stream.foreachRDD(lambda rdd: calls.append("a"))
    stream.map(str).foreachRDD(lambda rdd: calls.append("b"))
    stream.foreachRDD(lambda rdd: calls.append("c"))
    ssc.start()
    wait_until(lambda: len(calls) >= 9, lambda: str(calls))
    assert calls[:9] == ["a", "b", "c"] * 3


def failing(ssc, seen):
    """Start a stream whose second batch fails."""

    def fail(n):
        if n == 2:
            raise ValueError(f"cannot take {n}")
        return n

    stream = ssc.queueStream([[1], [2], [3], [4]])
    stream.map(fail).foreachRDD(lambda rdd: seen.append(("mapped", rdd.collect())))
    stream.foreachRDD(lambda rdd: seen.append(("plain", rdd.collect())))
    ssc.start()


def test_failing_batch_stops_neither_its_other_outputs_nor_later_batches(ssc):
    seen = []
    failing(ssc, seen)
    wait_until(lambda: ("plain", [4]) in seen, lambda: str(seen))
    assert seen[:7] == [
        ("mapped", [1]),
        ("plain", [1]),
        ("plain", [2]),
        ("mapped", [3]),
        ("plain", [3]),
        ("mapped", [4]),
        ("plain", [4]),
    ]


def test_error_of_a_batch_reaches_every_wait(ssc):
    seen = []
    failing(ssc, seen)
    wait_until(lambda: ("plain", [4]) in seen, lambda: str(seen))
    for wait in (ssc.awaitTermination, lambda: ssc.awaitTerminationOrTimeout(0.01)):
        with pytest.raises(JobError, match="cannot take 2") as caught:
            wait()
        text = str(caught.value)
        assert "An exception was raised by Python:" in text
        assert "in fail" in text
        assert datetime.now().strftime("%Y-") in text
        assert any(isinstance(cause, ValueError) for cause in causes(caught.value))
    ssc.stop(stopSparkContext=False)
    with pytest.raises(JobError, match="cannot take 2"):
        ssc.awaitTermination()


def causes(error):
    """Return an error and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__


def test_error_in_an_output_function(ssc):
    def fail(rdd):
        raise KeyError("not there")

    ssc.queueStream([[1]]).foreachRDD(fail)
    ssc.start()
    with pytest.raises(JobError, match="not there") as caught:
        ssc.awaitTermination(60)
    assert "in fail" in str(caught.value)


def test_error_in_a_transform_function(ssc):
    def fail(rdd):
        raise KeyError("not there")

    ssc.queueStream([[1]]).transform(fail).foreachRDD(ignore)
    ssc.start()
    with pytest.raises(JobError, match="not there"):
        ssc.awaitTermination(60)


def test_transform_returning_something_else(ssc):
    ssc.queueStream([[1]]).transform(lambda rdd: [1, 2]).foreachRDD(ignore)
    ssc.start()
    with pytest.raises(JobError, match="RDD"):
        ssc.awaitTermination(60)


def test_waiting_with_a_timeout(ssc):
    assert ssc.awaitTerminationOrTimeout(0.01) is False
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    assert ssc.awaitTerminationOrTimeout(0.05) is False
    assert ssc.awaitTermination(0.05) is None
    ssc.stop(stopSparkContext=False)
    assert ssc.awaitTerminationOrTimeout(60) is True
    assert ssc.awaitTermination() is None


def test_stop_from_another_thread_ends_the_wait(ssc):
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    thread = threading.Thread(target=lambda: ssc.stop(stopSparkContext=False))
    thread.start()
    assert ssc.awaitTerminationOrTimeout(60) is True
    thread.join()


def test_stop_from_within_a_batch(ssc):
    ssc.queueStream([[1]]).foreachRDD(lambda rdd: ssc.stop(stopSparkContext=False))
    ssc.start()
    assert ssc.awaitTerminationOrTimeout(60) is True


def test_stop_takes_the_spark_context_along_unless_told_otherwise():
    for options, stopped in (({}, True), ({"stopSparkContext": False}, False)):
        sc = SparkContext("local[1]", "stop")
        ssc = StreamingContext(sc, 0.05)
        ssc.queueStream([[1]]).foreachRDD(ignore)
        ssc.start()
        ssc.stop(**options)
        assert (SparkContext._active_spark_context is None) is stopped
        sc.stop()


def test_stop_twice_and_before_start(sc):
    ssc = StreamingContext(sc, 0.05)
    for graceful in (False, True):
        assert ssc.stop(stopSparkContext=False, stopGraceFully=graceful) is None
    assert sc.parallelize([1]).count() == 1


def test_graceful_stop_runs_queued_batches(ssc):
    seen, gate = [], threading.Event()

    def look(batch_time, rdd):
        gate.wait(60)
        seen.append(batch_time)

    ssc.queueStream([[n] for n in range(10)]).foreachRDD(look)
    ssc.start()
    began = time.time()
    wait_until(lambda: time.time() > began + 0.5, "half a second of batches, all queued")
    stop = threading.Thread(target=lambda: ssc.stop(False, stopGraceFully=True))
    stop.start()
    gate.set()
    stop.join(60)
    assert not stop.is_alive()
    assert len(seen) >= 9
    assert {round((b - a).total_seconds() * 1000) for a, b in zip(seen, seen[1:])} == {50}


def test_graceful_stop_ends_batches_that_take_longer_than_the_interval(ssc):
    seen = []
    batches = ssc.queueStream([], default=ssc.sparkContext.parallelize([1]))
    batches.foreachRDD(lambda time_, rdd: (time.sleep(0.1), seen.append(time_)))
    ssc.start()
    wait_until(lambda: len(seen) > 5, "batches that others wait for")
    waiting = threading.Thread(target=lambda: ssc.stop(False, stopGraceFully=True), daemon=True)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()
    spans = {round((b - a).total_seconds() * 1000) for a, b in zip(seen, seen[1:])}
    assert spans == {50}


def test_graceful_stop_processes_all_that_was_received(sc, serve):
    ssc = StreamingContext(sc, 0.2)
    sent, hold = threading.Event(), threading.Event()
    seen = []

    def send(connection, number):
        connection.sendall(b"".join(b"%d\n" % n for n in range(1000)))
        sent.set()
        hold.wait()

    server = serve(send)
    lines = ssc.socketTextStream("127.0.0.1", server.port)
    lines.foreachRDD(lambda rdd: seen.extend(rdd.collect()))
    ssc.start()
    assert sent.wait(60)
    wait_until(lambda: seen, "the first records")
    ssc.stop(stopSparkContext=False, stopGraceFully=True)
    hold.set()
    assert seen == [str(n) for n in range(1000)]


def test_active_context(ssc):
    assert StreamingContext.getActive() is None
    ssc.queueStream([[1]]).foreachRDD(ignore)
    ssc.start()
    assert StreamingContext.getActive() is ssc
    assert StreamingContext.getActiveOrCreate(None, lambda: None) is ssc
    ssc.stop(stopSparkContext=False)
    assert StreamingContext.getActive() is None


def test_function_that_uses_the_context_says_so(ssc):
    stream = ssc.queueStream([[1]]).map(lambda n: ssc.awaitTermination() or n)
    stream.foreachRDD(lambda rdd: rdd.collect())
    with pytest.raises(Exception, match=r"StreamingContext|SPARK-5063"):
        ssc.start()
        ssc.awaitTermination(60)


def test_text_file_stream(sc, tmp_path):
    ssc = StreamingContext(sc, 0.1)
    seen = []
    ssc.textFileStream(str(tmp_path)).foreachRDD(lambda rdd: seen.extend(rdd.collect()))
    ssc.start()
    try:
        for name in ("a.txt", "b.txt"):
            hidden = tmp_path / f".{name}"
            hidden.write_bytes(b"first of %s\r\nlast" % name.encode())
            hidden.rename(tmp_path / name)
            wait_until(lambda: seen[-2:-1] == [f"first of {name}"], lambda: str(seen))  # noqa: B023
    finally:
        ssc.stop(stopSparkContext=False)
    assert seen == ["first of a.txt", "last", "first of b.txt", "last"]
