"""PySpark's module name for `tidemill.rdd`."""

from tidemill.rdd import RDD, PipelinedRDD, portable_hash

__all__ = ["RDD", "PipelinedRDD", "portable_hash"]
