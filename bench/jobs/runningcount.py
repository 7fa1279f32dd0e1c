"""The benchmark's large state: running counts of many keys; ``... runningcount.py HOST PORT``.

Every batch shows ten of them, as ``pprint`` does. Until there are as many keys as ``BENCH_KEYS``
says, they are counted too, and the record's total is their number; afterwards it stays. With
``BENCH_COUNTS=1`` all counts are shown, and the total is their sum.
"""

import os

from job import INTERVAL, agreeing, run, write

# Every tenth batch, as Spark's guide advises, and as in Spark not more often than every 10 s.
CHECKPOINT = max(10.0, 10 * INTERVAL)


def add(new_values, running_count):
    """The running count of a word with a batch's counts added."""
    return sum(new_values) + (running_count or 0)


def count(lines):
    """How often each word came so far."""
    words = lines.flatMap(lambda line: line.split(" "))
    totals = words.map(lambda w: (w, 1)).updateStateByKey(add)
    totals.checkpoint(CHECKPOINT)
    return totals


def first_ten():
    """A function for ``foreachRDD`` that takes ten records."""
    wanted = int(os.environ.get("BENCH_KEYS", "0"))
    known = 0

    def report(batch_time, rdd):
        nonlocal known
        if agreeing():
            counts = dict(rdd.collect())
            write(batch_time, sum(counts.values()), counts)
            return
        if known < wanted:
            known = rdd.count()
        write(batch_time, known, dict(rdd.take(10)))

    return report


if __name__ == "__main__":
    run("RunningCount", count, first_ten(), checkpoint=True)
