"""The benchmark's streaming job: counts points per quadrant, as an ordinary PySpark program.

Runs unchanged on PySpark and on Tidemill: ``... quadrant.py HOST PORT``. The batch interval in
seconds comes from ``BENCH_INTERVAL`` (1 without it). After each batch one JSON line with the totals
is appended to the file that ``BENCH_OUT`` names; ``bench/measure.py`` reads it. Started by
``bench/peers.py``.
"""

import json
import os
import sys
import tempfile
import time

from pyspark import SparkContext
from pyspark.streaming import StreamingContext


def get_quadrant(line):
    """The name of the quadrant that the point in a line lies in, with a 1 to count it by."""
    try:
        (x, y) = [float(number) for number in line.split()]
    except ValueError:
        return ("Invalid points", 1)
    if x > 0 and y > 0:
        quadrant = "First quadrant"
    elif x < 0 and y > 0:
        quadrant = "Second quadrant"
    elif x < 0 and y < 0:
        quadrant = "Third quadrant"
    elif x > 0 and y < 0:
        quadrant = "Fourth quadrant"
    elif x == 0 and y != 0:
        quadrant = "Lies on Y axis"
    elif x != 0 and y == 0:
        quadrant = "Lies on X axis"
    else:
        quadrant = "Origin"
    return (quadrant, 1)


def add(new_values, running_count):
    """The running count of a quadrant with a batch's points added."""
    return sum(new_values) + (running_count or 0)


def report_to(path):
    """A function for ``foreachRDD`` that appends each batch's totals to the file at ``path``."""

    def report(batch_time, rdd):
        counts = dict(rdd.collect())
        line = {"time": batch_time.timestamp(), "now": time.time()}
        line.update(total=sum(counts.values()), counts=counts)
        with open(path, "a") as out:
            out.write(json.dumps(line) + "\n")

    return report


def main():
    """Sets the stream up and runs until the process is stopped."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: quadrant.py HOST PORT")
    context = SparkContext(appName="QuadrantCount")
    streaming = StreamingContext(context, float(os.environ.get("BENCH_INTERVAL", "1")))
    streaming.checkpoint(tempfile.mkdtemp(prefix="quadrant-checkpoint-"))
    lines = streaming.socketTextStream(sys.argv[1], int(sys.argv[2]))
    totals = lines.map(get_quadrant).updateStateByKey(add)
    totals.foreachRDD(report_to(os.environ["BENCH_OUT"]))
    streaming.start()
    streaming.awaitTermination()


if __name__ == "__main__":
    main()
