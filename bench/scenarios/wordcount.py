"""Lines a second of a word count over a socket, with many different words."""

from __future__ import annotations

from peers import Job

from scenarios.throughput import against_pyspark

TITLE = "Word count over a socket"
ABOUT = """Lines a second of a word count, `flatMap(lambda line: line.split(" "))`, `map`,
`reduceByKey` in batches of 1 s: ten words a line on average, 50,000 different ones that come as
often as Zipf's law has it. The output operation adds the counts of a batch up. Median over the
rounds, lowest and highest in parentheses; before, all peers have come to the same counts for the
same lines. PySpark has `local[3]`, a slot for the receiver and one for each core, and its receiver
is limited to 250,000 lines/s, more than it can process: limited to 170,000 it did less,
limited to 350,000 no more."""

JOB = Job("wordcount", ("--kind", "words50k"), 250_000)

measure = against_pyspark(JOB, 25.0, agree_total=200_000).measure
