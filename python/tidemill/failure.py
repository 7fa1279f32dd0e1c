"""What the worker tells the driver when a task fails: type, message, the user's traceback, the
record, the exception.

The record is the local variable ``record`` of the innermost operator frame of the traceback; frames
of Tidemill itself are left out of the traceback text. Called by the worker, and for errors of
driver-side functions, after something
raised, so that nothing here costs time while all goes well.
"""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

from tidemill import ops, serializers
from tidemill.errors import shorten
from tidemill.shared import TaskEndedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def describe(error: BaseException) -> tuple[dict[str, Any], list[bytes]]:
    """Return the reply header and blobs for a task that raised `error`.

    A generator raises once and is then at its end: where it was used after its task, a second
    attempt would find nothing and be content.
    """
    frames = _frames(error)
    place = _innermost_operator(frames)
    error = _explain(error, place, frames)
    text, record, pickled = users_traceback(error), _record(place, frames), _pickled(error)
    header = {
        "ok": False,
        "type": type(error).__name__,
        "message": _readable(_text(error)),
        "traceback": _readable(text),
        "record": None if record is None else _readable(record),
        "exception_len": len(pickled),
        "final": any(isinstance(cause, TaskEndedError) for cause in _causes(error)),
    }
    return header, [pickled]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it follows from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _readable(text: str) -> str:
    """Spell out what UTF-8 cannot hold (lone surrogates)."""
    return text.encode("utf-8", "backslashreplace").decode()


def _frames(error: BaseException) -> list[Any]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def _file(frame: Any) -> str:
    return frame.f_code.co_filename


def _innermost_operator(frames: list[Any]) -> Any:
    for frame in reversed(frames):
        if _file(frame) == ops.__file__:
            return frame
    return None


def _record(place: Any, frames: list[Any]) -> str | None:
    """The record in hand; none when decoding the next one failed, since the variable is then the "
    "one before."""
    if place is None or "record" not in place.f_locals:
        return None
    if _file(frames[-1]) == serializers.__file__:
        return None
    return shown(place.f_locals["record"])


def shown(value: Any) -> str:
    """Return a short repr of a value, whatever its repr does.

    Examples
    --------
    >>> shown([1]), len(shown("x" * 1000))
    ('[1]', 203)
    """
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return shorten(text)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} whose str raised>"


def _explain(error: BaseException, place: Any, frames: list[Any]) -> BaseException:
    """Say more where Tidemill's own code met what the user's function gave it."""
    if isinstance(error, StopIteration) or isinstance(error.__cause__, StopIteration):
        text = "Caught StopIteration thrown from user's code; failing the task"
        return _replace(error, RuntimeError(text), error.__cause__)
    if place is None or frames[-1] is not place or not isinstance(error, (TypeError, ValueError)):
        return error
    if "unhashable" in _text(error):
        return _replace(error, TypeError(_unhashable(error, place.f_locals)), None)
    if "unpack" in _text(error) and "key" in place.f_code.co_varnames:
        record = shown(place.f_locals.get("record"))
        wish = "make pairs first, with map or keyBy"
        text = f"{error}: expected a (key, value) pair, got {record}; {wish}"
        return _replace(error, type(error)(text), None)
    return error


def _unhashable(error: BaseException, local: dict[str, Any]) -> str:
    key = local.get("key", local.get("record"))
    return (
        f"{error}: the key {shown(key)} cannot be used. Keys must be hashable, "
        "such as numbers, strings and tuples of them; use tuple(...) for a list"
    )


def _replace(
    error: BaseException, better: BaseException, cause: BaseException | None
) -> BaseException:
    better.__cause__ = cause
    better.__suppress_context__ = True
    return better.with_traceback(error.__traceback__)


def users_traceback(error: BaseException) -> str:
    """Format an exception and those that it follows from, without the frames of Tidemill."""
    lines: list[str] = []
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        lines.append(users_traceback(earlier))
        lines.append(
            "\nThe above exception was the direct cause of the following exception:\n\n"
            if error.__cause__
            else "\nDuring handling of the above exception, another exception occurred:\n\n"
        )
    summaries = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in summaries if not frame.filename.startswith(_HERE)]
    if users:
        lines.append("Traceback (most recent call last):\n")
        lines.extend(traceback.format_list(users))
    lines.extend(traceback.format_exception_only(type(error), error))
    return "".join(lines)


def _pickled(error: BaseException) -> bytes:
    try:
        return serializers.dumps(error)
    except Exception:
        return b""
