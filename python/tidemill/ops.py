"""The operators that run in the workers: functions of ``(index, records)``, bound to the user's
function by `partial`.

Each is a single generator level, and names the record in hand ``record`` (and its key ``key``):
when a user's function raises, the worker reads these from the traceback, so naming the offending
record costs nothing until then. A StopIteration of a user's function becomes an error, never
truncated output, because it cannot leave a generator. Made by the RDD and DStream classes; imported
by every worker, so it imports nothing that is not needed.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from itertools import count as counter
from itertools import islice

from tidemill.resultiterable import ResultIterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    Records = Iterable[Any]


def map_records(f: Callable[[Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Yield ``f(record)``."""
    for record in records:
        yield f(record)


def partition_of(partitioner: Callable[[Any], int], index: int, records: Records) -> Iterator[int]:
    """Yield the partition of each key, as the hashes are in a worker."""
    return map(partitioner, records)


def flat_map(f: Callable[[Any], Records], index: int, records: Records) -> Iterator[Any]:
    """Yield each item of ``f(record)``."""
    for record in records:
        yield from f(record)


def filter_records(f: Callable[[Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Yield the records for which `f` is true."""
    for record in records:
        if f(record):
            yield record


def map_values(f: Callable[[Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Yield ``(key, f(value))``."""
    for record in records:
        key, value = record
        yield key, f(value)


def flat_map_values(f: Callable[[Any], Records], index: int, records: Records) -> Iterator[Any]:
    """Yield ``(key, item)`` for each item of ``f(value)``."""
    for record in records:
        key, value = record
        for item in f(value):
            yield key, item


def map_partition(f: Callable[[Any], Records], index: int, records: Records) -> Iterator[Any]:
    """Iterate over ``f(records)``."""
    return iter(f(iter(records)))


def map_indexed(f: Callable[[int, Any], Records], index: int, records: Records) -> Iterator[Any]:
    """Iterate over ``f(index, records)``."""
    return iter(f(index, iter(records)))


def foreach(f: Callable[[Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Call `f` with each record; yield nothing."""
    for record in records:
        f(record)
    return
    yield


def foreach_partition(f: Callable[[Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Call `f` with the records of the partition; yield nothing, whatever it returns."""
    result = f(iter(records))
    if hasattr(result, "__next__"):  # a generator function does nothing until it is iterated
        deque(result, maxlen=0)
    return
    yield


def glom(index: int, records: Records) -> Iterator[list[Any]]:
    """Yield the partition as one list."""
    yield list(records)


def expand(index: int, records: Records) -> Iterator[Any]:
    """Yield the items of each record."""
    for record in records:
        yield from record


def pair_with_none(index: int, records: Records) -> Iterator[Any]:
    """Yield ``(record, None)``."""
    for record in records:
        yield record, None


def first_of_pair(index: int, records: Records) -> Iterator[Any]:
    """Yield ``record[0]``."""
    for record in records:
        yield record[0]


def second_of_pair(index: int, records: Records) -> Iterator[Any]:
    """Yield ``record[1]``."""
    for record in records:
        yield record[1]


def take_first(num: int, index: int, records: Records) -> Iterator[Any]:
    """Yield at most `num` records and ask for no more."""
    return islice(iter(records), num)


def count_records(index: int, records: Records) -> Iterator[int]:
    """Yield the number of records."""
    numbers = counter()
    deque(zip(records, numbers), maxlen=0)
    yield next(numbers)


def sum_records(index: int, records: Records) -> Iterator[Any]:
    """Yield the sum of the records."""
    yield sum(records)


def summarize_records(index: int, records: Records) -> Iterator[Any]:
    """Yield what a `StatCounter` would hold of the records."""
    from tidemill.statcounter import summary

    yield from summary(records)


def histogram_records(bounds: list[Any], index: int, records: Records) -> Iterator[list[int]]:
    """Yield how many records fall between two boundaries, for all pairs of neighbours."""
    counts = [0] * (len(bounds) - 1)
    for record in records:
        if record is None or record != record or not bounds[0] <= record <= bounds[-1]:
            continue
        counts[min(bisect_right(bounds, record), len(counts)) - 1] += 1
    yield counts


def count_values(index: int, records: Records) -> Iterator[tuple[Any, int]]:
    """Yield each record and the number of times it came, as first seen."""
    counts: dict[Any, int] = {}
    for record in records:
        key = record
        counts[key] = counts.get(key, 0) + 1
    yield from counts.items()


def reduce_records(f: Callable[[Any, Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Yield the records reduced to one; nothing for an empty partition."""
    rest = iter(records)
    for total in rest:
        for record in rest:
            total = f(total, record)
        yield total


def fold_records(
    zero: Any, f: Callable[[Any, Any], Any], index: int, records: Records
) -> Iterator[Any]:
    """Yield the records folded into `zero`."""
    total = zero
    for record in records:
        total = f(total, record)
    yield total


def sort_records(
    keyfunc: Callable[[Any], Any], reverse: bool, index: int, records: Records
) -> Iterator[Any]:
    """Yield pairs in the order of what `keyfunc` makes of their keys."""
    return iter(sorted(records, key=lambda pair: keyfunc(pair[0]), reverse=reverse))


def extreme_records(
    num: int, key: Callable[[Any], Any] | None, greatest: bool, index: int, records: Records
) -> Iterator[Any]:
    """Yield the `num` least records in order, or the greatest."""
    return iter((heapq.nlargest if greatest else heapq.nsmallest)(num, records, key))


def reduce_by_key(f: Callable[[Any, Any], Any], index: int, records: Records) -> Iterator[Any]:
    """Yield one ``(key, reduced)`` per key, keys as first seen."""
    reduced: dict[Any, Any] = {}
    for record in records:
        key, value = record
        reduced[key] = f(reduced[key], value) if key in reduced else value
    yield from reduced.items()


def combine_by_key(
    create: Callable[[Any], Any],
    merge: Callable[[Any, Any], Any],
    index: int,
    records: Records,
) -> Iterator[Any]:
    """Yield one ``(key, combiner)`` per key, keys as first seen."""
    combined: dict[Any, Any] = {}
    for record in records:
        key, value = record
        combined[key] = merge(combined[key], value) if key in combined else create(value)
    yield from combined.items()


def group_by_key(index: int, records: Records) -> Iterator[Any]:
    """Yield one ``(key, [values])`` per key, keys as first seen."""
    groups: dict[Any, list[Any]] = {}
    known = groups.get
    for record in records:
        key, value = record
        group = known(key)
        if group is None:
            groups[key] = [value]
        else:
            group.append(value)
    yield from groups.items()


def group_for_update(index: int, records: Records) -> Iterator[Any]:
    """Yield one ``(key, [values])`` per key, for `update_state`.

    Only that reads them, so compiled code may hand them over in another form than as lists.
    """
    return group_by_key(index, records)


def merge_groups(index: int, records: Records) -> Iterator[Any]:
    """Yield one ``(key, [values])`` per key, from ``(key, [values])`` of several map partitions."""
    groups: dict[Any, list[Any]] = {}
    for record in records:
        key, values = record
        if key in groups:
            groups[key].extend(values)
        else:
            groups[key] = values
    yield from groups.items()


def wrap_groups(index: int, records: Records) -> Iterator[Any]:
    """Yield ``(key, ResultIterable(values))``."""
    for key, values in records:
        yield key, ResultIterable(values)


def bucket_by_key(
    partition_func: Callable[[Any], int], index: int, records: Records, n: int
) -> list[list[Any]]:
    """Shuffle: send each pair to the bucket of its key."""
    buckets: list[list[Any]] = [[] for _ in range(n)]
    appends = [bucket.append for bucket in buckets]
    for record in records:
        key, value = record
        appends[partition_func(key) % n]((key, value))
    return buckets


def scatter(batch: int, index: int, records: Records, n: int) -> list[list[Any]]:
    """Shuffle: deal batches of records out in turn, from the position that Spark starts at."""
    buckets: list[list[Any]] = [[] for _ in range(n)]
    position = scatter_start(index, n)
    rest = iter(records)
    while True:
        dealt = list(islice(rest, batch))
        if not dealt:
            return buckets
        position += 1
        buckets[position % n].extend(dealt)


def scatter_start(index: int, n: int) -> int:
    """Return where a partition starts to deal: Spark's ``XORShiftRandom(index).nextInt(n)``."""
    name = index.to_bytes(8, "big")
    low = _murmur3(name, 0x3C074A61)
    state = _murmur3(name, low) << 32 | low
    while True:
        state ^= state << 21 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 35
        state ^= state << 4 & 0xFFFFFFFFFFFFFFFF
        bits = state & 0x7FFFFFFF
        if n & (n - 1) == 0:
            return n * bits >> 31
        if bits - bits % n + (n - 1) < 1 << 31:
            return bits % n


def _murmur3(data: bytes, seed: int) -> int:
    """MurmurHash3 (32 bits) of a whole number of words."""
    mixed = seed
    for at in range(0, len(data), 4):
        word = int.from_bytes(data[at : at + 4], "little") * 0xCC9E2D51 & 0xFFFFFFFF
        word = (word << 15 | word >> 17) * 0x1B873593 & 0xFFFFFFFF
        mixed ^= word
        mixed = ((mixed << 13 & 0xFFFFFFFF | mixed >> 19) * 5 + 0xE6546B64) & 0xFFFFFFFF
    mixed ^= len(data)
    mixed = (mixed ^ mixed >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return mixed ^ mixed >> 16


def tag_values(tag: int, index: int, records: Records) -> Iterator[Any]:
    """Yield ``(key, (tag, value))``: which side of a cogroup a value came from."""
    for record in records:
        key, value = record
        yield key, (tag, value)


def split_sides(sides: int, index: int, records: Records) -> Iterator[Any]:
    """Yield ``(key, (ResultIterable, ...))`` from ``(key, [(tag, value), ...])``."""
    for record in records:
        key, tagged = record
        parted: list[list[Any]] = [[] for _ in range(sides)]
        for tag, value in tagged:
            parted[tag].append(value)
        yield key, tuple(map(ResultIterable, parted))


def join_sides(
    keep_left: bool, keep_right: bool, index: int, records: Records
) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Yield left x right of each key; a kept side meets None where the other has no value."""
    for record in records:
        key, tagged = record
        left = [value for tag, value in tagged if tag == 0]
        right = [value for tag, value in tagged if tag == 1]
        if keep_left and not right:
            right = [None]
        if keep_right and not left:
            left = [None]
        for a in left:
            for b in right:
                yield key, (a, b)


def left_sides(index: int, records: Records) -> Iterator[tuple[Any, Any]]:
    """Yield ``(key, value)`` of each left value of the keys without a right one."""
    for record in records:
        key, tagged = record
        if all(tag == 0 for tag, _ in tagged):
            for _, value in tagged:
                yield key, value


def common_keys(index: int, records: Records) -> Iterator[Any]:
    """Yield the keys that have values on both sides."""
    for record in records:
        key, tagged = record
        if {tag for tag, _ in tagged} == {0, 1}:
            yield key


def zip_records(index: int, inputs: list[Records]) -> Iterator[tuple[Any, Any]]:
    """Head: yield the pairs of two partitions of the same length."""
    missing = object()
    left, right = map(iter, inputs)
    for record in left:
        other = next(right, missing)
        if other is missing:
            break
        yield record, other
    else:
        if next(right, missing) is missing:
            return
    raise ValueError("Can only zip RDDs with same number of elements in each partition")


def cross_records(index: int, inputs: list[Records]) -> Iterator[tuple[Any, Any]]:
    """Head: yield every pair of two partitions."""
    left, right = inputs
    others = list(right)
    for record in left:
        for other in others:
            yield record, other


def update_state(
    update: Callable[[list[Any], Any], Any], index: int, inputs: list[Records]
) -> Iterator[tuple[Any, Any]]:
    """Head: yield the new state from the previous ``(key, state)`` and the batch's ``(key,
    [values])``.

    Called for every kept key in every batch, with ``[]`` where nothing came: kept keys first in
    their order, then new keys as first seen. A key whose update is None is dropped.
    """
    previous, fresh = inputs
    arrived = dict(merge_groups(index, fresh))
    for record in previous:
        key, state = record
        state = update(arrived.pop(key, []), state)
        if state is not None:
            yield key, state
    for record in arrived.items():
        key, values = record
        state = update(values, None)
        if state is not None:
            yield key, state


def update_each(
    update: Callable[[list[Any], Any], Any], index: int, records: Records
) -> Iterator[Any]:
    """Yield ``update(values, state)`` of each ``(key, values, state)``."""
    for key, values, state in records:
        record = (key, values) if state is None else (key, state)  # noqa: F841  for the traceback
        yield update(values, state)


def slide_window(
    f: Callable[[Any, Any], Any],
    inverse: Callable[[Any, Any], Any],
    keep: Callable[[Any], Any] | None,
    index: int,
    inputs: list[Records],
) -> Iterator[tuple[Any, Any]]:
    """Head: yield the window's ``(key, reduced)`` from those of the window before, and what left
    and what entered.

    Keys that were there come first, in their order. All values are taken out before any is put in;
    where no batch entered, there is no third input and nothing is filtered.
    """
    before, leaving, *entering = inputs
    left = dict(reduce_by_key(f, index, leaving))
    window: dict[Any, Any] = {}
    for record in before:
        key, value = record
        gone = left.get(key)
        window[key] = value if gone is None else inverse(value, gone)
    for each in entering:
        for record in reduce_by_key(f, index, each):
            key, value = record
            window[key] = f(window[key], value) if key in window else value
    kept: Iterator[tuple[Any, Any]] = iter(window.items())
    if keep is not None and entering:
        kept = filter_records(keep, index, kept)
    yield from kept
