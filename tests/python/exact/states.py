"""Runs update functions over batches, and says what CPython makes of them.

Used by the tests of `updateStateByKey`.
"""

import tempfile
import threading
import time

from tidemill import SparkConf, SparkContext
from tidemill.streaming import StreamingContext

# The values of a key come in so many parts of a batch.
PARTS = 4


def simulated(function, data):
    """Return the state after each batch, as CPython has it, in one partition."""
    state, after = {}, []
    for batch in data:
        came = {}
        for key, value in batch:
            came.setdefault(key, []).append(value)
        kept = {key: function(came.pop(key, []), old) for key, old in state.items()}
        kept.update({key: function(values, None) for key, values in came.items()})
        state = {key: new for key, new in kept.items() if new is not None}
        after.append(list(state.items()))
    return after


def calm(function, data):
    """Return the states if no call raises, else None."""
    try:
        return simulated(function, data)
    except Exception:
        return None


def run(functions, data, mode="auto", folder=None):
    """Return the states after each batch by function, and what `explain` says.

    With a folder, it goes on from the checkpoint there, and leaves one.
    """
    conf = SparkConf().setMaster("local[2]").setAppName("states")
    conf.set("tidemill.python.compile", mode)
    with SparkContext(conf=conf) as sc, tempfile.TemporaryDirectory() as fresh:
        found, done = {function.__name__: [] for function in functions}, threading.Event()

        def keep(name, last):
            def take(rdd):
                if len(found[name]) < len(data):
                    found[name].append(rdd.collect())
                elif last:
                    done.set()

            return take

        def setup():
            ssc = StreamingContext(sc, 0.02)
            ssc.checkpoint(folder or fresh)
            stream = ssc.queueStream([sc.parallelize(batch, PARTS) for batch in data])
            for function in functions:
                states = stream.updateStateByKey(function, 1)
                states.foreachRDD(keep(function.__name__, function is functions[-1]))
            return ssc

        ssc = StreamingContext.getOrCreate(folder or fresh, setup)
        ssc.start()
        try:
            end = time.monotonic() + 60
            while not done.is_set():
                assert time.monotonic() < end, "no more batches"
                ssc.awaitTerminationOrTimeout(0.02)
            return found, "\n".join(sc._engine.explain())
        finally:
            ssc.stop(stopSparkContext=False, stopGraceFully=folder is not None)
