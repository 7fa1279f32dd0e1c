"""The worker process: reads tasks from the driver's socket, runs their functions, writes the
results back.

It keeps nothing from one task to the next but payload and broadcast bytes: functions are unpickled
afresh for each task. It answers every request, whatever a user's
function does, and leaves quietly when the driver's end closes. It is a fork of the daemon
(``daemon.py``), which calls `serve`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from functools import partial

from tidemill import accumulators, broadcast
from tidemill.serializers import PICKLE, Blocks, encode, iterate, load_ops
from tidemill.shared import Gone, Part, Shared
from tidemill.taskcontext import TaskContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from tidemill.serializers import Data

_payloads: dict[str, bytes] = {}


class Disconnected(Exception):
    """The driver has closed the socket."""


def serve(channel: int, memory: int | None) -> None:
    """Serve tasks until the driver closes the socket.

    Parameters
    ----------
    channel : int
        The socket, an open file.
    memory : int or None
        The file that is shared with the driver, if there is one.
    """
    reader = open(channel, "rb", buffering=1 << 16, closefd=False)
    writer = open(channel, "wb", buffering=1 << 16, closefd=False)
    shared = Shared(memory)
    files = [channel] if memory is None else [channel, memory]
    os.register_at_fork(after_in_child=partial(_part_with, files))
    # Records are mostly acyclic and die with the task: collecting often would only cost time.
    gc.set_threshold(50_000, 20, 50)
    try:
        while True:
            serve_one(reader, writer, shared)
    except (Disconnected, BrokenPipeError, ConnectionResetError):
        pass


def _part_with(files: list[int]) -> None:
    """Have a copy of this process, forked by user code, answer no task and keep no driver waiting.

    What it writes goes nowhere, and there is nothing to read; the numbers stay taken, so that no
    file of the user's has them.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in files:
        os.dup2(nowhere, file, inheritable=False)
    os.close(nowhere)


def serve_one(reader: BinaryIO, writer: BinaryIO, shared: Shared) -> None:
    """Read one request, run its task, write the reply."""
    request, ops_payload, inputs = _read_request(reader, shared)
    try:
        header, blobs = _run(request, ops_payload, inputs, shared)
    except BaseException as error:  # SystemExit too: a user's function must not end the worker
        from tidemill.failure import describe

        header, blobs = describe(error)
    finally:
        _flush()
        _forget(inputs)
    try:
        shared.reclaim()
    except MemoryError as error:
        from tidemill.failure import describe

        if header["ok"]:
            header, blobs = describe(error)
        # What user code has kept is about to change under it: it must not see another task.
        header["leaves"] = True
    _write(writer, header, blobs)


def _forget(inputs: list[list[tuple[int, Data]]]) -> None:
    """Take what was not read from iterators that user code has kept.

    In shared memory there will be another task's records; what came through the socket goes too,
    so that it does not depend on the size of a block.
    """
    for blocks in inputs:
        blocks[:] = [(PICKLE, Gone())] if blocks else []


def _flush() -> None:
    """Write out what the task printed; a user's function may have closed or lost the stream."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass


def _read(reader: BinaryIO, size: int) -> bytes:
    data = reader.read(size)
    if len(data) != size:
        raise Disconnected
    return data


def _read_request(
    reader: BinaryIO, shared: Shared
) -> tuple[dict[str, Any], bytes, list[list[tuple[int, Data]]]]:
    size = int.from_bytes(_read(reader, 4), "little")
    request = json.loads(_read(reader, size).decode())
    if request.get("clear"):
        _payloads.clear()
    if request["fn_len"]:
        _payloads[request["fn"]] = _read(reader, request["fn_len"])
    for bid in request.get("drop_broadcasts", ()):
        broadcast.drop(bid)
    for bid, length in request.get("broadcasts", ()):
        broadcast.receive(bid, _read(reader, length))
    inputs: list[list[tuple[int, Data]]] = [
        [
            (kind, _read(reader, length) if at is None else Part(shared, at, length))
            for kind, _, length, at in blocks
        ]
        for blocks in request["inputs"]
    ]
    placed = (block for blocks in request["inputs"] for block in blocks if block[3] is not None)
    shared.begin(max((at + length for _, _, length, at in placed), default=0))
    return request, _payloads[request["fn"]], inputs


def _run(
    request: dict[str, Any], payload: bytes, inputs: list[list[tuple[int, Data]]], shared: Shared
) -> tuple[dict[str, Any], list[Any]]:
    TaskContext._set(request)
    accumulators.begin_task()
    ops = load_ops(payload)
    if request.get("part"):
        from tidemill.compiler import rows

        ops = rows.operators(ops, request["part"])
    index = request["split"]
    if request["head"]:
        records: Any = ops.pop(0)(index, [iterate(blocks) for blocks in inputs])
    elif ops and _takes_blocks(ops[0]):
        records = Blocks(inputs[0])
    else:
        records = iterate(inputs[0])
    buckets = request["tail"]
    tail = ops.pop() if buckets else None
    for op in ops:
        records = op(index, records)
    encoded = [encode(b) for b in tail(index, records, buckets)] if tail else [encode(records)]
    updates = accumulators.take_updates()
    outputs = [[kind, count, len(data), shared.put(data)] for kind, count, data in encoded]
    header = {"ok": True, "outputs": outputs, "acc_len": len(updates)}
    sent = [data for (_, _, data), output in zip(encoded, outputs) if output[3] is None]
    return header, [*sent, updates]


def _takes_blocks(op: Any) -> bool:
    return getattr(getattr(op, "func", None), "takes_blocks", False)


def _write(writer: BinaryIO, header: dict[str, Any], blobs: list[Any]) -> None:
    text = json.dumps(header).encode()
    writer.write(len(text).to_bytes(4, "little") + text)
    for blob in blobs:
        writer.write(blob)
    writer.flush()
