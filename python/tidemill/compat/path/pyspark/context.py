"""PySpark's module name for `tidemill.context`."""

from tidemill.context import SparkContext

__all__ = ["SparkContext"]
