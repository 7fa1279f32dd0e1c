"""PySpark's module name for `tidemill.files`."""

from tidemill.files import SparkFiles

__all__ = ["SparkFiles"]
