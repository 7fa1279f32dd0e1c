"""`TaskContext`: which task a function is running in. The worker sets it before each task; on the
driver there is none.

Imported by the worker, so it stays free of imports.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class TaskContext:
    """The task that is running, for functions that run in workers.

    Examples
    --------
    >>> TaskContext.get() is None
    True
    >>> def where(records):
    ...     return [TaskContext.get().partitionId()]
    >>> sc.parallelize(range(3), 3).mapPartitions(where).collect()
    [0, 1, 2]
    """

    _taskContext: TaskContext | None = None
    _request: dict[str, Any]

    @classmethod
    def get(cls) -> TaskContext | None:
        """Return the context of the running task, or None on the driver.

        Examples
        --------
        >>> TaskContext.get() is None
        True
        """
        return cls._taskContext

    @classmethod
    def _set(cls, request: dict[str, Any]) -> None:
        cls._taskContext = context = cls()
        context._request = request

    def partitionId(self) -> int:
        """Return the index of the partition that is computed.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().partitionId()]
        >>> sc.parallelize(range(2), 2).mapPartitions(tell).collect()
        [0, 1]
        """
        return int(self._request["partition"])

    def attemptNumber(self) -> int:
        """Return how many times this task was tried before; 0 at first.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().attemptNumber()]
        >>> sc.parallelize(range(2), 2).mapPartitions(tell).collect()
        [0, 0]
        """
        return int(self._request["attempt"])

    def stageId(self) -> int:
        """Return the id of the stage that the task belongs to.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().stageId()]
        >>> stages = sc.parallelize(range(4), 4).mapPartitions(tell)
        >>> len(set(stages.collect()))
        1
        """
        return int(self._request["stage"])

    def taskAttemptId(self) -> int:
        """Return an id that no other attempt of a task has.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().taskAttemptId()]
        >>> attempts = sc.parallelize(range(4), 4).mapPartitions(tell)
        >>> len(set(attempts.collect()))
        4
        """
        return int(self._request["task"])

    def cpus(self) -> int:
        """Return the number of cores given to the task.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().cpus()]
        >>> sc.parallelize(range(2), 2).mapPartitions(tell).collect()
        [1, 1]
        """
        return 1

    def resources(self) -> dict[str, Any]:
        """Return the special resources given to the task: none.

        Examples
        --------
        >>> def tell(records):
        ...     return [TaskContext.get().resources()]
        >>> sc.parallelize(range(2), 2).mapPartitions(tell).collect()
        [{}, {}]
        """
        return {}

    def getLocalProperty(self, key: str) -> str | None:
        """Return a property that `SparkContext.setLocalProperty` set on the driver, or None.

        Examples
        --------
        >>> sc.setLocalProperty("team", "blue")
        >>> def tell(records):
        ...     return [TaskContext.get().getLocalProperty("team")]
        >>> sc.parallelize(range(2), 2).mapPartitions(tell).collect()
        ['blue', 'blue']
        """
        value = self._request.get("props", {}).get(key)
        return None if value is None else str(value)
