"""Lines a second of a job that reads JSON, over a socket."""

from __future__ import annotations

from peers import Job

from scenarios.throughput import against_pyspark

TITLE = "JSON lines over a socket"
ABOUT = """Lines a second of a job on a shop's events, a JSON object of 150 bytes a line:
`map(json.loads)`, `filter` on the kind of event (a quarter passes), `map` to country and amount,
`reduceByKey`, in batches of 1 s; in 1 % of the lines a name is not ASCII or has an escape. The
lines are counted by the amounts, which the lines of the feed have the same sum of in every round.
Median over the rounds, lowest and highest in parentheses; before, all peers have come to the same
sums for the same lines. PySpark has `local[3]`, a slot for the receiver and one for each core, and
its receiver is limited to 400,000 lines/s, more than it can process: limited to
250,000 it did less, limited to 550,000 it gave no result within three minutes."""

JOB = Job("jsonlines", ("--kind", "json"), 400_000)

# All lines that the feed has, since the speed is had from what they sum up to.
measure = against_pyspark(JOB, 20.0, agree_lines=65_536).measure
