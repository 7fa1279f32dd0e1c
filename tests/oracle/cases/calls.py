"""Cases: the life of a StreamingContext, and calls made in the wrong order.

They run before the cases with state: PySpark asks for a checkpoint directory only as long as no
context of the process has had one.
"""

from __future__ import annotations

import threading

from probe import failure, new_path
from pyspark.streaming import StreamingContext

ADDING = "Adding new inputs, transformations, and output operations after"
AFTER_START = f"{ADDING} starting a context is not supported"
AFTER_STOP = f"{ADDING} stopping a context is not supported"


def started(sc):
    """Return a running context with one output and the stream it reads."""
    ssc = StreamingContext(sc, 0.2)
    stream = ssc.queueStream([[1]])
    stream.foreachRDD(lambda rdd: None)
    ssc.start()
    return ssc, stream


def stopped(sc):
    """Return a context that ran, and its stream."""
    ssc, stream = started(sc)
    ssc.stop(False)
    return ssc, stream


def case_start_without_output(sc):
    ssc = StreamingContext(sc, 0.2)
    ssc.queueStream([[1]])
    return failure(ssc.start, "No output operations registered, so nothing to execute")


def case_start_without_streams(sc):
    return failure(
        StreamingContext(sc, 0.2).start, "No output operations registered, so nothing to execute"
    )


def case_start_failed_is_stopped(sc):
    ssc = StreamingContext(sc, 0.2)
    failure(ssc.start)
    return failure(lambda: ssc.queueStream([[1]]), AFTER_STOP)


def case_start_twice(sc):
    ssc, _ = started(sc)
    try:
        return failure(ssc.start)
    finally:
        ssc.stop(False)


def case_start_after_stop(sc):
    ssc, _ = stopped(sc)
    return failure(ssc.start, "StreamingContext has already been stopped")


def case_start_second_context(sc):
    ssc, _ = started(sc)
    other = StreamingContext(sc, 0.2)
    other.queueStream([[1]]).foreachRDD(lambda rdd: None)
    try:
        return failure(other.start, "Only one StreamingContext may be started")
    finally:
        ssc.stop(False)
        other.stop(False)


def case_start_after_another_stopped(sc):
    stopped(sc)
    ssc, _ = stopped(sc)
    return failure(ssc.start, "StreamingContext has already been stopped")


def case_add_after_start(sc):
    ssc, stream = started(sc)
    try:
        return [
            failure(lambda: ssc.queueStream([[1]]), AFTER_START),
            failure(lambda: stream.map(str).pprint(), AFTER_START),
            failure(lambda: stream.foreachRDD(lambda rdd: None), AFTER_START),
            failure(lambda: ssc.socketTextStream("localhost", 9), AFTER_START),
        ]
    finally:
        ssc.stop(False)


def case_add_after_stop(sc):
    ssc, stream = stopped(sc)
    return [
        failure(lambda: ssc.queueStream([[1]]), AFTER_STOP),
        failure(lambda: stream.foreachRDD(lambda rdd: None), AFTER_STOP),
    ]


def case_state_without_checkpoint(sc):
    ssc = StreamingContext(sc, 0.2)
    ssc.queueStream([[("a", 1)]]).updateStateByKey(lambda new, old: 1).pprint()
    text = "The checkpoint directory has not been set. Please set it by"
    try:
        return failure(ssc.start, text)
    finally:
        ssc.stop(False)


def case_checkpoint_interval_not_a_multiple(sc):
    ssc = StreamingContext(sc, 0.5)
    ssc.checkpoint(new_path("checkpoint"))
    state = ssc.queueStream([[("a", 1)]]).updateStateByKey(lambda new, old: 1)
    state.checkpoint(0.7)
    state.pprint()
    return failure(ssc.start, "Please set it to a multiple of 500 ms.")


