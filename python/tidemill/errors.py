"""The exceptions of Tidemill and the one function that makes them from what the engine reports.

Every text says what was expected, what came, and what to do. `JobError` and its subclasses are what
PySpark programs know as ``py4j.protocol.Py4JJavaError``. The engine calls `from_engine` and raises
what it returns; ids and the user's own exception stay attributes, they are never only in the text.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RECORD_WIDTH = 200


class TidemillError(Exception):
    """The root of all errors that Tidemill raises itself.

    Examples
    --------
    >>> from tidemill.errors import JobError, TidemillError
    >>> issubclass(JobError, TidemillError)
    True
    """


class JobError(TidemillError):
    """A job failed: a function raised, a worker was lost, a path is missing, a batch failed.

    Attributes
    ----------
    kind : str
        What happened, in one word: ``"user_function"``, ``"worker_lost"``, ``"batch_failed"``, ...
    details : dict
        What the engine knows: partition, stage, attempts, record, batch time in milliseconds, ...

    Examples
    --------
    >>> from tidemill.errors import JobError
    >>> JobError("it broke", "io", {"path": "x"}).details["path"]
    'x'
    """

    def __init__(self, text: str = "", kind: str = "job", details: dict[str, Any] | None = None):
        super().__init__(text)
        self.kind = kind
        self.details = details or {}

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (*self.args, self.kind, self.details))


class IllegalStateError(JobError):
    """A call came at the wrong time, such as a second start.

    Examples
    --------
    >>> raise IllegalStateError("start() was called twice")
    Traceback (most recent call last):
    tidemill.errors.IllegalStateError: start() was called twice
    """


class IllegalArgumentError(JobError, ValueError):
    """A value is not one of those that are allowed.

    Examples
    --------
    >>> raise IllegalArgumentError("expected a port from 1 to 65535, got 70000")
    Traceback (most recent call last):
    tidemill.errors.IllegalArgumentError: expected a port from 1 to 65535, got 70000
    """


class CheckpointError(JobError):
    """A checkpoint directory cannot be read, written, or belongs to something else.

    Examples
    --------
    >>> issubclass(CheckpointError, JobError)
    True
    """


class WorkerLostError(JobError):
    """A worker process died while it ran a task, again after each retry; or all of them did, and
    those started since cannot go on where they were.

    Examples
    --------
    >>> issubclass(WorkerLostError, JobError)
    True
    """


def from_engine(kind: str, details: dict[str, Any]) -> Exception:
    """Make the exception for what the engine reports.

    Parameters
    ----------
    kind : str
        The kind of failure.
    details : dict
        The ids and texts that belong to it.

    Returns
    -------
    Exception
        Not raised yet.

    Examples
    --------
    >>> from_engine("illegal_state", {"message": "the context has been stopped"})
    IllegalStateError('the context has been stopped')
    """
    if kind == "user_function":
        return _user_function(details)
    if kind == "worker_lost":
        return WorkerLostError(_worker_lost_text(details), kind, details)
    if kind == "batch_failed":
        return _batch_failed(details)
    if kind == "path_missing":
        text = details.get("message") or f"Input path does not exist: {details.get('path')}"
        return JobError(text, kind, details)
    family = {
        "all_workers_lost": WorkerLostError,
        "illegal_state": IllegalStateError,
        "illegal_argument": IllegalArgumentError,
        "checkpoint": CheckpointError,
    }.get(kind, JobError)
    return family(str(details.get("message", "")), kind, details)


def shorten(text: str, width: int = RECORD_WIDTH) -> str:
    """Cut a text to a width, saying that it was cut.

    Examples
    --------
    >>> shorten("abcdef", 4)
    'abcd...'
    """
    return text if len(text) <= width else text[:width] + "..."


def describe_time(time_ms: int) -> str:
    """Write a batch time as ``pprint`` does.

    Examples
    --------
    >>> describe_time(1500).endswith(".500000")
    True
    """
    from datetime import datetime

    return str(datetime.fromtimestamp(time_ms / 1000.0))


def _user_function(details: dict[str, Any]) -> JobError:
    lines = ["An exception was raised by Python:", details.get("traceback", "").rstrip("\n")]
    record = details.get("record")
    if record is not None:
        lines.append(f"The record: {shorten(record)}")
    lines.append(_where(details))
    error = JobError("\n".join(lines), "user_function", details)
    error.__cause__ = _load_exception(details.get("exception"))
    return error


def _where(details: dict[str, Any]) -> str:
    attempts = details.get("attempts", 1)
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return f"In partition {details.get('partition')}, after {times}."


def _load_exception(data: bytes | None) -> BaseException | None:
    """Unpickle the user's exception; one that cannot be rebuilt is told by its traceback alone."""
    if not data:
        return None
    import pickle

    try:
        loaded = pickle.loads(data)
    except Exception:
        return None
    return loaded if isinstance(loaded, BaseException) else None


def _worker_lost_text(details: dict[str, Any]) -> str:
    return (
        f"A worker process died while it computed partition {details.get('partition')}, in each of "
        f"{details.get('attempts', 1)} attempts: {details.get('message', '')}. "
        "Look for a crash of an extension module, os._exit, or the system's out-of-memory killer."
    )


def _told(cause: Any) -> str:
    """An exception of a driver-side function with its traceback; ours tell theirs themselves."""
    if isinstance(cause, TidemillError) or not isinstance(cause, BaseException):
        return str(cause)
    from tidemill.failure import users_traceback

    return "An exception was raised by Python:\n" + users_traceback(cause).rstrip()


def _batch_failed(details: dict[str, Any]) -> JobError:
    cause = details.get("cause")
    output = details.get("output")
    place = "" if output is None else f" (output operation {output})"
    time = describe_time(details.get("time_ms", 0))
    text = f"The batch of Time: {time} failed{place}.\n{_told(cause)}"
    error = JobError(text, "batch_failed", details)
    if isinstance(cause, BaseException):
        error.__cause__ = cause.__cause__ if isinstance(cause, JobError) else cause
        error.__cause__ = error.__cause__ or cause
    return error
