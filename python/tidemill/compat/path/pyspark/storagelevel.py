"""PySpark's module name for `tidemill.storagelevel`."""

from tidemill.storagelevel import StorageLevel

__all__ = ["StorageLevel"]
