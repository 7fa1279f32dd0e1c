"""PySpark's package name, for Tidemill: `from pyspark import SparkContext` gives Tidemill's.

On the import path only after `tidemill.compat.install()` or in `tidemill submit`. Every name is
Tidemill's own object; a module that is not here is reported by `tidemill.compat.missing`.
"""

from tidemill.accumulators import Accumulator, AccumulatorParam
from tidemill.broadcast import Broadcast
from tidemill.compat.missing import announce
from tidemill.conf import SparkConf
from tidemill.context import SPARK_VERSION, SparkContext
from tidemill.files import SparkFiles
from tidemill.rdd import RDD
from tidemill.storagelevel import StorageLevel
from tidemill.taskcontext import TaskContext

announce()

__version__ = SPARK_VERSION

__all__ = [
    "RDD",
    "Accumulator",
    "AccumulatorParam",
    "Broadcast",
    "SparkConf",
    "SparkContext",
    "SparkFiles",
    "StorageLevel",
    "TaskContext",
]
