"""`mapArrow`: whole columns for a function, as Arrow batches that lie where the engine wrote them.

Runs in the workers, but for `require` and `rows_of`. Blocks of typed records come as Arrow; lines
and other records are made into columns here, if they have them (the engine's ``arrow/intake.rs``
says which). What a function returns is for `tidemill.batches`. Needs pyarrow, which is imported
when it is used.
"""

from __future__ import annotations

from itertools import islice

from tidemill._engine import arrow_of_list, arrow_of_text
from tidemill.batches import Batches
from tidemill.serializers import ARROW, TEXT, Blocks, decode, viewed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tidemill.serializers import Data

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
        for batch in pa.ipc.open_stream(stream):
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
