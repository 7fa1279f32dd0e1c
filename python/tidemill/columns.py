"""`mapArrow`: whole columns for a function, as Arrow batches that lie where the engine wrote them.

Runs in the workers, but for `require` and `rows_of`. Blocks of typed records come as Arrow; lines
and other records are made into columns here, if they have them (the engine's ``arrow/intake.rs``
says which). What a function returns goes back as columns and becomes typed records, for compiled
functions; or as a pickled list, if it has columns that typed records do not have. Needs pyarrow,
which is imported when it is used.
"""

from __future__ import annotations

from itertools import islice

from tidemill._engine import arrow_of_list, arrow_of_text
from tidemill.serializers import ARROW, TEXT, Blocks, Encodable, decode, viewed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tidemill.serializers import Data

VALUE = "value"
ROWS_KEY = "spark.sql.execution.arrow.maxRecordsPerBatch"
ROWS = 10_000


def require() -> None:
    """Raise an error that says what to install if there is no pyarrow."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise ImportError(
            "mapArrow expects the package pyarrow, which is not installed; install it with "
            "pip install 'tidemill[arrow]'"
        )


def rows_of(setting: str | None) -> int:
    """Return the most rows of a batch, from the setting; 0 for no bound, as in Spark."""
    from tidemill.errors import IllegalArgumentError

    try:
        return ROWS if setting is None else max(int(setting), 0)
    except ValueError:
        raise IllegalArgumentError(f"{ROWS_KEY} must be a whole number, got {setting!r}") from None


def map_arrow(f: Callable[[Any], Any], rows: int, index: int, records: Any) -> Batches:
    """Call `f` with batches of at most `rows` records, in order; return what it gives."""
    return Batches(_results(f, _batches(_streams(records, rows), rows)))


# The worker gives it the blocks as they are, not the records in them.
map_arrow.takes_blocks = True  # type: ignore[attr-defined]


def _results(f: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        result = f(batch)
        if isinstance(result, pa.Table):
            yield from result.to_batches()
        elif isinstance(result, pa.RecordBatch):
            yield result
        else:
            raise TypeError(
                "mapArrow expects a function that returns a pyarrow.RecordBatch or a "
                f"pyarrow.Table, got {type(result).__name__}. For one column of records: "
                'pyarrow.RecordBatch.from_arrays([values], names=["value"])'
            )


def _batches(streams: Iterable[Data], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    for stream in streams:
        for batch in pa.ipc.open_stream(pa.py_buffer(stream)):
            for at in range(0, batch.num_rows, rows or batch.num_rows):
                yield batch.slice(at, rows or None)


def _streams(records: Any, rows: int) -> Iterator[Data]:
    """Yield streams of Arrow's IPC format."""
    if type(records) is not Blocks:
        yield from _gathered(iter(records), rows)
        return
    first = 0
    for kind, data in records.take():
        if kind == ARROW:
            yield data if isinstance(data, (bytes, memoryview)) else data.lend()
        elif kind == TEXT:
            yield arrow_of_text(bytes(viewed(data)))
        else:
            listed = decode(kind, data)
            yield arrow_of_list(listed, first)
            first += len(listed)


def _gathered(records: Iterator[Any], rows: int) -> Iterator[Data]:
    first = 0
    while True:
        listed = list(islice(records, rows or None))
        if not listed:
            return
        yield arrow_of_list(listed, first)
        first += len(listed)


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
        plain = [_plain_batch(batch) for batch in self._batches]
        names = {tuple(batch.schema.names) for batch in plain if batch is not None}
        if None in plain or len(names) != 1:
            return None
        tables = [pa.Table.from_batches([batch]) for batch in plain]
        try:
            table = pa.concat_tables(tables, promote_options="default")
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return None
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return ARROW, table.num_rows, sink.getvalue().to_pybytes()


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
        names = [kind.field(at).name for at in range(kind.num_fields)]
        rows = _joined(names, [_values(array.field(at)) for at in range(kind.num_fields)])
        there = array.is_valid().to_pylist()
        return [row if valid else None for row, valid in zip(rows, there)]
    if _is_list(kind):
        return [_values(item.values) if item.is_valid else None for item in array]
    return array.to_pylist()


def _plain_batch(batch: Any) -> Any:
    """The batch with the types that typed records have; None if it has others."""
    import pyarrow as pa

    types = [_plain_type(column.type) for column in batch.columns]
    if None in types:
        return None
    columns = zip(batch.columns, types)
    try:
        cast = [array if array.type == kind else array.cast(kind) for array, kind in columns]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return pa.RecordBatch.from_arrays(cast, names=batch.schema.names)


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
        fields = [kind.field(at) for at in range(kind.num_fields)]
        parts = [(field.name, _plain_type(field.type)) for field in fields]
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
