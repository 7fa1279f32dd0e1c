"""Count the words that a TCP server sends in each second: a PySpark program.

Start a server (`nc -lk 9999`), then run

    tidemill submit network_wordcount.py localhost 9999
"""

import sys
from operator import add

from pyspark import SparkContext
from pyspark.streaming import StreamingContext

if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("Usage: network_wordcount.py <hostname> <port>", file=sys.stderr)
        sys.exit(-1)
    hostname, port = sys.argv[1], int(sys.argv[2])

    sc = SparkContext(appName="NetworkWordCount")
    ssc = StreamingContext(sc, 1)

    words = ssc.socketTextStream(hostname, port).flatMap(lambda line: line.split(" "))
    words.map(lambda word: (word, 1)).reduceByKey(add).pprint()

    ssc.start()
    ssc.awaitTermination()
