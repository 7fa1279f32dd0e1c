"""PySpark's module name for `tidemill.broadcast`."""

from tidemill.broadcast import Broadcast

__all__ = ["Broadcast"]
