"""Count all words that a TCP server has sent so far, from given counts on: a PySpark program.

Start a server (`nc -lk 9999`), then run

    tidemill submit stateful_network_wordcount.py localhost 9999
"""

import sys

from pyspark import SparkContext
from pyspark.streaming import StreamingContext


def add_to_total(new_values, total):
    return sum(new_values) + (total or 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("Usage: stateful_network_wordcount.py <hostname> <port>", file=sys.stderr)
        sys.exit(-1)
    hostname, port = sys.argv[1], int(sys.argv[2])

    sc = SparkContext(appName="StatefulNetworkWordCount")
    ssc = StreamingContext(sc, 1)
    ssc.checkpoint("checkpoint")

    initial = sc.parallelize([("hello", 1), ("world", 1)])
    words = ssc.socketTextStream(hostname, port).flatMap(lambda line: line.split(" "))
    totals = words.map(lambda word: (word, 1)).updateStateByKey(add_to_total, initialRDD=initial)
    totals.pprint()

    ssc.start()
    ssc.awaitTermination()
