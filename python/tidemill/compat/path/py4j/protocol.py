"""The errors that PySpark programs catch; a failed job or batch is a `Py4JJavaError`."""

from tidemill.errors import JobError as Py4JJavaError
from tidemill.errors import TidemillError as Py4JError


class Py4JNetworkError(Py4JError):
    """Lost connection to the Java side; never raised, since there is none."""


__all__ = ["Py4JError", "Py4JJavaError", "Py4JNetworkError"]
