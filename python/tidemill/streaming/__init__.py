"""Streams of RDDs: a program describes what to do with each mini-batch, the engine runs it.

The public names are `StreamingContext` and `DStream`, with PySpark's signatures. The engine
(`tidemill._engine.Streaming`) owns the clock, the receivers and the state; the classes here
describe the graph to it and run the driver-side functions that it calls back.
"""

from tidemill.streaming.context import StreamingContext
from tidemill.streaming.dstream import DStream, TransformedDStream

__all__ = ["DStream", "StreamingContext", "TransformedDStream"]
