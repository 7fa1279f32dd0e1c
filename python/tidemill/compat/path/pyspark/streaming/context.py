"""PySpark's module name for `tidemill.streaming.context`."""

from tidemill.streaming.context import StreamingContext

__all__ = ["StreamingContext"]
