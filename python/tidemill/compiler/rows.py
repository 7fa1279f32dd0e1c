"""In the worker: rows that native code gave up, and what follows the compiled part of a stage.

The reply for given-up rows holds, for each row, the number of its records (u32) and the records'
values in the order of the type's code: ``i`` and ``b`` as i64, ``f`` as f64, ``s`` as u32 length
and UTF-8, ``n`` as nothing, ``?`` as i64 0 for None or i64 1 and the value, ``(...)`` item by item;
all little-endian. The engine's `native.rs` reads it. Types must be exactly the compiled ones. At
the first row that has a record of another type, the reply becomes a plain list: a list of records
for each row so far, then the lines of the rows that follow, not run yet. What follows the compiled
part may fail on that record, and then CPython would not have come to the later rows.
"""

from __future__ import annotations

import struct
from itertools import islice

from tidemill.serializers import Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

INT64 = range(-(1 << 63), 1 << 63)


def redo(pipes: list[Callable[..., Any]], code: str, index: int, records: Iterable[Any]) -> Any:
    """Run each line through the operators by itself; return the records of each."""
    results: list[Any] = []
    packed = bytearray()
    lines = iter(records)
    for line in lines:
        results.append(list(_through(pipes, index, line)))
        if not _pack(code, results[-1], packed):
            return [*results, *lines]
    return Slots(len(results), bytes(packed))


def merge(
    pipes: list[Callable[..., Any]], index: int, inputs: list[Iterator[Any]]
) -> Iterator[Any]:
    """Head: yield native records with the given-up rows' records in their places.

    A given-up row is a list of its records, or a line, which is run when its turn comes: so that
    effects and errors of all operators come in the order of the rows.
    """
    native, rows, places = inputs
    done = 0
    for place, row in zip(places, rows):
        yield from islice(native, place - done)
        done = place
        yield from _through(pipes, index, row) if type(row) is str else row
    yield from native


def _through(pipes: list[Callable[..., Any]], index: int, line: str) -> Iterable[Any]:
    result: Iterable[Any] = (line,)
    for op in pipes:
        result = op(index, iter(result))
    return result


def _pack(code: str, records: list[Any], packed: bytearray) -> bool:
    packed += struct.pack("<I", len(records))
    return all(_value(code, 0, record, packed) for record in records)


def _value(code: str, at: int, value: Any, packed: bytearray) -> int:
    """Pack a value; return where its type's code ends, 0 if it is of another type."""
    kind, found = code[at], type(value)
    if kind == "(":
        return _items(code, at, value, packed) if found is tuple else 0
    if kind == "?":
        packed += struct.pack("<q", value is not None)
        return _end(code, at + 1) if value is None else _value(code, at + 1, value, packed)
    if kind == "s" and found is str:
        try:
            text = value.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return 0
        packed += struct.pack("<I", len(text)) + text
    elif kind == "i" and found is int and value in INT64:
        packed += struct.pack("<q", value)
    elif kind == "b" and found is bool:
        packed += struct.pack("<q", value)
    elif kind == "f" and found is float:
        packed += struct.pack("<d", value)
    elif not (kind == "n" and value is None):
        return 0
    return at + 1


def _end(code: str, at: int) -> int:
    """Return where the code of a type ends."""
    if code[at] == "?":
        return _end(code, at + 1)
    if code[at] != "(":
        return at + 1
    at += 1
    while code[at] != ")":
        at = _end(code, at)
    return at + 1


def _items(code: str, at: int, value: tuple[Any, ...], packed: bytearray) -> int:
    at += 1
    for item in value:
        if code[at] == ")":
            return 0
        at = _value(code, at, item, packed)
        if not at:
            return 0
    return at + 1 if code[at] == ")" else 0
