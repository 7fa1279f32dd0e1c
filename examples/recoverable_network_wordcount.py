"""Count words, drop the most common ones, append the rest to a file, and go on after a crash.

Start a server (`nc -lk 9999`), then run

    tidemill submit recoverable_network_wordcount.py localhost 9999 checkpoint/ counts.txt

Kill it and start it again: it goes on from the checkpoint. A PySpark program; broadcast variables
and accumulators are not part of a checkpoint, so they are made when they are first needed.
"""

import os
import sys
from operator import add

from pyspark import SparkContext
from pyspark.streaming import StreamingContext


def get_dropped_words(sc):
    if "droppedWords" not in globals():
        globals()["droppedWords"] = sc.broadcast({"a", "b", "c"})
    return globals()["droppedWords"]


def get_dropped_count(sc):
    if "droppedCount" not in globals():
        globals()["droppedCount"] = sc.accumulator(0)
    return globals()["droppedCount"]


def create_context(host, port, output_path):
    # Seen only when there is no checkpoint (with Tidemill, whenever the program starts).
    print("Creating new context")
    sc = SparkContext(appName="RecoverableNetworkWordCount")
    ssc = StreamingContext(sc, 1)

    words = ssc.socketTextStream(host, port).flatMap(lambda line: line.split(" "))
    counts = words.map(lambda word: (word, 1)).reduceByKey(add)

    def write(time, rdd):
        dropped_words = get_dropped_words(rdd.context)
        dropped_count = get_dropped_count(rdd.context)

        def keep(pair):
            if pair[0] in dropped_words.value:
                dropped_count.add(pair[1])
                return False
            return True

        line = f"Counts at time {time} {rdd.filter(keep).collect()}"
        print(line)
        print(f"Dropped {dropped_count.value} word(s) totally")
        print(f"Appending to {os.path.abspath(output_path)}")
        with open(output_path, "a") as file:
            file.write(line + "\n")

    counts.foreachRDD(write)
    return ssc


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(
            "Usage: recoverable_network_wordcount.py <hostname> <port> <checkpoint> <output>",
            file=sys.stderr,
        )
        sys.exit(-1)
    hostname, port, checkpoint, output = sys.argv[1:]
    if os.path.exists(output) and not os.path.exists(checkpoint):
        os.remove(output)
    ssc = StreamingContext.getOrCreate(
        checkpoint, lambda: create_context(hostname, int(port), output)
    )
    ssc.start()
    ssc.awaitTermination()
