"""The batches that a function of `mapArrow` returned, on their way back.

They stay columns, which compiled functions read, if all are of one form that typed records have;
they are a pickled list of Python objects otherwise. Either way the records are the same, wherever
batches were cut. Runs in the workers (`tidemill.columns`).
"""

from __future__ import annotations

from tidemill.arrowtypes import (
    are_numbered,
    check_type,
    common_type,
    fields_of,
    holds_struct,
    plain_type,
)
from tidemill.serializers import ARROW, Encodable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

VALUE = "value"


class Batches(Encodable):
    """Arrow batches: the result of a task.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Of columns that `checked` has found right.

    Examples
    --------
    >>> import pyarrow as pa
    >>> batch = pa.RecordBatch.from_pydict({"_1": ["a", "b"], "_2": [1, None]})
    >>> list(Batches([batch]))
    [('a', 1), ('b', None)]
    """

    def __init__(self, batches: Iterable[Any]):
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        for batch in self._batches:
            yield from records_of(batch)

    def encode(self) -> tuple[int, int, bytes] | None:
        """Return kind, count and bytes; None, after all was read, if typed records cannot be it."""
        import pyarrow as pa

        self._batches = [batch for batch in self._batches if batch.num_rows]
        plain = _alike(self._batches)
        if not plain:
            return None
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, plain[0].schema) as stream:
            for batch in plain:
                stream.write_batch(batch)
        return ARROW, sum(batch.num_rows for batch in plain), sink.getvalue().to_pybytes()


def checked(result: Any) -> Any:
    """Return a RecordBatch or Table whose values can be read, with nothing lost; or raise."""
    names = result.schema.names
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "mapArrow expects a function that returns columns, each of another name: value for "
            "records that are neither tuples nor dicts, _1 to _n for tuples, others for dicts; "
            f"got the columns {names}. Rename them; batch.slice(0, 0) is no record at all"
        )
    for field in result.schema:
        check_type(field.type, field.name)
    try:
        result.validate(full=True)
    except ValueError as error:
        raise ValueError(
            f"mapArrow expects valid columns; got some that are not: {error}. Make them of Python "
            "values or by pyarrow.compute; bytes that are no text are for pyarrow.binary()"
        ) from None
    return result


def records_of(batch: Any) -> list[Any]:
    """Return the records of a batch, whatever its columns.

    Examples
    --------
    >>> import pyarrow as pa
    >>> records_of(pa.RecordBatch.from_pydict({"value": [1, None]}))
    [1, None]
    >>> records_of(pa.RecordBatch.from_pydict({"name": ["a"], "at": [[1.5]]}))
    [{'name': 'a', 'at': [1.5]}]
    """
    names = batch.schema.names
    columns = [_column(name, array) for name, array in zip(names, batch.columns)]
    return columns[0] if names == [VALUE] else _joined(names, columns)


def _column(name: str, array: Any) -> list[Any]:
    try:
        return _values(array)
    except (ArithmeticError, LookupError, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"mapArrow expects columns whose values Python has; got the column {name} of type "
            f"{array.type}, and {_sentence(error)}. Cast it in the function, for instance to "
            "timestamp('us') or to an integer"
        ) from None


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")


def _joined(names: list[str], columns: list[list[Any]]) -> list[Any]:
    rows = zip(*columns)
    return list(rows) if are_numbered(names) else [dict(zip(names, row)) for row in rows]


def _values(array: Any) -> list[Any]:
    from pyarrow import compute, types

    kind = array.type
    if not holds_struct(kind):
        return array.to_pylist()
    if types.is_struct(kind):
        return _structs(array)
    if types.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if types.is_map(kind):
        return [_pairs(item.values) if item.is_valid else None for item in array]
    if types.is_run_end_encoded(kind):
        return _values(compute.run_end_decode(array))
    return [_values(item.values) if item.is_valid else None for item in array]


def _structs(array: Any) -> list[Any]:
    fields = fields_of(array.type)
    if not fields:
        return array.to_pylist()
    columns = [_values(array.field(at)) for at in range(len(fields))]
    rows = _joined([field.name for field in fields], columns)
    there = array.is_valid().to_pylist()
    return [row if valid else None for row, valid in zip(rows, there)]


def _pairs(entries: Any) -> list[Any]:
    return list(zip(_values(entries.field(0)), _values(entries.field(1))))


def _alike(batches: list[Any]) -> list[Any] | None:
    """Give all batches the same types, those that typed records have; None if they have others."""
    import pyarrow as pa

    names = {tuple(batch.schema.names) for batch in batches}
    if len(names) != 1:
        return None
    columns = [_columns_alike(arrays) for arrays in zip(*(batch.columns for batch in batches))]
    if any(column is None for column in columns):
        return None
    order = list(names.pop())
    return [pa.RecordBatch.from_arrays(list(row), names=order) for row in zip(*columns)]


def _columns_alike(arrays: tuple[Any, ...]) -> list[Any] | None:
    import pyarrow as pa

    kind = pa.null()
    for array in arrays:
        kind = common_type(kind, plain_type(array.type))
    if kind is None:
        return None
    try:
        return [array if array.type == kind else array.cast(kind) for array in arrays]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return None
