"""PySpark's module name for `tidemill.streaming`."""

from tidemill.streaming import DStream, StreamingContext

__all__ = ["DStream", "StreamingContext"]
