"""PySpark's module name for `tidemill.statcounter`."""

from tidemill.statcounter import StatCounter

__all__ = ["StatCounter"]
