"""PySpark's module name for `tidemill.conf`."""

from tidemill.conf import SparkConf

__all__ = ["SparkConf"]
