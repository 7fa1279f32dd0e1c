"""Run every case against whatever ``pyspark`` is importable and write the answers as JSON.

    python run_cases.py ANSWERS.json [NAME_PART]

The file written maps each case to the ``repr`` of its answer. One SparkContext serves all cases;
each stream case has its own StreamingContext and a fixed number of batches. ``test_oracle.py`` runs
this file once under PySpark and once under ``tidemill submit`` and compares the two.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import traceback

import cases
from probe import Outputs, kind
from pyspark import SparkConf, SparkContext
from pyspark.streaming import StreamingContext

INTERVAL = 0.2
STREAM_DEADLINE = 90.0


def run_stream(case, sc):
    """Run a stream case for its number of batches and return what they gave."""
    out = Outputs()
    ssc = StreamingContext(sc, INTERVAL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            after = case(ssc, out)
            ssc.queueStream([[0]]).foreachRDD(lambda rdd: out.tick())
            ssc.start()
            wait_for_picture(out)
        finally:
            ssc.stop(stopSparkContext=False, stopGraceFully=False)
    rows, notes, text = out.picture
    answer = {name: batches for name, batches in sorted(rows.items())}
    return answer, notes, text, after(ssc) if after else None


def wait_for_picture(out):
    """Wait until the last batch wanted is done."""
    deadline = time.monotonic() + STREAM_DEADLINE
    while out.picture is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{out.ticks} of {out.batches} batches in {STREAM_DEADLINE} s")
        time.sleep(0.01)


def answer_of(name, case, sc):
    """Return the answer of one case as text; an error is an answer too."""
    try:
        if name.startswith("stream_"):
            return repr(run_stream(case, sc))
        return repr(case(sc))
    except Exception as error:
        traceback.print_exc()
        return f"{kind(error)}: {error}"[:2000]


def main():
    """Run the cases whose name has the part asked for (all by default)."""
    path, part = sys.argv[1], (sys.argv[2:] or [""])[0]
    conf = SparkConf().setMaster("local[2]").setAppName("oracle")
    conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
    sc = SparkContext(conf=conf)
    sc.setLogLevel("ERROR")
    answers = {}
    for name, case in cases.found():
        if part in name:
            began = time.monotonic()
            answers[name] = answer_of(name, case, sc)
            print(f"{time.monotonic() - began:6.2f} s {name}", file=sys.stderr, flush=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(answers, file, indent=1)
    sc.stop()


if __name__ == "__main__":
    main()
