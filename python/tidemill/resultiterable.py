"""`ResultIterable`: the values of one key, as groupByKey and cogroup hand them over.

Imported by the worker, so it stays free of imports.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class ResultIterable:
    """A sized iterable of the values of one key.

    Parameters
    ----------
    data : list

    Examples
    --------
    >>> values = ResultIterable([3, 4])
    >>> len(values), list(values)
    (2, [3, 4])
    """

    # PySpark's class derives from collections.abc.Iterable, whose import a worker need not pay for.
    def __init__(self, data: Any):
        self.data: Any = data
        self.index = 0
        self.maxindex = len(data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    @classmethod
    def __class_getitem__(cls, item: object) -> type[ResultIterable]:
        return cls
