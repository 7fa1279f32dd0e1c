"""Storage levels of persisted RDDs and streams, by PySpark's names.

The engine keeps persisted partitions in memory, serialized; a level's flags are kept and shown as
they were given. Called by user programs and by `RDD.persist` and `DStream.persist`.
"""

from __future__ import annotations

from typing import ClassVar


class StorageLevel:
    """Where persisted partitions live and how many copies are kept.

    Parameters
    ----------
    useDisk, useMemory, useOffHeap, deserialized : bool
    replication : int, optional
        Number of copies, 1 by default.

    Examples
    --------
    >>> StorageLevel.MEMORY_ONLY
    StorageLevel(False, True, False, False, 1)
    >>> print(StorageLevel.MEMORY_AND_DISK_2)
    Disk Memory Serialized 2x Replicated
    """

    NONE: ClassVar[StorageLevel]
    DISK_ONLY: ClassVar[StorageLevel]
    DISK_ONLY_2: ClassVar[StorageLevel]
    DISK_ONLY_3: ClassVar[StorageLevel]
    MEMORY_ONLY: ClassVar[StorageLevel]
    MEMORY_ONLY_2: ClassVar[StorageLevel]
    MEMORY_AND_DISK: ClassVar[StorageLevel]
    MEMORY_AND_DISK_2: ClassVar[StorageLevel]
    MEMORY_AND_DISK_DESER: ClassVar[StorageLevel]
    OFF_HEAP: ClassVar[StorageLevel]

    def __init__(
        self,
        useDisk: bool,
        useMemory: bool,
        useOffHeap: bool,
        deserialized: bool,
        replication: int = 1,
    ):
        self.useDisk = useDisk
        self.useMemory = useMemory
        self.useOffHeap = useOffHeap
        self.deserialized = deserialized
        self.replication = replication

    def _key(self) -> tuple[bool, bool, bool, bool, int]:
        return (
            self.useDisk,
            self.useMemory,
            self.useOffHeap,
            self.deserialized,
            self.replication,
        )

    def __repr__(self) -> str:
        return f"StorageLevel{self._key()}"

    def __str__(self) -> str:
        text = "Disk " if self.useDisk else ""
        text += "Memory " if self.useMemory else ""
        text += "OffHeap " if self.useOffHeap else ""
        text += "Deserialized " if self.deserialized else "Serialized "
        return f"{text}{self.replication}x Replicated"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StorageLevel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def _name(self) -> str:
        """The constant's name, which is what the engine is told."""
        for name, level in vars(StorageLevel).items():
            if isinstance(level, StorageLevel) and level == self:
                return name
        return "MEMORY_ONLY"


StorageLevel.NONE = StorageLevel(False, False, False, False)
StorageLevel.DISK_ONLY = StorageLevel(True, False, False, False)
StorageLevel.DISK_ONLY_2 = StorageLevel(True, False, False, False, 2)
StorageLevel.DISK_ONLY_3 = StorageLevel(True, False, False, False, 3)
StorageLevel.MEMORY_ONLY = StorageLevel(False, True, False, False)
StorageLevel.MEMORY_ONLY_2 = StorageLevel(False, True, False, False, 2)
StorageLevel.MEMORY_AND_DISK = StorageLevel(True, True, False, False)
StorageLevel.MEMORY_AND_DISK_2 = StorageLevel(True, True, False, False, 2)
StorageLevel.MEMORY_AND_DISK_DESER = StorageLevel(True, True, False, True)
StorageLevel.OFF_HEAP = StorageLevel(True, True, True, False, 1)
