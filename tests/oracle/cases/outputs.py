"""Cases: what is printed and saved, batch by batch."""

from __future__ import annotations

import os
import re
import tempfile

from probe import failure, listing

SIZES = [list(range(n)) for n in (9, 10, 11, 0)]


def stream_pprint(ssc, out):
    ssc.queueStream(SIZES).pprint()


def stream_pprint_some(ssc, out):
    ssc.queueStream(SIZES).pprint(3)


def stream_pprint_none(ssc, out):
    ssc.queueStream([[1], []]).pprint(0)


def stream_pprint_more_than_there_are(ssc, out):
    ssc.queueStream(SIZES).pprint(num=100)


def stream_pprint_types(ssc, out):
    values = ["text", "", "é日😀", "two\nlines", None, True, 1.0, -0.0, 1e100, b"\xff"]
    ssc.queueStream([values, [("a", 1), (None, (1,)), [1, "x"], {"k": 2}, {3}, ...]]).pprint()


def stream_pprint_partitions(ssc, out):
    rdds = [ssc.sparkContext.parallelize(range(30), n) for n in (1, 4, 10, 30)]
    ssc.queueStream(rdds).pprint()


def stream_pprint_two_streams(ssc, out):
    stream = ssc.queueStream([[1, 2], [3]])
    stream.pprint()
    stream.map(lambda n: (n, "x")).pprint(1)


def stream_pprint_word_count(ssc, out):
    words = ssc.queueStream([["the cat and the dog"], ["a dog"], []]).flatMap(str.split)
    words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b).pprint()


def stream_print_in_output_function(ssc, out):
    ssc.queueStream([[1], [2]]).foreachRDD(lambda rdd: print("got", rdd.collect()))


def saved_folders(folder):
    """Return the folders saved with their time masked, in order of time, and what each holds."""
    names = sorted(os.listdir(folder))
    return [
        (re.sub(r"\d{13}", "<ms>", name), listing(os.path.join(folder, name))) for name in names
    ]


def stream_save_as_text_files(ssc, out):
    folder = tempfile.mkdtemp(prefix="tidemill-oracle-")
    ssc.queueStream([[1, ("a", 2)], ["é", None], []]).saveAsTextFiles(os.path.join(folder, "p"))
    return lambda _: saved_folders(folder)[:4]


def stream_save_as_text_files_suffix(ssc, out):
    folder = tempfile.mkdtemp(prefix="tidemill-oracle-")
    stream = ssc.queueStream([[1, 2, 3]])
    stream.repartition(1).saveAsTextFiles(os.path.join(folder, "p"), "txt")
    return lambda _: saved_folders(folder)[:2]


def stream_failing_output(ssc, out):
    """A failing output stops neither the outputs after it nor later batches."""

    def fail(rdd):
        if rdd.collect() == [2]:
            raise ValueError("no two")

    stream = ssc.queueStream([[1], [2], [3], [4]])
    stream.foreachRDD(fail)
    out(stream)
    texts = ("An exception was raised by Python:", "in fail", "ValueError: no two")
    return lambda ssc: [failure(lambda: ssc.awaitTermination(1), *texts) for _ in range(2)]


def stream_failing_record(ssc, out):
    stream = ssc.queueStream([[1], [0], [2]]).map(lambda n: 10 // n)
    stream.foreachRDD(lambda rdd: out.note(rdd.collect()))
    out.batches = 4
    return lambda ssc: failure(
        lambda: ssc.awaitTerminationOrTimeout(1),
        "ZeroDivisionError",
        "An exception was raised by Python:",
    )


def stream_failing_transform(ssc, out):
    def fail(rdd):
        if rdd.collect() == [1]:
            raise ValueError("not the first")
        return rdd

    stream = ssc.queueStream([[1], [2], [3], [4], [5]])
    stream.transform(fail).foreachRDD(lambda rdd: out.note(rdd.collect()))
    out.batches = 3
    return lambda ssc: failure(lambda: ssc.awaitTermination(1), "in fail", "not the first")


def stream_error_comes_back_from_every_wait(ssc, out):
    def fail(rdd):
        if rdd.collect() == [1]:
            raise KeyError("once")

    ssc.queueStream([[1], [2]]).foreachRDD(fail)
    out.batches = 2
    return lambda ssc: [
        failure(lambda: ssc.awaitTerminationOrTimeout(0.1), "once") for _ in range(3)
    ]
