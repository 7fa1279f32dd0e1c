"""PySpark's module name for `tidemill.streaming.dstream`."""

from tidemill.streaming.dstream import DStream, TransformedDStream

__all__ = ["DStream", "TransformedDStream"]
