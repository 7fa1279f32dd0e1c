"""`mapArrow`: whole columns for a function, as Arrow batches that lie where the engine wrote them.

Runs in the workers, but for `require` and `rows_of`. Blocks of typed records come as Arrow; lines
and other records are made into columns here, if they have them (the engine's ``arrow/intake.rs``
says which). What a function returns is for `tidemill.batches`. Needs pyarrow, which is imported
when it is used.
"""

from __future__ import annotations

from itertools import islice

from tidemill._engine import Intake, arrow_of_text
from tidemill.batches import Batches, checked
from tidemill.serializers import ARROW, TEXT, Blocks, decode, viewed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

ROWS_KEY = "spark.sql.execution.arrow.maxRecordsPerBatch"
ROWS = 10_000
MOST_ROWS = 2**31 - 1


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
        rows = ROWS if setting is None else max(int(setting), 0)
    except ValueError:
        rows = MOST_ROWS + 1
    if rows > MOST_ROWS:
        wish = f"must be a whole number of at most {MOST_ROWS}"
        raise IllegalArgumentError(f"{ROWS_KEY} {wish}, got {setting!r}")
    return rows


def map_arrow(f: Callable[[Any], Any], rows: int, index: int, records: Any) -> Batches:
    """Call `f` with batches of at most `rows` records, in order; return what it gives."""
    return Batches(_results(f, _batches(records, rows)))


# The worker gives it the blocks as they are, not the records in them.
map_arrow.takes_blocks = True  # type: ignore[attr-defined]


def _results(f: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        result = f(batch)
        if isinstance(result, pa.Table):
            yield from checked(result).to_batches()
        elif isinstance(result, pa.RecordBatch):
            yield checked(result)
        else:
            raise TypeError(
                "mapArrow expects a function that returns a pyarrow.RecordBatch or a "
                f"pyarrow.Table, got {type(result).__name__}. For one column of records: "
                'pyarrow.RecordBatch.from_arrays([values], names=["value"])'
            )


def _batches(records: Any, rows: int) -> Iterator[Any]:
    import pyarrow as pa

    read = 0
    for intake, data in _inputs(records, rows):
        stream = data if intake is None else intake.columns(data, read)
        for batch in pa.ipc.open_stream(stream):
            read += batch.num_rows
            for at in range(0, batch.num_rows, rows or batch.num_rows):
                yield batch.slice(at, rows or None)


def _inputs(records: Any, rows: int) -> Iterator[tuple[Intake | None, Any]]:
    """Yield lists of records, and what makes columns of them; or streams of Arrow's IPC format."""
    if type(records) is not Blocks:
        intake, left = Intake(), iter(records)
        while listed := list(islice(left, rows or None)):
            yield intake, listed
        return
    for kind, data in records.take():
        if kind == ARROW:
            yield None, data if isinstance(data, (bytes, memoryview)) else data.lend()
        elif kind == TEXT:
            yield None, arrow_of_text(bytes(viewed(data)))
        else:
            yield Intake(), decode(kind, data)
