"""In the worker: the parts of a stage that the engine's compiled code leaves to it.

The reply for given-up rows holds, for each row, the number of its records (u32) and the records'
values in the order of the type's code: ``i`` and ``b`` as i64, ``f`` as f64, ``s`` as u32 length
and UTF-8, ``n`` as nothing, ``?`` as i64 0 for None or i64 1 and the value, ``(...)`` item by item,
``d`` as i64 microseconds of a clock since 1970 and of the offset, ``[...]`` as u32 length and the
items, ``{...}`` value by value, with each key before its value's code, ``j`` as i64 (the place in
`_DYNAMIC`) and the value, a dict as its pairs; all little-endian. The engine's `packed.rs` reads
it. Types must be exactly the compiled ones. At the first row that has a record of another type, the
reply becomes a plain list: a list of records for each row so far, then the rows that follow, not
run yet. What follows the compiled part may fail on that record, and then CPython would not have
come to the later rows.
"""

from __future__ import annotations

import datetime
import struct
from functools import partial
from itertools import islice

from tidemill import ops
from tidemill.serializers import TYPED, Slots, dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_MICROSECOND = datetime.timedelta(microseconds=1)
INT64 = range(-(1 << 63), 1 << 63)
# The codes of dynamic values by their kinds; a code's digits are hints for the engine.
_DYNAMIC = {
    type(None): (0, "n"),
    bool: (1, "b"),
    int: (2, "i"),
    float: (3, "f"),
    str: (4, "s"),
    list: (5, "[j000]"),
    dict: (6, "[(sj000)]"),
}
_DEEPEST = 64


class Unrun:
    """A row that the worker did not run through the chain."""

    __slots__ = ("row",)

    def __init__(self, row: Any):
        self.row = row


def operators(stage: list[Any], part: dict[str, Any]) -> list[Callable[..., Any]]:
    """Return the operators of a part of a stage (the engine's `native/plan.rs` names the parts).

    Examples
    --------
    >>> stage = [partial(ops.map_records, len), ops.group_by_key]
    >>> operators(stage, {"part": "from", "operator": 1}) == [ops.group_by_key]
    True
    """
    kind = part["part"]
    if kind == "from":
        return stage[part["operator"] :]
    if kind == "updates":
        return [partial(update_each, stage[0].args[0], part["code"])]
    if kind == "states":
        return [place_states]
    if kind == "typed":
        return [*stage, typed]
    if kind == "whole":
        return [partial(whole, stage[0], part["code"])]
    chain = stage[part["first"] : part["end"]]
    if kind == "rows":
        return [partial(redo, chain, part["code"])]
    return [partial(merge, chain, part["unrun"]), *stage[part["end"] :]]


def redo(chain: list[Callable[..., Any]], code: str, index: int, records: Iterable[Any]) -> Any:
    """Run each row through the operators by itself; return the records of each."""
    results: list[Any] = []
    packed = bytearray()
    rows = iter(records)
    seen: set[int] = set()
    for row in rows:
        results.append(list(_through(chain, index, row)))
        if _meets_again(results[-1], seen) or not _pack(code, results[-1], packed):
            return [*results, *map(Unrun, rows)]
    return Slots(len(results), bytes(packed))


def merge(
    chain: list[Callable[..., Any]], unrun: bool, index: int, inputs: list[Iterator[Any]]
) -> Iterator[Any]:
    """Head: yield native records with the given-up rows' records in their places.

    A given-up row is a list of its records, or is run when its turn comes: so that effects and
    errors of all operators come in the order of the rows.
    """
    native, rows, places = inputs
    done = 0
    for place, row in zip(places, rows):
        yield from islice(native, place - done)
        done = place
        if unrun:
            yield from _through(chain, index, row)
        elif type(row) is Unrun:
            yield from _through(chain, index, row.row)
        else:
            yield from row
    yield from native


def update_each(
    update: Callable[[list[Any], Any], Any], code: str, index: int, records: Iterable[Any]
) -> Any:
    """Return the next state of each (key, values, state)."""
    return _typed(code, list(ops.update_each(update, index, records)))


def whole(head: Callable[..., Any], code: str, index: int, inputs: list[Iterator[Any]]) -> Any:
    """Head: return what an operator of several inputs gives."""
    return _typed(code, list(head(index, inputs)))


def _typed(code: str, results: list[Any]) -> Any:
    """Pack results if all of them are of the type."""
    packed = bytearray()
    seen: set[int] = set()
    if all(not _meets_again(s, seen) and _pack(code, [s], packed) for s in results):
        return Slots(len(results), bytes(packed))
    return results


