"""`RDD`: the class that programs see; here its output to files and programs, and its checkpoints.

The operators are in the classes it derives from, one file a topic: `rdd_core` (narrow operators,
running), `rdd_pairs`, `rdd_sorting`, `rdd_actions`. Made by `SparkContext` and by the operators.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from tidemill import parts
from tidemill._engine import portable_hash
from tidemill.errors import IllegalArgumentError, IllegalStateError
from tidemill.rdd_actions import ActionRDD
from tidemill.rdd_core import Partitioner

__all__ = ["RDD", "Partitioner", "PipelinedRDD", "portable_hash"]

T = TypeVar("T")


class RDD(ActionRDD[T]):
    """A resilient distributed dataset: an immutable, partitioned collection, computed when an
    action asks.

    Made by `SparkContext.parallelize`, `SparkContext.textFile` and the operators, never directly.

    Examples
    --------
    >>> words = sc.parallelize(["to be", "or not", "to be"]).flatMap(str.split)
    >>> sorted(words.map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b).collect())
    [('be', 2), ('not', 1), ('or', 1), ('to', 2)]
    """

    def saveAsTextFile(self, path: str, compressionCodecClass: str | None = None) -> None:
        """Write the records as lines of text, a file per partition, and ``_SUCCESS`` when all are
        there.

        Parameters
        ----------
        path : str
            A directory that does not exist yet, a path or a ``file:`` URI.
        compressionCodecClass : str, optional
            ``"org.apache.hadoop.io.compress.GzipCodec"``, or nothing.

        Raises
        ------
        JobError
            When the directory exists or a task fails.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "out")
        ...     sc.parallelize(["x", "y"], 2).saveAsTextFile(path)
        ...     print(sorted(os.listdir(path)), sorted(sc.textFile(path).collect()))
        ['_SUCCESS', 'part-00000', 'part-00001'] ['x', 'y']
        """
        suffix = _suffix(compressionCodecClass)
        folder = parts.prepare(path)
        self._collect_through(partial(parts.write_text, folder, suffix), "saveAsTextFile")
        parts.finish(folder)

    def saveAsPickleFile(self, path: str, batchSize: int = 10) -> None:
        """Write the records as pickled lists, for `SparkContext.pickleFile`.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "out")
        ...     sc.parallelize([(1, "a"), None]).saveAsPickleFile(path)
        ...     print(sc.pickleFile(path).collect())
        [(1, 'a'), None]
        """
        folder = parts.prepare(path)
        self._collect_through(partial(parts.write_pickle, folder), "saveAsPickleFile")
        parts.finish(folder)

    def pipe(
        self, command: str, env: dict[str, str] | None = None, checkCode: bool = False
    ) -> RDD[str]:
        """Send each partition through a program, a line a record.

        Examples
        --------
        >>> sc.parallelize(["1", "2", "", "3"]).pipe("cat").collect()
        ['1', '2', '', '3']
        """
        return self.mapPartitions(partial(_through, command, env, checkCode))

    # Checkpoints ----------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Write this RDD to the checkpoint directory after the next action, and read it from there.

        Raises
        ------
        IllegalStateError
            When `SparkContext.setCheckpointDir` was not called.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sc.setCheckpointDir(folder)
        ...     rdd = sc.range(3)
        ...     rdd.checkpoint()
        ...     print(rdd.isCheckpointed(), rdd.count(), rdd.isCheckpointed())
        False 3 True
        """
        if self.ctx.getCheckpointDir() is None:
            raise IllegalStateError(
                "Checkpoint directory has not been set in the SparkContext; call "
                "sc.setCheckpointDir first"
            )
        self._checkpoint_pending = self._checkpoint_file is None

    def _write_checkpoint(self) -> None:
        file = os.path.join(str(self.ctx.getCheckpointDir()), f"rdd-{self.id()}")
        partitioner = self.partitioner
        self.saveAsPickleFile(file)
        self._handle = self.ctx.pickleFile(file)._handle
        self._handle.tag = partitioner
        self._checkpoint_file = file

    def localCheckpoint(self) -> None:
        """Keep this RDD in memory after the next action.

        Examples
        --------
        >>> rdd = sc.range(3)
        >>> rdd.localCheckpoint()
        >>> rdd.isLocallyCheckpointed()
        True
        """
        self.persist()

    def isCheckpointed(self) -> bool:
        """Tell whether this RDD has been written to the checkpoint directory.

        Examples
        --------
        >>> sc.range(3).isCheckpointed()
        False
        """
        return self._checkpoint_file is not None

    def isLocallyCheckpointed(self) -> bool:
        """Tell whether this RDD is kept in memory.

        Examples
        --------
        >>> sc.range(3).isLocallyCheckpointed()
        False
        """
        return self.is_cached

    def getCheckpointFile(self) -> str | None:
        """Return the directory that this RDD was written to, or None.

        Examples
        --------
        >>> sc.range(3).getCheckpointFile() is None
        True
        """
        return self._checkpoint_file


PipelinedRDD = RDD


def _suffix(codec: str | None) -> str:
    if codec is None:
        return ""
    if codec.endswith("GzipCodec"):
        return ".gz"
    raise IllegalArgumentError(
        f"Expected org.apache.hadoop.io.compress.GzipCodec or None, got {codec!r}; "
        "other compressions are not supported"
    )


def _through(
    command: str, env: dict[str, str] | None, check: bool, records: Iterable[Any]
) -> Iterator[str]:
    import shlex
    import threading
    from subprocess import PIPE, Popen

    process = Popen(
        shlex.split(command), env=env, stdin=PIPE, stdout=PIPE, text=True, encoding="utf-8"
    )
    assert process.stdin is not None and process.stdout is not None
    feeder = threading.Thread(target=_feed, args=(process.stdin, records), daemon=True)
    feeder.start()
    for line in process.stdout:
        yield line.rstrip("\n")
    feeder.join()
    code = process.wait()
    if check and code:
        raise RuntimeError(f"Pipe function `{command}' exited with error code {code}")


def _feed(stdin: Any, records: Iterable[Any]) -> None:
    try:
        with stdin:
            for record in records:
                stdin.write(str(record).rstrip("\n") + "\n")
    except BrokenPipeError:
        pass  # the program has read enough
