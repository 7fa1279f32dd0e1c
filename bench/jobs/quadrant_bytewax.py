"""The quadrant count on Bytewax: one worker, points from a socket, running counts per quadrant.

``python -m bytewax.run quadrant_bytewax:flow`` with ``BENCH_HOST`` and ``BENCH_PORT`` set. The
source hands over as many lines as one read brings and the state is updated once per batch and key,
the fastest of Bytewax's stateful operators for this. Started by ``bench/peers.py``.
"""

import os
import socket

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from quadrant_function import Progress, get_quadrant


class SocketPartition(StatelessSourcePartition):
    """Lines from one connection, a batch for each read."""

    def __init__(self, host, port):
        self._connection = socket.create_connection((host, port))
        self._connection.setblocking(False)
        self._rest = ""

    def next_batch(self):
        """The lines that have come, or none."""
        try:
            data = self._connection.recv(1 << 16)
        except BlockingIOError:
            return []
        if not data:
            raise StopIteration
        lines = (self._rest + data.decode("utf-8", "replace")).split("\n")
        self._rest = lines.pop()
        return lines


class SocketSource(DynamicSource):
    """Connects once, since there is one worker."""

    def build(self, step_id, worker_index, worker_count):
        """The partition of the only worker."""
        return SocketPartition(os.environ["BENCH_HOST"], int(os.environ["BENCH_PORT"]))


class RunningCount(StatefulBatchLogic):
    """The running count of one quadrant."""

    def __init__(self, count):
        self._count = count or 0

    def on_batch(self, values):
        """Adds a batch's ones and emits the new count."""
        self._count += sum(values)
        return ([self._count], StatefulBatchLogic.RETAIN)

    def snapshot(self):
        """The count, for recovery."""
        return self._count


class ReportPartition(StatelessSinkPartition):
    """Keeps the newest count of each quadrant and reports them."""

    def __init__(self):
        self._progress = Progress()
        self._counts = {}

    def write_batch(self, items):
        """Takes the counts that have changed."""
        self._counts.update(items)
        self._progress.report(self._counts)


class ReportSink(DynamicSink):
    """Writes what ``bench/measure.py`` reads."""

    def build(self, step_id, worker_index, worker_count):
        """The partition of the only worker."""
        return ReportPartition()


flow = Dataflow("quadrant_count")
points = op.input("points", flow, SocketSource())
quadrants = op.map("quadrant", points, get_quadrant)
totals = op.stateful_batch("count", quadrants, RunningCount)
op.output("report", totals, ReportSink())
