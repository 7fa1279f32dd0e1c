"""Count the last digits of numbers that come from a queue, without a server: a PySpark program.

tidemill submit queue_stream.py
"""

import time
from operator import add

from pyspark import SparkContext
from pyspark.streaming import StreamingContext

if __name__ == "__main__":
    sc = SparkContext(appName="QueueStream")
    ssc = StreamingContext(sc, 1)

    queue = [sc.parallelize(range(1, 1001), 10) for _ in range(5)]
    numbers = ssc.queueStream(queue)
    numbers.map(lambda number: (number % 10, 1)).reduceByKey(add).pprint()

    ssc.start()
    time.sleep(6)
    ssc.stop(stopSparkContext=True, stopGraceFully=True)
