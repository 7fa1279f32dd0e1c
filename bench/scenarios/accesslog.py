"""Lines a second of a job that reads a web server's log into a sliding window, over a socket."""

from __future__ import annotations

from peers import Job

from scenarios.throughput import against_pyspark

TITLE = "Access log in a window"
ABOUT = """Lines a second of a job on a log in Apache's combined format, 170 bytes a line: a regular
expression with nine named groups, `map` to status and path (about 1,200 pairs), and
`reduceByKeyAndWindow` with an inverse function, over ten batches of 1 s, every two. 0.1 % of the
lines do not match. Median over the rounds, lowest and highest in parentheses; before, all peers
have come to the same counts for the same lines. PySpark has `local[3]`, a slot for the receiver and
one for each core, and its receiver is limited to 250,000 lines/s, more than
it can process: limited to 200,000 it did less, and so limited it may run out of memory."""

JOB = Job("accesslog", ("--kind", "accesslog"), 250_000)

measure = against_pyspark(JOB, 15.0, agree_total=20_000, least_seconds=30.0).measure
