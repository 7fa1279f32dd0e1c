"""Records to blocks and back, and the functions of a stage to the payload that the workers run.

Data is pickled plainly; where that cannot work (a class of ``__main__``, a lambda) by cloudpickle,
by value. A payload carries the driver's import path in front, so that functions in modules beside
the user's script are found. Called by the RDD classes, by the engine (`dump_ops`) and by the worker
(`load_ops`, `encode`, `iterate`).
"""

from __future__ import annotations

import os
import pickle
import sys

from tidemill.broadcast import collecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Union

    from tidemill._engine import Block
    from tidemill.shared import Gone, Part

    Data = Union[bytes, memoryview, Part, Gone]

TEXT = 0
PICKLE = 1
SLOTS = 2
ARROW = 4
PROTOCOL = 5

files_root = ""
_applied_preamble = b""


class Slots:
    """A task's result as typed rows, in the format of `tidemill.compiler.rows`."""

    def __init__(self, count: int, data: bytes):
        self.count = count
        self.data = data


class Encodable:
    """A task's result that makes a block of itself, if it can."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def encode(self) -> tuple[int, int, bytes] | None:
        """Return the block's kind, count and bytes; None if its records must be pickled."""
        raise NotImplementedError


class Blocks:
    """The blocks of a partition, for an operator that takes them as they are."""

    def __init__(self, blocks: list[tuple[int, Data]]):
        self._blocks = blocks

    def take(self) -> Iterator[tuple[int, Data]]:
        """Yield the blocks; each is freed when the next one begins."""
        self._blocks.reverse()
        while self._blocks:
            yield self._blocks.pop()


def viewed(data: Data) -> bytes | memoryview:
    """Return the bytes of a block, valid as long as its task runs."""
    return data if isinstance(data, (bytes, memoryview)) else data.view()


def dumps(value: Any) -> bytes:
    """Pickle a value, by cloudpickle where plain pickle would not be readable in another process.

    Examples
    --------
    >>> loads(dumps([1, "a"]))
    [1, 'a']
    >>> loads(dumps(lambda x: x + 1))(2)
    3
    """
    try:
        data = pickle.dumps(value, PROTOCOL)
        # A name in __main__ means nothing in another process; a false alarm costs only time.
        if b"__main__" not in data:
            return data
    except Exception:
        pass
    from cloudpickle import dumps as cloud_dumps

    return cloud_dumps(value, PROTOCOL)


loads = pickle.loads


def decode(kind: int, data: Data) -> list[Any]:
    """Return the records of a block.

    Examples
    --------
    >>> decode(TEXT, b"a\\n\\nb\\n")
    ['a', '', 'b']
    """
    if kind == ARROW:
        return _from_columns(data)
    if kind == TEXT:
        lines = str(viewed(data), "utf-8").split("\n")
        lines.pop()
        return lines
    return pickle.loads(viewed(data))


def _from_columns(data: Data) -> list[Any]:
    from tidemill._engine import arrow_records, arrow_records_at

    if isinstance(data, (bytes, memoryview)):
        return arrow_records(bytes(data))
    file, start, length = data.place()
    return arrow_records_at(file, start, length)


def encode(records: Iterable[Any]) -> tuple[int, int, bytes]:
    """Return a block's kind, the number of its records and its bytes.

    Examples
    --------
    >>> encode(iter("ab"))[:2]
    (1, 2)
    """
    if type(records) is Slots:
        return SLOTS, records.count, records.data
    if isinstance(records, Encodable):
        block = records.encode()
        if block is not None:
            return block
    listed = records if type(records) is list else list(records)
    columns = _columns_of(listed)
    if columns is not None:
        return ARROW, len(listed), columns
    try:
        return PICKLE, len(listed), dumps(listed)
    except Exception as error:
        raise _cannot_give_back(listed, error) from None


def _cannot_give_back(records: list[Any], error: Exception) -> pickle.PicklingError:
    from tidemill.failure import shown

    bad = next((n for n, record in enumerate(records) if not _is_picklable(record)), None)
    which = "" if bad is None else f" Record {bad} of them is {shown(records[bad])}."
    return pickle.PicklingError(
        f"Could not serialize the records of a task: {type(error).__name__}: {error}.{which} "
        "What functions return must be picklable: a list rather than a generator, and no open "
        "files, sockets or locks"
    )


def _is_picklable(record: Any) -> bool:
    try:
        dumps(record)
    except Exception:
        return False
    return True


def _columns_of(records: list[Any]) -> bytes | None:
    from tidemill._engine import columns_of

    return columns_of(records)


def iterate(blocks: list[tuple[int, Data]]) -> Iterator[Any]:
    """Yield the records of blocks, given as (kind, data); each is freed when the next begins."""
    blocks.reverse()
    while blocks:
        yield from decode(*blocks.pop())


def collect_blocks(blocks: Iterable[Block]) -> list[Any]:
    """Return the records of a partition's blocks."""
    records: list[Any] = []
    for block in blocks:
        found = block.records()
        records += _decoded(block) if found is None else found
    return records


def _decoded(block: Block) -> list[Any]:
    try:
        return decode(block.kind, block.data)
    except Exception as error:
        from tidemill.errors import JobError

        raise JobError(
            "Records that a task gave back cannot be unpickled in the driver: "
            f"{type(error).__name__}: {error}. Their classes must be importable there, and their "
            "__reduce__ and __setstate__ must fit each other",
            "result",
        ) from error


def dump_ops(ops: list[Any]) -> tuple[bytes, list[int]]:
    """Pickle the functions of a stage.

    Parameters
    ----------
    ops : list of callable

    Returns
    -------
    payload : bytes
        For `load_ops`.
    broadcast_ids : list of int
        The broadcast variables that the functions use.

    Raises
    ------
    pickle.PicklingError
        When a function has captured what cannot be sent, such as a SparkContext, an RDD or a
        socket.

    Examples
    --------
    >>> payload, ids = dump_ops([len])
    >>> load_ops(payload)
    [<built-in function len>]
    """
    import cloudpickle

    with collecting() as broadcast_ids:
        try:
            body = cloudpickle.dumps(ops, PROTOCOL)
        except Exception as error:
            raise _cannot_serialize(error) from error
    preamble = pickle.dumps((_import_path(), files_root), PROTOCOL)
    return len(preamble).to_bytes(4, "little") + preamble + body, broadcast_ids


def load_ops(payload: bytes) -> list[Any]:
    """Unpickle the functions of a stage, afresh for each task.

    Examples
    --------
    >>> load_ops(dump_ops([abs])[0])
    [<built-in function abs>]
    """
    size = int.from_bytes(payload[:4], "little")
    _apply_preamble(payload[4 : 4 + size])
    return pickle.loads(memoryview(payload)[4 + size :])


def _import_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]


def _apply_preamble(preamble: bytes) -> None:
    global _applied_preamble, files_root
    if preamble == _applied_preamble:
        return
    path, files_root = pickle.loads(preamble)
    known = set(sys.path)
    sys.path.extend(entry for entry in path if entry not in known)
    _applied_preamble = preamble


def _cannot_serialize(error: Exception) -> pickle.PicklingError:
    text = f"Could not serialize object: {type(error).__name__}: {error}"
    if "SPARK-5063" not in text and "Broadcast" not in text:
        text += (
            "\nFunctions given to RDDs and DStreams run in worker processes: they and all that "
            "they capture must "
            "be picklable. Open sockets, files, locks and connections inside the function, "
            "for instance in mapPartitions or foreachPartition."
        )
    return pickle.PicklingError(text)
