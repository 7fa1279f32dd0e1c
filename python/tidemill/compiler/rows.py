"""In the worker: rows that native code gave up, and what follows the compiled part of a stage.

The reply for given-up rows holds, for each row, the number of its records (u32) and the records'
values in the order of the type's code: ``i`` and ``b`` as i64, ``f`` as f64, ``s`` as u32 length
and UTF-8, ``n`` as nothing, ``(...)`` item by item; all little-endian. The engine's `native.rs`
reads it. Types must be exactly the compiled ones; if any record's are not, plain lists are returned.
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
    """Run each record through the operators by itself; return the records of each."""
    results = []
    for record in records:
        result: Iterable[Any] = (record,)
        for op in pipes:
            result = op(index, iter(result))
        results.append(list(result))
    data = _pack(code, results)
    return results if data is None else Slots(len(results), data)


def merge(index: int, inputs: list[Iterator[Any]]) -> Iterator[Any]:
    """Head: yield native records with the given-up rows' records in their places."""
    native, redone, places = inputs
    done = 0
    for place, records in zip(places, redone):
        yield from islice(native, place - done)
        done = place
        yield from records
    yield from native


def _pack(code: str, results: list[list[Any]]) -> bytes | None:
    packed = bytearray()
    for records in results:
        packed += struct.pack("<I", len(records))
        for record in records:
            if not _value(code, 0, record, packed):
                return None
    return bytes(packed)


def _value(code: str, at: int, value: Any, packed: bytearray) -> int:
    """Pack a value; return where its type's code ends, 0 if it is of another type."""
    kind, found = code[at], type(value)
    if kind == "(":
        return _items(code, at, value, packed) if found is tuple else 0
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


def _items(code: str, at: int, value: tuple[Any, ...], packed: bytearray) -> int:
    at += 1
    for item in value:
        if code[at] == ")":
            return 0
        at = _value(code, at, item, packed)
        if not at:
            return 0
    return at + 1 if code[at] == ")" else 0