def typed(index: int, records: Iterable[Any]) -> Any:
    """Return the records as typed ones if they are all of one type, else as they are."""
    from tidemill._engine import typed_block

    listed = list(records)
    try:
        data = typed_block(len(listed), dumps(listed)).typed if listed else None
    except Exception:  # not picklable: what sends the records says so
        return listed
    return listed if data is None else Slots(len(listed), data, TYPED)


def place_states(index: int, inputs: list[Iterator[Any]]) -> Iterator[Any]:
    """Head: yield native (key, state) records with CPython's in their places; a None is dropped."""
    native, keys, states, places = inputs
    done = 0
    for place, key, state in zip(places, keys, states):
        yield from islice(native, place - done)
        done = place
        if state is not None:
            yield key, state
    yield from native


def _through(chain: list[Callable[..., Any]], index: int, row: Any) -> Iterable[Any]:
    result: Iterable[Any] = (row,)
    for op in chain:
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
    if kind == "[":
        return _list(code, at, value, packed) if found is list else 0
    if kind == "{":
        return _fields(code, at + 1, value, packed) if found is dict else 0
    if kind == "j":
        return at + 4 if _dynamic(value, packed) else 0
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
    elif kind == "d" and found is datetime.datetime:
        slots = _time(value)
        if slots is None:
            return 0
        packed += struct.pack("<qq", *slots)
    elif not (kind == "n" and value is None):
        return 0
    return at + 1


def _time(value: datetime.datetime) -> tuple[int, int] | None:
    """Microseconds of a time's clock since 1970 and of its offset, if these are all of it."""
    zone: Any = value.tzinfo
    if value.fold or not (zone is None or type(zone) is datetime.timezone):
        return None
    clock = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
    offset = None
    if zone is not None:
        if len(zone.__getinitargs__()) != 1:  # type: ignore[attr-defined]  # it has a name
            return None
        offset = zone.utcoffset(None) // _MICROSECOND
        if offset % 60_000_000:  # seconds, which native code does not show
            return None
    return clock // _MICROSECOND, INT64.start if offset is None else offset


def _end(code: str, at: int) -> int:
    """Return where the code of a type ends."""
    if code[at] == "?":
        return _end(code, at + 1)
    if code[at] == "j":
        return at + 4
    if code[at] not in "([{":
        return at + 1
    keyed = code[at] == "{"
    at += 1
    while code[at] not in ")]}":
        at = _end(code, _key(code, at)[1] if keyed else at)
    return at + 1


def _dynamic(value: Any, packed: bytearray) -> bool:
    tag, code = _DYNAMIC.get(type(value), (0, ""))
    if not code or _is_deeper(value, _DEEPEST):
        return False
    packed += struct.pack("<q", tag)
    held = list(value.items()) if tag == 6 else value
    return bool(_value(code, 0, held, packed))


def _meets_again(value: Any, seen: set[int]) -> bool:
    """Whether a list or dict is there twice: what changes one of them must change both."""
    rest = [value]
    while rest:
        found = rest.pop()
        if type(found) in (list, dict):
            if id(found) in seen:
                return True
            seen.add(id(found))
        if type(found) in (tuple, list):
            rest += found
        elif type(found) is dict:
            rest += found.values()
    return False


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and dicts are nested deeper than the engine goes."""
    if type(value) not in (list, dict):
        return False
    inner = value.values() if type(value) is dict else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _key(code: str, at: int) -> tuple[str, int]:
    """Return the key that begins here, and where its value's code does."""
    colon = code.index(":", at)
    end = colon + 1 + int(code[at:colon])
    return code[colon + 1 : end], end


def _fields(code: str, at: int, value: dict[Any, Any], packed: bytearray) -> int:
    for key, item in value.items():
        if code[at] == "}":
            return 0
        expected, at = _key(code, at)
        at = _value(code, at, item, packed) if type(key) is str and key == expected else 0
        if not at:
            return 0
    return at + 1 if code[at] == "}" else 0


def _list(code: str, at: int, value: list[Any], packed: bytearray) -> int:
    packed += struct.pack("<I", len(value))
    fits = all(_value(code, at + 1, item, packed) for item in value)
    return _end(code, at) if fits else 0


def _items(code: str, at: int, value: tuple[Any, ...], packed: bytearray) -> int:
    at += 1
    for item in value:
        if code[at] == ")":
            return 0
        at = _value(code, at, item, packed)
        if not at:
            return 0
    return at + 1 if code[at] == ")" else 0
