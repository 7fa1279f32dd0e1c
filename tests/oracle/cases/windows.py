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


# Keys that leave and come back, batches with nothing, two values of a key in a batch.
RETURNING = [
    [("a", 1), ("b", 2), ("a", 10)],
    [("a", 3)],
    [],
    [("c", 4)],
    [("b", 6)],
    [],
    [],
    [("b", 7), ("d", 1), ("a", 8)],
    [("c", 9)],
]
LONG = 5 * LENGTH


def reduced(ssc, out, batches, *arguments, length=LONG, slide=LENGTH):
    """Watch a windowed reduction of some batches until everything has left."""
    ssc.checkpoint(new_path("checkpoint"))
    reduce, inverse, *others = arguments
    out(ssc.queueStream(batches).reduceByKeyAndWindow(reduce, inverse, length, slide, *others))
    out.batches = 11


def stream_inverse_of_a_long_window(ssc, out):
    reduced(ssc, out, RETURNING, add, subtract)


def stream_inverse_with_a_filter(ssc, out):
    reduced(ssc, out, RETURNING, add, subtract, 2, lambda pair: pair[1] > 0)


def stream_inverse_of_a_short_window(ssc, out):
    reduced(ssc, out, RETURNING, add, subtract, 2, lambda pair: pair[1] > 2, length=4 * LENGTH)


def stream_inverse_every_second_batch_filtered(ssc, out):
    slide = 2 * LENGTH
    keep = lambda pair: pair[1] > 0  # noqa: E731
    reduced(ssc, out, RETURNING, add, subtract, 2, keep, length=10 * LENGTH, slide=slide)
    out.batches = 16


def stream_inverse_of_floats_drifts(ssc, out):
    batches = [[("a", 0.1 * n), ("b", 1e16 if n == 2 else 0.7)] for n in range(8)]
    reduced(ssc, out, batches, add, subtract)


def stream_inverse_of_none(ssc, out):
    """What left and is None is not taken out."""
    either = lambda a, b: a if b is None else b  # noqa: E731
    batches = [[("a", None)], [("a", 1), ("b", None)], [("a", None)], [("b", 2)]]
    reduced(ssc, out, batches, either, lambda a, b: (a, b))


def stream_inverse_is_not_commutative(ssc, out):
    """The calls and their arguments, written into the values."""
    put = lambda a, b: f"({a}+{b})"  # noqa: E731
    batches = [[("a", n), ("a", -n)] for n in range(1, 8)]
    reduced(ssc, out, batches, put, lambda a, b: f"({a}-{b})")


def stream_inverse_is_not_commutative_every_second_batch(ssc, out):
    put = lambda a, b: f"({a}+{b})"  # noqa: E731
    batches = [[("a", n)] for n in range(1, 14)]
    length, slide = 10 * LENGTH, 2 * LENGTH
    reduced(ssc, out, batches, put, lambda a, b: f"({a}-{b})", length=length, slide=slide)
    out.batches = 16


def stream_inverse_that_raises(ssc, out):
    def fails(a, b):
        raise ValueError("no way back")

    ssc.checkpoint(new_path("checkpoint"))
    pairs = ssc.queueStream([[("a", 1)]] * 8)
    window = pairs.reduceByKeyAndWindow(add, fails, LONG, LENGTH)
    window.foreachRDD(lambda rdd: out.note(rdd.collect()))
    out.batches = 8
    return lambda ssc: failure(lambda: ssc.awaitTermination(), "no way back")


def stream_reduce_by_long_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    stream = ssc.queueStream([[1, 2], [3], [], [4]])
    out(stream.reduceByWindow(add, subtract, LONG, LENGTH), "inverse")
    out(stream.reduceByWindow(max, None, LONG, LENGTH), "anew")
    out.batches = 11


def stream_count_by_long_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    out(ssc.queueStream([[], [], [1, 2], [3], [], [4, 5, 6]]).countByWindow(LONG, LENGTH))
    out.batches = 13


def stream_count_by_value_and_long_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    batches = [["a", "b"], ["a"], [], ["c", "a"], [], [], [], ["b"]]
    out(ssc.queueStream(batches).countByValueAndWindow(LONG, LENGTH, 3))
    out.batches = 11


def stream_group_by_key_and_long_window(ssc, out):
    ssc.checkpoint(new_path("checkpoint"))
    grouped = ssc.queueStream(RETURNING).groupByKeyAndWindow(LONG, LENGTH)
    out(grouped.mapValues(list))
    out.batches = 11


def case_window_errors(sc):
    stream = StreamingContext(sc, 0.5).queueStream([[("a", 1)]])
    return [
        failure(lambda: stream.window(0.7), "windowDuration must be multiple of"),
        failure(lambda: stream.window(1, 0.3), "slideDuration must be multiple of"),
        failure(lambda: stream.countByWindow(1))[0],
    ]
