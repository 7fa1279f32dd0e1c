"""The batches that a function of `mapArrow` returned, on their way back.

They become typed records, for compiled functions, if all are of one form that typed records have;
a pickled list of Python objects otherwise. Either way the records are the same, wherever batches
were cut. Runs in the workers (`tidemill.columns`).
"""

from __future__ import annotations

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

        self._batches = [_checked(batch) for batch in self._batches if batch.num_rows]
        plain = _alike(self._batches)
        if not plain:
            return None
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, plain[0].schema) as stream:
            for batch in plain:
                stream.write_batch(batch)
        return ARROW, sum(batch.num_rows for batch in plain), sink.getvalue().to_pybytes()


def _checked(batch: Any) -> Any:
    names = batch.schema.names
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "mapArrow expects a function that returns columns of different names, one for "
            "scalars (value), _1 to _n for tuples, others for dicts; got the columns "
            f"{names}. Rename them"
        )
    return batch


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
    names, columns = batch.schema.names, [_values(column) for column in batch.columns]
    return columns[0] if names == [VALUE] else _joined(names, columns)


def _joined(names: list[str], columns: list[list[Any]]) -> list[Any]:
    rows = zip(*columns)
    if names and names == [f"_{number + 1}" for number in range(len(names))]:
        return list(rows)
    return [dict(zip(names, row)) for row in rows]


def _values(array: Any) -> list[Any]:
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        return _values(array.dictionary_decode())
    if types.is_struct(kind) and kind.num_fields:
        names = [field.name for field in _fields(kind)]
        rows = _joined(names, [_values(array.field(at)) for at in range(kind.num_fields)])
        there = array.is_valid().to_pylist()
        return [row if valid else None for row, valid in zip(rows, there)]
    if _is_list(kind):
        return [_values(item.values) if item.is_valid else None for item in array]
    return array.to_pylist()


def _alike(batches: list[Any]) -> list[Any] | None:
    """Give all batches the same types, those that typed records have; None if they have others."""
    names = {tuple(batch.schema.names) for batch in batches}
    if len(names) != 1:
        return None
    columns = [_columns_alike(arrays) for arrays in zip(*(batch.columns for batch in batches))]
    if None in columns:
        return None
    import pyarrow as pa

    names_of_all = list(names.pop())
    return [pa.RecordBatch.from_arrays(list(row), names=names_of_all) for row in zip(*columns)]


def _columns_alike(arrays: Iterable[Any]) -> list[Any] | None:
    import pyarrow as pa

    arrays = list(arrays)
    kind = pa.null()
    for array in arrays:
        kind = _common(kind, _plain_type(array.type))
    if kind is None:
        return None
    try:
        return [array if array.type == kind else array.cast(kind) for array in arrays]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _common(one: Any, other: Any) -> Any:
    """The type of the Python values of both, to the order of keys; None if there is none.

    Only null gives way to another type. What pyarrow calls promotion makes None of a key that a
    struct does not have, and a float of an int.
    """
    import pyarrow as pa
    from pyarrow import types

    if one is None or other is None:
        return None
    if types.is_null(one) or types.is_null(other):
        return other if types.is_null(one) else one
    if types.is_list(one) and types.is_list(other):
        item = _common(one.value_type, other.value_type)
        return item and pa.list_(item)
    if types.is_struct(one) and types.is_struct(other):
        return _common_struct(_fields(one), _fields(other))
    return one if one == other else None


def _common_struct(one: list[Any], other: list[Any]) -> Any:
    import pyarrow as pa

    names = [field.name for field in one]
    kinds = [_common(a.type, b.type) for a, b in zip(one, other)]
    if names != [field.name for field in other] or None in kinds:
        return None
    return pa.struct(list(zip(names, kinds)))


def _fields(kind: Any) -> list[Any]:
    return [kind.field(at) for at in range(kind.num_fields)]


def _plain_type(kind: Any) -> Any:
    """The type that typed records have for the same Python values; None if there is none."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_null(kind) or types.is_boolean(kind):
        return kind
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_string(kind) or types.is_large_string(kind) or _is_view(kind):
        return pa.string()
    if types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if _is_list(kind):
        item = _plain_type(kind.value_type)
        return item and pa.list_(item)
    if types.is_struct(kind):
        parts = [(field.name, _plain_type(field.type)) for field in _fields(kind)]
        names = {name for name, _ in parts}
        if not parts or len(names) < len(parts) or any(part is None for _, part in parts):
            return None
        return pa.struct(parts)
    return None


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_view(kind: Any) -> bool:
    from pyarrow import types

    # Not there in older versions.
    return bool(getattr(types, "is_string_view", lambda _: False)(kind))
