"""The one line that says how a stream went, for `tidemill submit --summary`.

Made from what the engine's `Streaming.summary` counts; written by `StreamingContext` once it has
stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary_line(counts: Mapping[str, Any]) -> str:
    """Return the line for the engine's counts.

    Parameters
    ----------
    counts : mapping
        `batches`, `records`, `median_processing_ms`, `max_scheduling_delay_ms`, and, if there
        were any, `failed_batches` and `receiver_errors`.

    Examples
    --------
    >>> summary_line({"batches": 10, "records": 20000, "median_processing_ms": 1.23,
    ...               "max_scheduling_delay_ms": 0})
    'tidemill: 10 batches, 20,000 records, median processing time 1.2 ms, largest delay 0.0 ms'
    """
    parts = [
        _counted(int(counts.get("batches", 0)), "batch", "batches"),
        _counted(int(counts.get("records", 0)), "record", "records"),
        f"median processing time {float(counts.get('median_processing_ms') or 0):.1f} ms",
        f"largest delay {float(counts.get('max_scheduling_delay_ms') or 0):.1f} ms",
    ]
    failed, lost = int(counts.get("failed_batches") or 0), int(counts.get("receiver_errors") or 0)
    if failed:
        parts.append(_counted(failed, "failed batch", "failed batches"))
    if lost:
        parts.append(_counted(lost, "receiver error", "receiver errors"))
    return "tidemill: " + ", ".join(parts)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
