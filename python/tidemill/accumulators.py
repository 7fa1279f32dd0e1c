"""Accumulators: variables that tasks add to and the driver reads.

A pickled accumulator arrives in a task as zero; what the task adds to it travels back with the
task's result and is merged on the driver, once per successful task. Called by user programs, the
worker (`begin_task`, `take_updates`) and the engine (`merge_updates`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_on_driver: dict[int, Accumulator] = {}
_in_task: dict[int, Accumulator] = {}


class AccumulatorParam:
    """How values of one type are added; subclass it for a type of your own.

    Examples
    --------
    >>> class Lists(AccumulatorParam):
    ...     def zero(self, value):
    ...         return []
    ...     def addInPlace(self, value1, value2):
    ...         return value1 + value2
    >>> acc = sc.accumulator([], Lists())
    >>> sc.parallelize([1, 2], 1).foreach(lambda x: acc.add([x]))
    >>> acc.value
    [1, 2]
    """

    def zero(self, value: Any) -> Any:
        """Return the neutral value for the type of `value`.

        Examples
        --------
        >>> class Longest(AccumulatorParam):
        ...     def zero(self, value):
        ...         return ''
        >>> Longest().zero('any text')
        ''
        """
        raise NotImplementedError

    def addInPlace(self, value1: Any, value2: Any) -> Any:
        """Add two values; the first may be changed and returned.

        Examples
        --------
        >>> class Longest(AccumulatorParam):
        ...     def addInPlace(self, value1, value2):
        ...         return max(value1, value2, key=len)
        >>> Longest().addInPlace('a', 'abc')
        'abc'
        """
        raise NotImplementedError


class AddingAccumulatorParam(AccumulatorParam):
    """Add with ``+=``, from the given zero.

    Examples
    --------
    >>> AddingAccumulatorParam(0).addInPlace(1, 2)
    3
    """

    def __init__(self, zero_value: Any):
        self.zero_value = zero_value

    def zero(self, value: Any) -> Any:
        """Return the zero."""
        return self.zero_value

    def addInPlace(self, value1: Any, value2: Any) -> Any:
        """Add the second to the first."""
        value1 += value2
        return value1


INT_ACCUMULATOR_PARAM = AddingAccumulatorParam(0)
FLOAT_ACCUMULATOR_PARAM = AddingAccumulatorParam(0.0)
COMPLEX_ACCUMULATOR_PARAM = AddingAccumulatorParam(0.0j)


class Accumulator:
    """A variable that can only be added to in tasks, made by `SparkContext.accumulator`.

    Examples
    --------
    >>> acc = sc.accumulator(1)
    >>> sc.parallelize([1, 2, 3]).foreach(lambda x: acc.add(x))
    >>> acc.value
    7
    >>> acc += 10
    >>> acc.value
    17
    """

    def __init__(self, aid: int, value: Any, accum_param: AccumulatorParam):
        self.aid = aid
        self.accum_param = accum_param
        self._value = value
        self._deserialized = False
        _on_driver[aid] = self

    def __reduce__(self) -> tuple[Any, ...]:
        zero = self.accum_param.zero(self._value)
        return (_arrive, (self.aid, zero, self.accum_param))

    @property
    def value(self) -> Any:
        """The value; only the driver may read or set it.

        Examples
        --------
        >>> acc = sc.accumulator(2.5)
        >>> acc.value
        2.5
        """
        if self._deserialized:
            raise RuntimeError("Accumulator.value cannot be accessed inside tasks")
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        if self._deserialized:
            raise RuntimeError("Accumulator.value cannot be accessed inside tasks")
        self._value = value

    def add(self, term: Any) -> None:
        """Add a term.

        Examples
        --------
        >>> acc = sc.accumulator(0)
        >>> acc.add(4)
        >>> acc.value
        4
        """
        self._value = self.accum_param.addInPlace(self._value, term)

    def __iadd__(self, term: Any) -> Accumulator:
        self.add(term)
        return self

    def __str__(self) -> str:
        return str(self._value)

    def __repr__(self) -> str:
        return f"Accumulator<id={self.aid}, value={self._value}>"


def default_param(value: Any) -> AccumulatorParam:
    """Return the parameter for an int, float or complex start value.

    Examples
    --------
    >>> default_param([])
    Traceback (most recent call last):
    TypeError: No default accumulator param for type <class 'list'>
    """
    if isinstance(value, int):
        return INT_ACCUMULATOR_PARAM
    if isinstance(value, float):
        return FLOAT_ACCUMULATOR_PARAM
    if isinstance(value, complex):
        return COMPLEX_ACCUMULATOR_PARAM
    raise TypeError(f"No default accumulator param for type {type(value)}")


def create(value: Any, accum_param: AccumulatorParam | None = None) -> Accumulator:
    """Make an accumulator on the driver, with the next id."""
    param = default_param(value) if accum_param is None else accum_param
    return Accumulator(len(_on_driver), value, param)


def _arrive(aid: int, zero: Any, accum_param: AccumulatorParam) -> Accumulator:
    if aid in _in_task:
        return _in_task[aid]
    accumulator = Accumulator.__new__(Accumulator)
    accumulator.aid = aid
    accumulator.accum_param = accum_param
    accumulator._value = zero
    accumulator._deserialized = True
    _in_task[aid] = accumulator
    return accumulator


def begin_task() -> None:
    """Forget what an earlier task of this worker added."""
    _in_task.clear()


def take_updates() -> bytes:
    """Return what this task added, pickled; empty when it knows no accumulator."""
    if not _in_task:
        return b""
    from tidemill.serializers import dumps

    return dumps([(aid, accumulator._value) for aid, accumulator in _in_task.items()])


def merge_updates(updates: list[bytes]) -> None:
    """Add the updates of finished tasks to the driver's accumulators; the engine calls it after a "
    "job."""
    from tidemill.serializers import loads

    for update in updates:
        for aid, term in loads(update):
            if aid in _on_driver:
                _on_driver[aid].add(term)
