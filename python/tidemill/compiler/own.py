"""What Tidemill's own operators do, as plain functions that are compiled in their place.

A function here is never called: the operator of `tidemill.ops` runs in CPython. They give the same,
or raise where only CPython should answer. Called by `chain`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tidemill import ops
from tidemill.statcounter import summary

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[Any], Any]


def _tagged(tag: int) -> Function:
    def tagged(record: Any) -> Any:
        key, value = record
        return key, (tag, value)

    return tagged


def _folded(zero: Any, f: Callable[[Any, Any], Any]) -> Function:
    def folded(records: Any) -> Any:
        start = zero
        if not records:
            raise LookupError  # the zero may be of another type than the rest
        total = f(start, records[0])
        is_first = True
        for record in records:
            if is_first:
                is_first = False
            else:
                total = f(total, record)
        return [total]

    return folded


def _sorted(keyfunc: Function, reverse: bool) -> Function:
    def by_key(pair: Any) -> Any:
        return keyfunc(pair[0])

    def in_order(records: Any) -> Any:
        return sorted(records, key=by_key, reverse=reverse)

    return in_order


def _extreme(num: int, key: Function | None, reverse: bool) -> Function:
    count = max(num, 0) if type(num) is int else num

    def by_itself(records: Any) -> Any:
        return sorted(records, reverse=reverse)[:count]

    def by_key(records: Any) -> Any:
        return sorted(records, key=key, reverse=reverse)[:count]

    return by_itself if key is None else by_key


# From a record to another.
RECORDS: dict[Any, Callable[..., Function]] = {
    ops.pair_with_none: lambda: lambda record: (record, None),
    ops.first_of_pair: lambda: lambda record: record[0],
    ops.second_of_pair: lambda: lambda record: record[1],
    ops.tag_values: _tagged,
}
# From the list of a partition's records to another.
PARTITIONS: dict[Any, Callable[..., Function]] = {
    ops.fold_records: _folded,
    ops.sum_records: lambda: lambda records: [sum(records)],
    ops.summarize_records: lambda: summary,
    ops.sort_records: _sorted,
    ops.extreme_records: _extreme,
}


def parts_of(op: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the operator, and what it is bound to."""
    return (op.func, op.args) if type(op) is partial else (op, ())