def case_checkpoint_interval_too_short(sc):
    ssc = StreamingContext(sc, 0.5)
    ssc.checkpoint(new_path("checkpoint"))
    state = ssc.queueStream([[("a", 1)]]).updateStateByKey(lambda new, old: 1)
    state.checkpoint(0.25)
    state.pprint()
    return failure(ssc.start, "Please set it to at least 500 ms.")


def case_checkpoint_returns_the_stream(sc):
    ssc = StreamingContext(sc, 0.5)
    stream = ssc.queueStream([[1]])
    return stream.checkpoint(1) is stream, stream.cache() is stream


def case_no_interval(sc):
    return failure(lambda: StreamingContext(sc))[0]


def case_attributes(sc):
    ssc = StreamingContext(sc, 0.5)
    stream = ssc.queueStream([[1]])
    return (
        ssc.sparkContext is sc,
        stream.context() is ssc,
        stream.map(str).context() is ssc,
        stream._slideDuration,
    )


def case_stream_class_names(sc):
    ssc = StreamingContext(sc, 0.5)
    stream = ssc.queueStream([[1]])
    return type(stream).__name__, type(stream.map(str)).__name__


def case_await_before_start(sc):
    ssc = StreamingContext(sc, 0.2)
    return ssc.awaitTerminationOrTimeout(0.05), ssc.awaitTermination(0.05)


def case_await_running(sc):
    ssc, _ = started(sc)
    answer = ssc.awaitTerminationOrTimeout(0.1), ssc.awaitTermination(0.1)
    ssc.stop(False)
    return (
        answer,
        ssc.awaitTerminationOrTimeout(0.1),
        ssc.awaitTermination(0.1),
        ssc.awaitTermination(),
    )


def case_await_ends_when_stopped_elsewhere(sc):
    ssc, _ = started(sc)
    thread = threading.Thread(target=lambda: ssc.stop(False))
    thread.start()
    answer = ssc.awaitTerminationOrTimeout(60)
    thread.join()
    return answer


def case_stop_twice_and_before_start(sc):
    ssc, _ = stopped(sc)
    never = StreamingContext(sc, 1)
    return ssc.stop(False), never.stop(False), never.stop(False, True)


def case_stop_leaves_the_spark_context(sc):
    stopped(sc)
    return sc.parallelize([1, 2]).count()


def case_stop_gracefully_runs_queued_batches(sc):
    ssc = StreamingContext(sc, 0.2)
    seen = []
    first = threading.Event()

    def look(rdd):
        seen.append(rdd.collect())
        first.set()

    ssc.queueStream([[n] for n in range(3)]).foreachRDD(look)
    ssc.start()
    first.wait(60)
    ssc.stop(stopSparkContext=False, stopGraceFully=True)
    count = len(seen)
    return seen[0], ssc.awaitTerminationOrTimeout(0.3), len(seen) == count


def case_active_context(sc):
    before = StreamingContext.getActive()
    ssc, _ = started(sc)
    during = StreamingContext.getActive() is ssc
    ssc.stop(False)
    return before, during, StreamingContext.getActive()


def case_active_or_create(sc):
    made = []

    def setup():
        made.append(StreamingContext(sc, 0.2))
        return made[-1]

    ssc = StreamingContext.getActiveOrCreate(None, setup)
    return ssc is made[0], failure(
        lambda: StreamingContext.getActiveOrCreate(None, 5), "setupFunc should be callable."
    )


def case_get_or_create_without_checkpoint(sc):
    made = []

    def setup():
        made.append(StreamingContext(sc, 0.2))
        return made[-1]

    ssc = StreamingContext.getOrCreate(new_path("none"), setup)
    return ssc is made[0], len(made)


def case_remember_and_checkpoint_return_nothing(sc):
    ssc = StreamingContext(sc, 0.2)
    return ssc.remember(2), ssc.checkpoint(new_path("checkpoint")), ssc.checkpoint(None)


def case_socket_port_out_of_range(sc):
    ssc = StreamingContext(sc, 0.2)
    return failure(lambda: ssc.socketTextStream("localhost", "9999x"))[0] != "no error"
