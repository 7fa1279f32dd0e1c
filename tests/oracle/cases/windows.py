"""Cases: joins of streams and windows over several batches."""

from __future__ import annotations

from probe import failure, new_path
from pyspark.streaming import StreamingContext

PAIRS = [[("a", 1), ("b", 2)], [("a", 3)], [], [("c", 4), ("a", 5)], [("b", 6)]]
LENGTH = 0.2


def add(a, b):
    """The sum of two values."""
    return a + b


def subtract(a, b):
    """What is left of the sum."""
    return a - b


def stream_joins(ssc, out):
    left, right = ssc.queueStream(PAIRS), ssc.queueStream([[("a", "x")], [("b", "y")], []])
    out(left.join(right), "join")
    out(left.leftOuterJoin(right), "left")
    out(left.rightOuterJoin(right), "right")
    out(left.fullOuterJoin(right, 3), "full")


def stream_cogroup(ssc, out):
    left, right = ssc.queueStream(PAIRS), ssc.queueStream([[("a", "x")], [("b", "y")], []])
    out(left.cogroup(right).mapValues(lambda both: tuple(list(side) for side in both)))


def stream_window(ssc, out):
    out(ssc.queueStream([[n] for n in range(1, 6)]).window(3 * LENGTH))
    out.batches = 7


def stream_window_sliding(ssc, out):
    out(ssc.queueStream([[n] for n in range(1, 7)]).window(3 * LENGTH, 2 * LENGTH), "sliding")
    out.batches = 7


def stream_reduce_by_key_and_window(ssc, out):
    out(ssc.queueStream(PAIRS).reduceByKeyAndWindow(add, None, 2 * LENGTH))
    out.batches = 7


def stream_reduce_by_key_and_window_inverse(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    out(ssc.queueStream(PAIRS).reduceByKeyAndWindow(add, subtract, 3 * LENGTH, LENGTH))
    out.batches = 8


def stream_reduce_by_key_and_window_filtered(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    out(
        ssc.queueStream(PAIRS).reduceByKeyAndWindow(
            add, subtract, 5 * LENGTH, LENGTH, 2, lambda pair: pair[1] > 0
        )
    )
    out.batches = 9


def stream_count_by_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    out(ssc.queueStream([[1, 2], [3], [], [4, 5, 6]]).countByWindow(2 * LENGTH, LENGTH))
    out.batches = 6


def stream_count_by_value_and_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    out(ssc.queueStream([["a", "b"], ["a"], [], ["c"]]).countByValueAndWindow(2 * LENGTH, LENGTH))
    out.batches = 6


def stream_reduce_by_window(ssc, out):
    out(ssc.queueStream([[1, 2], [3], [], [4]]).reduceByWindow(add, None, 2 * LENGTH, LENGTH))
    out.batches = 6


def stream_group_by_key_and_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    grouped = ssc.queueStream(PAIRS).groupByKeyAndWindow(2 * LENGTH, LENGTH)
    out(grouped.mapValues(list))
    out.batches = 7


def case_window_errors(sc):
    stream = StreamingContext(sc, 0.5).queueStream([[("a", 1)]])
    return [
        failure(lambda: stream.window(0.7), "windowDuration must be multiple of"),
        failure(lambda: stream.window(1, 0.3), "slideDuration must be multiple of"),
        failure(lambda: stream.countByWindow(1))[0],
    ]
