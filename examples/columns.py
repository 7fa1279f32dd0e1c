"""Classify points a column at a time: numpy sees whole Arrow batches, not point after point.

    pip install 'tidemill[arrow]' numpy
    python columns.py

What the function returns are typed records, so the counting that follows is compiled.
"""

import time

import numpy as np
import pyarrow as pa

from tidemill import SparkContext
from tidemill.streaming import StreamingContext


def classify(batch):
    # Columns of tuples are called _1, _2, ...; these are views of memory, not copies
    x, y = batch["_1"].to_numpy(), batch["_2"].to_numpy()
    near = np.hypot(x, y) < 2.0
    names = np.where(near, "near", "far")
    return pa.RecordBatch.from_pydict({"_1": pa.array(names), "_2": near.size * [1]})


if __name__ == "__main__":
    sc = SparkContext("local[2]", "Columns")
    ssc = StreamingContext(sc, 0.5)

    generator = np.random.default_rng(7)
    points = [(float(x), float(y)) for x, y in generator.uniform(-3, 3, (1000, 2))]
    stream = ssc.queueStream([points] * 3)
    counts = stream.mapArrow(classify).reduceByKey(lambda a, b: a + b)
    counts.pprint()

    ssc.start()
    time.sleep(3)
    ssc.stop(stopSparkContext=True, stopGraceFully=True)
