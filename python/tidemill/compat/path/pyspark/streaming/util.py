"""PySpark's module name for the file names of `DStream.saveAsTextFiles`."""

from tidemill.streaming.dstream import batch_path as rddToFileName

__all__ = ["rddToFileName"]
