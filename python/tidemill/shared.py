"""The worker's side of the memory that it shares with the driver: large blocks lie there.

The driver writes a task's blocks and does not write again before it has the reply; the results go
behind them. So what is read must be Python objects by then; what user code keeps of memory that was
lent to it is made this process's own, which takes no open file (`Shared.reclaim`). The engine's
``shared.rs`` is the other side.
"""

from __future__ import annotations

import os
from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap
    from typing import Any

    from tidemill._engine import Lent

# Smaller blocks go through the socket, and all begin at multiples of the other: as in the engine's
# shared.rs.
LEAST = 64 << 10
ALIGNMENT = 64
# Larger results gain nothing, and would be in memory three times.
MOST = 8 << 20


class Shared:
    """A file in memory, mapped when the first block comes, and again when it has grown.

    Parameters
    ----------
    file : int or None
        The open file; None if the driver sends everything through the socket.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     written = file.write(b"some bytes")
    ...     file.flush()
    ...     shared = Shared(file.fileno())
    ...     shared.begin(written)
    ...     bytes(Part(shared, 5, 5).view()), shared.put(bytes(LEAST)), shared.put(b"little")
    (b'bytes', 64, None)
    """

    def __init__(self, file: int | None):
        self.file = file
        self._map: mmap | None = None
        self._lent: list[ref[Lent]] = []
        self._used = 0

    def view(self, start: int, length: int) -> memoryview:
        """Return some of the memory, valid as long as the task runs: nobody may keep it."""
        if self._map is None or len(self._map) < start + length:
            self._map = self._mapped()
        return memoryview(self._map)[start : start + length]

    def begin(self, used: int) -> None:
        """Begin a task, whose blocks end there."""
        self._used = used

    def put(self, data: bytes) -> int | None:
        """Write a result behind what is there; return its place.

        Returns
        -------
        int or None
            None if it is better sent, or there is no memory for it.
        """
        if self.file is None or not LEAST <= len(data) <= MOST:
            return None
        place = at = -(-self._used // ALIGNMENT) * ALIGNMENT
        left = memoryview(data)
        try:
            while left:
                written = os.pwrite(self.file, left, at)
                left, at = left[written:], at + written
        except OSError:
            return None
        self._used = at
        return place

    def lend(self, start: int, length: int) -> Any:
        """Return some of the memory, as a pyarrow.Buffer, for code that may keep it."""
        import pyarrow as pa

        from tidemill._engine import Lent

        assert self.file is not None, "a block in shared memory that was not given"
        lent = Lent(self.file, start, length)
        self._lent.append(ref(lent))
        return pa.foreign_buffer(lent.address, length, lent)

    def reclaim(self) -> None:
        """End a task: what is still in use of the lent memory becomes this process's own.

        Raises
        ------
        MemoryError
            When that cannot be: what is in use will be overwritten.
        """
        lent, self._lent = self._lent, []
        for memory in (reference() for reference in lent):
            if memory is None:
                continue
            try:
                memory.keep()
            except (MemoryError, OSError) as error:
                raise MemoryError(
                    "mapArrow: a batch was kept beyond its task, and there is no room for it "
                    f"({error}). Keep a copy of what is needed of a batch, such as "
                    "batch.to_pylist() of some columns, or let go of those kept before"
                ) from None

    def _mapped(self) -> mmap:
        from mmap import ACCESS_READ, mmap

        assert self.file is not None, "a block in shared memory that was not given"
        return mmap(self.file, 0, access=ACCESS_READ)


class TaskEndedError(RuntimeError):
    """The records of a partition were asked for after its task had ended."""


class Gone:
    """What stands for a block that a task has not read, once it has ended."""

    def view(self) -> memoryview:
        """Raise an error that says so."""
        raise TaskEndedError(
            "the records of a partition were asked for after its task had ended, when they are "
            "gone. Use the iterator within the function that it was given to, or keep a list of "
            "its records"
        )

    lend = place = view


class Part:
    """A block in shared memory."""

    __slots__ = ("length", "shared", "start")

    def __init__(self, shared: Shared, start: int, length: int):
        self.shared, self.start, self.length = shared, start, length

    def view(self) -> memoryview:
        """Return its bytes, valid as long as the task runs."""
        return self.shared.view(self.start, self.length)

    def place(self) -> tuple[int, int, int]:
        """Return the file, and where in it the bytes are."""
        assert self.shared.file is not None, "a block in shared memory that was not given"
        return self.shared.file, self.start, self.length

    def lend(self) -> Any:
        """Return its bytes, for code that may keep them."""
        return self.shared.lend(self.start, self.length)
