"""Points a second of the article's quadrant count over a socket, for every peer."""

from __future__ import annotations

from peers import QUADRANT

from scenarios.throughput import Throughput, Wanted

TITLE = "Quadrant count over a socket"
ABOUT = """Points a second of the article's program (points per quadrant, running counts by
`updateStateByKey`, batches of 1 s) on a feed that sends points as fast as they are taken, 0.1 % of
them bad lines and 1 % on an axis or at the origin. Median over the rounds, lowest and highest in
parentheses. Before the clock runs, every program has counted the same points and come to the same
counts. In Spark the receiver takes one of the slots, so that `local[2]` has one left for the work
and `local[3]` two; its receiver is limited to 400,000 points/s, more than it can process, because
without a limit it fills the memory and gets slower still."""

JOB = QUADRANT

measure = Throughput(
    JOB,
    (
        "hand_loop",
        "tidemill_rust",
        "tidemill",
        "tidemill_interpreted",
        "pyspark",
        "pyspark3",
        "bytewax",
        "cpython",
    ),
    (
        Wanted(
            "the Rust front end reaches 0.7 of the hand-written loop",
            "tidemill_rust",
            "hand_loop",
            0.7,
        ),
        Wanted(
            "the Python front end, function interpreted, reaches 3 times PySpark",
            "tidemill_interpreted",
            "pyspark",
            3.0,
        ),
        Wanted(
            "the Python front end, compiled, reaches 40 times PySpark", "tidemill", "pyspark", 40.0
        ),
        Wanted(
            "the Python front end, compiled, reaches 0.6 of the hand-written loop",
            "tidemill",
            "hand_loop",
            0.6,
        ),
    ),
    unit="points",
    compared=(("hand_loop", "the hand loop"), ("pyspark", "PySpark")),
    agree_total=20_000,
).measure
