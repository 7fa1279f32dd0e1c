"""PySpark's module name for `tidemill.taskcontext`."""

from tidemill.taskcontext import TaskContext

__all__ = ["TaskContext"]
