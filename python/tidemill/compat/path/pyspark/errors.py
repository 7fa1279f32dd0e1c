"""PySpark's module name for Tidemill's errors; `PySparkException` is their common base."""

from tidemill.errors import TidemillError as PySparkException

__all__ = ["PySparkException"]
