"""What the benchmark's PySpark programs share: a stream from a socket, and records of progress.

It runs in the driver only; the functions that run on records are in the programs. After each batch
one JSON line is appended to the file that ``BENCH_OUT`` names; ``bench/measure.py`` reads it. The
batch interval in seconds comes from ``BENCH_INTERVAL`` (1 without it).
"""

import json
import os
import sys
import tempfile
import time

from pyspark import SparkContext
from pyspark.streaming import StreamingContext

INTERVAL = float(os.environ.get("BENCH_INTERVAL", "1"))


def run(name, define, output=None, checkpoint=False):
    """Streams lines from the host and port of the command line until the process is stopped.

    Parameters
    ----------
    name
        The name of the application.
    define
        From the stream of lines to the stream whose batches are reported.
    output
        What ``foreachRDD`` calls; the report of each batch's sum without it.
    checkpoint
        Whether the stream needs a checkpoint folder.
    """
    if len(sys.argv) != 3:
        raise SystemExit(f"usage: {sys.argv[0]} HOST PORT")
    streaming = StreamingContext(SparkContext(appName=name), INTERVAL)
    if checkpoint:
        streaming.checkpoint(tempfile.mkdtemp(prefix="checkpoint-"))
    lines = streaming.socketTextStream(sys.argv[1], int(sys.argv[2]))
    define(lines).foreachRDD(output or sums())
    streaming.start()
    streaming.awaitTermination()


def sums(covered=INTERVAL):
    """A function for ``foreachRDD`` that reports the sum of the values so far.

    Parameters
    ----------
    covered
        How many seconds of input each RDD stands for: the interval, or the length of a window.
    """
    so_far = {}

    def report(batch_time, rdd):
        # One key after the other only where programs are to agree: it is not what is measured.
        counts = {str(key): value for key, value in rdd.collect()} if agreeing() else {}
        total = sum(counts.values()) if agreeing() else rdd.values().sum()
        end = round(1000 * batch_time.timestamp())
        before, counts_before = so_far.get(end - round(1000 * covered), (0, {}))
        for key, count in counts_before.items():
            counts[key] = counts.get(key, 0) + count
        so_far[end] = (before + total, counts)
        write(batch_time, *so_far[end])

    return report


def agreeing():
    """Whether the counts of each key are asked for."""
    return os.environ.get("BENCH_COUNTS") == "1"


def write(batch_time, total, counts):
    """Appends the record of a batch that is complete now."""
    line = {"time": batch_time.timestamp(), "now": time.time(), "total": total}
    line["counts"] = {key: count for key, count in counts.items() if count}
    with open(os.environ["BENCH_OUT"], "a") as out:
        out.write(json.dumps(line) + "\n")
