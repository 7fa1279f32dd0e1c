"""PySpark's module name for `tidemill.resultiterable`."""

from tidemill.resultiterable import ResultIterable

__all__ = ["ResultIterable"]
