"""Part files: how tasks write the partitions of an RDD to a directory, and how they are read back.

A part is written under a temporary name and renamed when it is complete, so a directory never holds
half a part; the driver writes ``_SUCCESS`` when all are there. The operators run in workers;
`prepare` and `finish` on the driver.
"""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlparse

from tidemill.errors import IllegalArgumentError, JobError


def local_path(path: str) -> str:
    """Return the local path of a path or ``file:`` URI.

    Examples
    --------
    >>> local_path("file:///data/out")
    '/data/out'
    """
    scheme = path.split(":", 1)[0] if "://" in path or path.startswith("file:") else ""
    if scheme == "file":
        return unquote(urlparse(path).path)
    if scheme:
        raise IllegalArgumentError(
            f"Expected a local path or a file: URI, got {path!r}: the scheme {scheme!r} is not "
            "supported. Write to a local path"
        )
    return path


def prepare(path: str) -> str:
    """Create the output directory; an existing one is an error, as in Hadoop."""
    folder = os.path.abspath(local_path(path))
    try:
        os.makedirs(folder)
    except FileExistsError:
        raise JobError(
            f"org.apache.hadoop.mapred.FileAlreadyExistsException: Output directory "
            f"file:{folder} already exists. Remove it, or choose another directory.",
            "path_exists",
            {"path": folder},
        ) from None
    except OSError as error:
        raise JobError(
            f"Cannot create the output directory {folder}: {error.strerror}. "
            "Choose a directory that this user may write.",
            "io",
            {"path": folder},
        ) from error
    return folder


def finish(folder: str) -> None:
    """Mark the directory as complete."""
    open(os.path.join(folder, "_SUCCESS"), "wb").close()


def write_text(folder: str, suffix: str, index: int, records: Iterable[Any]) -> Iterator[Any]:
    """Write a partition as lines of UTF-8, records by `str`; yield nothing."""
    with _Part(folder, f"part-{index:05d}{suffix}") as temporary:
        with (gzip.open if suffix == ".gz" else open)(temporary, "wb") as file:
            for record in records:
                line = record if isinstance(record, (str, bytes)) else str(record)
                data = line.encode("utf-8") if isinstance(line, str) else line
                file.write(data + b"\n")
    return
    yield


def write_pickle(folder: str, index: int, records: Iterable[Any]) -> Iterator[Any]:
    """Write a partition as one pickled list; yield nothing."""
    from tidemill.serializers import dumps

    with _Part(folder, f"part-{index:05d}") as temporary, open(temporary, "wb") as file:
        file.write(dumps(list(records)))
    return
    yield


def read_pickle(index: int, records: Iterable[Any]) -> Iterator[Any]:
    """Yield the records of the part files named by the records."""
    for record in records:
        with open(record, "rb") as file:
            yield from pickle.load(file)


def read_whole(text: bool, index: int, records: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield ``(file: URI, content)`` of the files named by the records."""
    for record in records:
        with open(record, "rb") as file:
            data = file.read()
        yield "file:" + record, data.decode("utf-8", "replace") if text else data


def read_fixed(length: int, index: int, records: Iterable[Any]) -> Iterator[bytes]:
    """Yield the records of `length` bytes of the files named by the records."""
    for record in records:
        with open(record, "rb") as file:
            data = file.read()
        if len(data) % length:
            raise ValueError(
                f"Expected a multiple of recordLength ({length} bytes), got {len(data)} bytes in "
                f"{record}"
            )
        for start in range(0, len(data), length):
            yield data[start : start + length]


def list_files(path: str) -> list[str]:
    """Return the visible files of a directory, glob or comma-separated list, sorted."""
    import glob

    found: list[str] = []
    for pattern in path.split(","):
        for name in sorted(glob.glob(local_path(pattern))):
            name = os.path.abspath(name)
            inside = sorted(os.listdir(name)) if os.path.isdir(name) else None
            found += [name] if inside is None else [os.path.join(name, entry) for entry in inside]
    visible = [n for n in found if os.path.isfile(n) and os.path.basename(n)[0] not in "._"]
    if not found:
        raise JobError(
            f"Input path does not exist: {path}. Check the name; a relative one starts from "
            f"{os.getcwd()}",
            "path_missing",
            {"path": path},
        )
    return visible


class _Part:
    """A file that appears under its name only when it is complete."""

    def __init__(self, folder: str, name: str):
        self._name = os.path.join(folder, name)
        self._temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")

    def __enter__(self) -> str:
        return self._temporary

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            os.replace(self._temporary, self._name)
        elif os.path.exists(self._temporary):
            os.remove(self._temporary)
