"""Lines a second of a job whose work is numpy's, over a socket."""

from __future__ import annotations

from peers import Job

from scenarios.throughput import against_pyspark

TITLE = "A function of numpy's over a socket"
ABOUT = """Lines a second of a job that no compiler of Python does anything for: `mapPartitions`
with a function that has numpy read eight decimal numbers a line and find the strongest frequency of
each line by a Fourier transform, then `reduceByKey`, in batches of 1 s. What numpy does is the same
on both; the difference is in how the lines get there. Median over the rounds, lowest and highest in
parentheses; before, all peers have come to the same counts for the same lines. PySpark has
`local[3]`, a slot for the receiver and one for each core, and its receiver is limited to 800,000
lines/s, more than it can process."""

JOB = Job("numpyjob", ("--kind", "numbers"), 800_000, numpy=True)

measure = against_pyspark(JOB, 2.0, agree_total=20_000).measure
