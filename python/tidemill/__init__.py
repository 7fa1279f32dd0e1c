"""Tidemill: Spark Streaming's programming model on a Rust engine, with PySpark's Python API.

Public names are loaded on first use: worker processes import this package too, and must start in a
few milliseconds, so importing ``tidemill`` alone must stay free of cost.

Examples
--------
>>> from tidemill import SparkConf
>>> SparkConf(loadDefaults=False).setAppName("demo").get("spark.app.name")
'demo'
"""

from __future__ import annotations

__version__ = "0.1.0"

_HOMES = {
    "Accumulator": "accumulators",
    "AccumulatorParam": "accumulators",
    "Broadcast": "broadcast",
    "CheckpointError": "errors",
    "IllegalArgumentError": "errors",
    "IllegalStateError": "errors",
    "JobError": "errors",
    "RDD": "rdd",
    "SparkConf": "conf",
    "SparkContext": "context",
    "SparkFiles": "files",
    "StorageLevel": "storagelevel",
    "TaskContext": "taskcontext",
    "TidemillError": "errors",
}

__all__ = [
    "RDD",
    "Accumulator",
    "AccumulatorParam",
    "Broadcast",
    "CheckpointError",
    "IllegalArgumentError",
    "IllegalStateError",
    "JobError",
    "SparkConf",
    "SparkContext",
    "SparkFiles",
    "StorageLevel",
    "TaskContext",
    "TidemillError",
    "__version__",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tidemill.accumulators import Accumulator, AccumulatorParam
    from tidemill.broadcast import Broadcast
    from tidemill.conf import SparkConf
    from tidemill.context import SparkContext
    from tidemill.errors import (
        CheckpointError,
        IllegalArgumentError,
        IllegalStateError,
        JobError,
        TidemillError,
    )
    from tidemill.files import SparkFiles
    from tidemill.rdd import RDD
    from tidemill.storagelevel import StorageLevel
    from tidemill.taskcontext import TaskContext


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tidemill' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"tidemill.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
