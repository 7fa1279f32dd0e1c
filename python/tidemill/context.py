"""`SparkContext`: owns the engine and its workers, makes RDDs, broadcast variables and
accumulators.

At most one is active in a process. Its engine is started by the constructor and ended by `stop`
(also at exit, so that no worker is left behind). Called by user programs and by `StreamingContext`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Any, ClassVar, TypeVar

from tidemill import accumulators, ops, parts, serializers
from tidemill._engine import Block, Engine, range_block, typed_block
from tidemill._engine import Rdd as Handle
from tidemill.broadcast import Broadcast
from tidemill.conf import EXPLAIN, SparkConf, switch, warn_of_unknown
from tidemill.errors import IllegalArgumentError, IllegalStateError, JobError
from tidemill.master import parse_master
from tidemill.rdd import RDD

T = TypeVar("T")

SPARK_VERSION = "3.5.9"  # whose Python API this follows; programs compare sc.version with it
_BATCH = 1024


class SparkContext:
    """The entry point: a connection to the engine.

    Parameters
    ----------
    master : str, optional
        ``local``, ``local[N]``, ``local[*]`` or ``local[N,F]``; by default what ``tidemill submit``
        or `conf` says, else ``local[*]``.
    appName : str, optional
        A name for the application.
    environment : dict, optional
        Environment variables of the workers.
    pyFiles : list of str, optional
        Paths to add to the workers' import path.
    conf : SparkConf, optional
        Settings.

    Raises
    ------
    ValueError
        When another context is active.
    IllegalArgumentError
        When the master is not one of those above.

    Examples
    --------
    >>> sc.parallelize([1, 2, 3]).map(lambda x: x * 2).collect()
    [2, 4, 6]
    >>> SparkContext("local")
    Traceback (most recent call last):
    ValueError: Cannot run multiple SparkContexts at once; existing SparkContext(app=...,
    master=local[2]) ...
    """

    _active_spark_context: ClassVar[SparkContext | None] = None
    _lock = threading.RLock()
    _gateway = None
    _jvm = None

    PACKAGE_EXTENSIONS = (".zip", ".egg", ".jar")

    def __init__(
        self,
        master: str | None = None,
        appName: str | None = None,
        sparkHome: str | None = None,
        pyFiles: list[str] | None = None,
        environment: dict[str, Any] | None = None,
        batchSize: int = 0,
        serializer: Any = None,
        conf: SparkConf | None = None,
        gateway: Any = None,
        jsc: Any = None,
        profiler_cls: Any = None,
        udf_profiler_cls: Any = None,
        memory_profiler_cls: Any = None,
    ):
        with SparkContext._lock:
            self._refuse_second()
            self._callsite = _callsite()
            self._configure(master, appName, sparkHome, environment, conf)
            self._local = threading.local()
            self._ids = count()
            self._checkpoint_dir: str | None = None
            self._files: list[str] = []
            self._start()
            SparkContext._active_spark_context = self
        for path in pyFiles or ():
            self.addPyFile(path)

    # Starting and stopping ------------------------------------------------------------------

    @classmethod
    def _refuse_second(cls) -> None:
        active = cls._active_spark_context
        if active is not None:
            raise ValueError(
                "Cannot run multiple SparkContexts at once; existing "
                f"SparkContext(app={active.appName}, "
                f"master={active.master}) created by {active._callsite}. Call its stop() first"
            )

    def _configure(
        self,
        master: str | None,
        appName: str | None,
        sparkHome: str | None,
        environment: dict[str, Any] | None,
        conf: SparkConf | None,
    ) -> None:
        self._conf = (conf or SparkConf())._copy()
        self.environment: dict[str, Any] = dict(environment or {})
        self.environment["PYTHONHASHSEED"] = os.environ.get("PYTHONHASHSEED", "0")
        for name, value in self.environment.items():
            self._conf.set(f"spark.executorEnv.{name}", value)
        if master:
            self._conf.setMaster(master)
        if appName:
            self._conf.setAppName(appName)
        if sparkHome:
            self._conf.setSparkHome(sparkHome)
        self._conf.setIfMissing("spark.master", "local[*]")
        self._conf.setIfMissing("spark.app.name", _script_name())
        self.master = str(self._conf.get("spark.master"))
        self.appName = str(self._conf.get("spark.app.name"))
        self.sparkHome = self._conf.get("spark.home")
        self.pythonVer = f"{sys.version_info[0]}.{sys.version_info[1]}"
        self.serializer = None

    def _start(self) -> None:
        settings = dict(self._conf.getAll())
        warn_of_unknown(settings)
        self._explains = switch(settings, EXPLAIN)
        parsed = parse_master(self.master)
        if parsed.max_failures is not None:
            self._conf.set("spark.task.maxFailures", parsed.max_failures)
        self._slots = parsed.slots
        self._parallelism = self._read_parallelism()
        self._started_ms = int(time.time() * 1000)
        self._application_id = f"local-{self._started_ms}"
        self._conf.set("spark.app.id", self._application_id)
        self._pid = os.getpid()
        self._root = tempfile.mkdtemp(prefix="tidemill-")
        serializers.files_root = self._root
        try:
            self._live: Engine | None = Engine(
                parsed.slots,
                dict(self._conf.getAll()),
                sys.executable,
                serializers.dump_ops,
                accumulators.merge_updates,
            )
        except BaseException:
            shutil.rmtree(self._root, ignore_errors=True)
            raise
        atexit.register(self.stop)

    def _read_parallelism(self) -> int:
        text = self._conf.get("spark.default.parallelism")
        if text is None:
            return self._slots
        if not text.strip().isdigit() or int(text) < 1:
            raise IllegalArgumentError(
                f"Expected spark.default.parallelism to be a positive number, got {text!r}"
            )
        return int(text)

    @property
    def _engine(self) -> Engine:
        if self._live is None:
            raise IllegalStateError(
                f"Cannot call methods on a stopped SparkContext (app={self.appName}). Create a new "
                "one"
            )
        return self._live

    def stop(self) -> None:
        """End the engine and its workers. A second call does nothing.

        Examples
        --------
        >>> with SparkContext("local[1]") as other:  # doctest: +SKIP
        ...     other.range(3).count()  # the end of the block calls stop()
        """
        if os.getpid() != self._pid:
            # A copy of the driver, which has neither its threads nor its workers.
            return
        with SparkContext._lock:
            engine, self._live = self._live, None
            if SparkContext._active_spark_context is self:
                SparkContext._active_spark_context = None
        if engine is None:
            return
        atexit.unregister(self.stop)
        if self._explains:
            off = self._conf.get("tidemill.python.compile") == "off"
            none = "all in CPython: compiling is off" if off else "none ran"
            lines = engine.explain() or [none]
            print("tidemill: operators:", *lines, sep="\n  ", file=sys.stderr)
            spent = engine.compile_seconds * 1000
            print(f"tidemill: compiled in {spent:.1f} ms", file=sys.stderr, flush=True)
        engine.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def __enter__(self) -> SparkContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<SparkContext master={self.master} appName={self.appName}>"

    def __getnewargs__(self) -> Any:
        raise RuntimeError(
            "[CONTEXT_ONLY_VALID_ON_DRIVER] It appears that you are attempting to reference "
            "SparkContext from a "
            "broadcast variable, action, or transformation. SparkContext can only be used on the "
            "driver, not in "
            "code that it run on workers. For more information, see SPARK-5063."
        )

    @classmethod
    def getOrCreate(cls, conf: SparkConf | None = None) -> SparkContext:
        """Return the active context, or a new one.

        Examples
        --------
        >>> SparkContext.getOrCreate() is sc
        True
        """
        with cls._lock:
            return cls._active_spark_context or cls(conf=conf or SparkConf())

    # What it is -----------------------------------------------------------------------------

    def getConf(self) -> SparkConf:
        """Return a copy of the settings.

        Examples
        --------
        >>> sc.getConf().get("spark.master")
        'local[2]'
        """
        return self._conf._copy()

    @property
    def version(self) -> str:
        """The version of Spark whose Python API this follows.

        Examples
        --------
        >>> sc.version
        '3.5.9'
        """
        return SPARK_VERSION

    @property
    def applicationId(self) -> str:
        """An id for the application, such as ``local-1795343873000``.

        Examples
        --------
        >>> sc.applicationId
        'local-...'
        """
        return self._application_id

    @property
    def startTime(self) -> int:
        """When the context was started, in milliseconds since the epoch.

        Examples
        --------
        >>> import time
        >>> sc.startTime <= time.time() * 1000
        True
        """
        return self._started_ms

    @property
    def uiWebUrl(self) -> str | None:
        """The address of the web page; None, there is none.

        Examples
        --------
        >>> sc.uiWebUrl is None
        True
        """
        return None

    @property
    def defaultParallelism(self) -> int:
        """How many partitions `parallelize` makes by default.

        Examples
        --------
        >>> sc.defaultParallelism
        2
        """
        return self._parallelism

    @property
    def defaultMinPartitions(self) -> int:
        """How many partitions `textFile` makes at least by default.

        Examples
        --------
        >>> sc.defaultMinPartitions
        2
        """
        return min(self._parallelism, 2)

    def sparkUser(self) -> str:
        """Return the name of the user who runs the program.

        Examples
        --------
        >>> len(sc.sparkUser()) > 0
        True
        """
        import getpass

        return os.environ.get("SPARK_USER") or getpass.getuser()

    def setLogLevel(self, logLevel: str) -> None:
        """Accept a log level; Tidemill is quiet unless ``TIDEMILL_LOG`` is set.

        Examples
        --------
        >>> sc.setLogLevel("WARN")
        """
        known = ("ALL", "DEBUG", "ERROR", "FATAL", "INFO", "OFF", "TRACE", "WARN")
        if str(logLevel).upper() not in known:
            raise IllegalArgumentError(f"Expected a log level of {known}, got {logLevel!r}")

    # Making RDDs ----------------------------------------------------------------------------

    def _wrap(self, handle: Handle) -> RDD[Any]:
        return RDD(handle, self)

    def emptyRDD(self) -> RDD[Any]:
        """Make an RDD without partitions.

        Examples
        --------
        >>> sc.emptyRDD().isEmpty()
        True
        """
        return self._wrap(self._engine.from_blocks([]))

    def range(
        self, start: int, end: int | None = None, step: int = 1, numSlices: int | None = None
    ) -> RDD[int]:
        """Make an RDD of a range of integers, as Python's `range`.

        Examples
        --------
        >>> sc.range(1, 7, 2).collect()
        [1, 3, 5]
        """
        bounds = range(0, start, step) if end is None else range(start, end, step)
        return self.parallelize(bounds, numSlices)

    def parallelize(self, c: Iterable[T], numSlices: int | None = None) -> RDD[T]:
        """Make an RDD of a local collection.

        Parameters
        ----------
        c : iterable
            A `range` is sent as its bounds, not as its numbers.
        numSlices : int, optional
            The number of partitions, `defaultParallelism` by default.

        Examples
        --------
        >>> sc.parallelize([0, 2, 3, 4, 6], 5).glom().collect()
        [[0], [2], [3], [4], [6]]
        >>> sc.parallelize(range(0, 6, 2), 5).glom().collect()
        [[], [0], [], [2], [4]]
        """
        n = self.defaultParallelism if numSlices is None else int(numSlices)
        if n < 1:
            raise IllegalArgumentError(f"Positive number of partitions required, got {numSlices}")
        if isinstance(c, range):
            bounds = [i * len(c) // n for i in range(n + 1)]
            blocks = [
                [self._range_block(c[a:b])] if a < b else [] for a, b in zip(bounds, bounds[1:])
            ]
            return self._wrap(self._engine.from_blocks(blocks))._pipe(ops.expand, "range")
        return self._from_slices(_slice(list(c), n))

    def _from_slices(self, slices: list[list[Any]]) -> RDD[Any]:
        return self._wrap(self._engine.from_blocks([[self._block(s)] if s else [] for s in slices]))

    def _block(self, records: list[Any]) -> Block:
        """The block of some records: typed, for compiled functions, if that is what they are."""
        data = serializers.dumps(records)
        if self._conf.get("tidemill.python.compile") == "off":
            return Block(serializers.PICKLE, len(records), data)
        return typed_block(len(records), data)

    def _range_block(self, numbers: Any) -> Block:
        """The block of a range, as one record that the worker's first operator makes many of."""
        data = serializers.dumps([numbers])
        bounds = (numbers[0], numbers[-1], numbers.step)
        compiles = self._conf.get("tidemill.python.compile") != "off"
        if not compiles or any(bound.bit_length() > 63 for bound in bounds):
            return Block(serializers.PICKLE, 1, data)
        return range_block(numbers.start, numbers.step, len(numbers), data)

    def textFile(
        self, name: str, minPartitions: int | None = None, use_unicode: bool = True
    ) -> RDD[Any]:
        """Make an RDD of the lines of text files; they are read when an action asks.

        Parameters
        ----------
        name : str
            A file, directory, glob or comma-separated list of them; ``.gz`` files are decompressed.
        minPartitions : int, optional
        use_unicode : bool, optional
            False for lines as bytes.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "a.txt")
        ...     with open(path, "w") as file:
        ...         _ = file.write("one\\ntwo\\n")
        ...     print(sc.textFile(path).collect())
        ['one', 'two']
        """
        least = self.defaultMinPartitions if minPartitions is None else int(minPartitions)
        lines = self._wrap(self._engine.text_file(name, least))
        return lines if use_unicode else lines.map(str.encode)

    def wholeTextFiles(
        self, path: str, minPartitions: int | None = None, use_unicode: bool = True
    ) -> RDD[tuple[str, Any]]:
        """Make an RDD of (file URI, text) pairs, one per file.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open(os.path.join(folder, "a.txt"), "w") as file:
        ...         _ = file.write("1")
        ...     print(sc.wholeTextFiles(folder).values().collect())
        ['1']
        """
        return self._files_rdd(path, minPartitions, partial(parts.read_whole, use_unicode))

    def binaryFiles(self, path: str, minPartitions: int | None = None) -> RDD[tuple[str, bytes]]:
        """Make an RDD of (file URI, bytes) pairs, one per file.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open(os.path.join(folder, "a.bin"), "wb") as file:
        ...         _ = file.write(b"12")
        ...     print(sc.binaryFiles(folder).values().collect())
        [b'12']
        """
        return self._files_rdd(path, minPartitions, partial(parts.read_whole, False))

    def binaryRecords(self, path: str, recordLength: int) -> RDD[bytes]:
        """Make an RDD of the records of fixed length of binary files.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open(os.path.join(folder, "a.bin"), "wb") as file:
        ...         _ = file.write(b"1234")
        ...     print(sc.binaryRecords(folder, 2).collect())
        [b'12', b'34']
        """
        return self._files_rdd(path, None, partial(parts.read_fixed, recordLength))

    def pickleFile(self, name: str, minPartitions: int | None = None) -> RDD[Any]:
        """Make an RDD of what `RDD.saveAsPickleFile` wrote.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "out")
        ...     sc.range(3).saveAsPickleFile(path)
        ...     print(sc.pickleFile(path).collect())
        [0, 1, 2]
        """
        files = parts.list_files(name)
        return self._from_slices([[file] for file in files])._pipe(parts.read_pickle, "pickleFile")

    def _files_rdd(self, path: str, minPartitions: int | None, op: Any) -> RDD[Any]:
        files = parts.list_files(path)
        least = self.defaultMinPartitions if minPartitions is None else int(minPartitions)
        n = max(1, min(len(files), least))
        return self._from_slices(_slice(files, n))._pipe(op, "files")

    def union(self, rdds: list[RDD[Any]]) -> RDD[Any]:
        """Put the partitions of several RDDs one after the other.

        RDDs that are partitioned alike stay so: their partitions are joined pairwise.

        Examples
        --------
        >>> sc.union([sc.parallelize([1]), sc.parallelize([2, 3])]).collect()
        [1, 2, 3]
        """
        if not rdds:
            raise ValueError("Expected at least one RDD to union, got an empty list")
        handles = [rdd._handle for rdd in rdds]
        shared = rdds[0].partitioner
        if shared is not None and all(rdd.partitioner == shared for rdd in rdds):
            joined = self._wrap(self._engine.zip_partitions(handles, None, "union"))
            joined._handle.tag = shared
            return joined
        return self._wrap(self._engine.union(handles))

    # Shared variables -----------------------------------------------------------------------

    def broadcast(self, value: T) -> Broadcast:
        """Send a read-only value to each worker once, when a task first uses it.

        Examples
        --------
        >>> names = sc.broadcast({1: "one"})
        >>> sc.parallelize([1]).map(lambda x: names.value[x]).collect()
        ['one']
        """
        bid = next(self._ids)
        self._engine.add_broadcast(bid, serializers.dumps(value))
        return Broadcast(self, value, bid)

    def accumulator(
        self, value: Any, accum_param: accumulators.AccumulatorParam | None = None
    ) -> accumulators.Accumulator:
        """Make a variable that tasks can add to.

        Examples
        --------
        >>> acc = sc.accumulator(0)
        >>> sc.range(4).foreach(acc.add)
        >>> acc.value
        6
        """
        return accumulators.create(value, accum_param)

    # Jobs -----------------------------------------------------------------------------------

    def runJob(
        self,
        rdd: RDD[Any],
        partitionFunc: Callable[[Iterable[Any]], Iterable[Any]],
        partitions: Iterable[int] | None = None,
        allowLocal: bool = False,
    ) -> list[Any]:
        """Run a function on some partitions and return all that it yields.

        Examples
        --------
        >>> sc.runJob(sc.parallelize(range(6), 3), lambda part: [x * x for x in part], [0, 2])
        [0, 1, 16, 25]
        """
        wanted = None if partitions is None else list(partitions)
        found = rdd.mapPartitions(partitionFunc)._run(wanted)
        return [record for blocks in found for record in serializers.collect_blocks(blocks)]

    def setLocalProperty(self, key: str, value: str | None) -> None:
        """Set a property of the jobs that this thread submits; None removes it.

        Examples
        --------
        >>> sc.setLocalProperty("team", "blue")
        >>> sc.getLocalProperty("team")
        'blue'
        >>> sc.setLocalProperty("team", None)
        """
        properties = self._properties()
        if value is None:
            properties.pop(key, None)
        else:
            properties[key] = str(value)

    def getLocalProperty(self, key: str) -> str | None:
        """Return a property of this thread's jobs, or None.

        Examples
        --------
        >>> sc.getLocalProperty("nothing") is None
        True
        """
        return self._properties().get(key)

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        """Name the group of this thread's jobs.

        Examples
        --------
        >>> sc.setJobGroup("g", "all of it")
        >>> sc.getLocalProperty("spark.jobGroup.id")
        'g'
        """
        self.setLocalProperty("spark.jobGroup.id", groupId)
        self.setLocalProperty("spark.job.description", description)

    def setJobDescription(self, value: str | None) -> None:
        """Describe this thread's jobs.

        Examples
        --------
        >>> sc.setJobDescription("counting")
        """
        self.setLocalProperty("spark.job.description", value)

    def _properties(self) -> dict[str, str]:
        if not hasattr(self._local, "properties"):
            self._local.properties = {}
        found: dict[str, str] = self._local.properties
        return found

    def _job_properties(self) -> dict[str, str]:
        return dict(self._properties())

    # Files ----------------------------------------------------------------------------------

    def setCheckpointDir(self, dirName: str) -> None:
        """Set the directory that `RDD.checkpoint` writes to.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sc.setCheckpointDir(folder)
        ...     print(sc.getCheckpointDir().startswith(folder))
        True
        """
        import uuid

        folder = os.path.join(os.path.abspath(parts.local_path(dirName)), str(uuid.uuid4()))
        try:
            os.makedirs(folder)
        except OSError as error:
            raise JobError(
                f"Cannot create the checkpoint directory {folder}: {error.strerror}. "
                "Choose a directory that this user may write",
                "io",
                {"path": folder},
            ) from error
        self._checkpoint_dir = folder

    def getCheckpointDir(self) -> str | None:
        """Return the directory that RDDs are checkpointed to, or None.

        Examples
        --------
        >>> print(sc.getCheckpointDir())
        None
        """
        return self._checkpoint_dir

    def addFile(self, path: str, recursive: bool = False) -> None:
        """Make a copy of a file available to tasks, by `SparkFiles.get`.

        Examples
        --------
        >>> sc.addFile("/no/such/file")
        Traceback (most recent call last):
        FileNotFoundError: ...
        """
        source = parts.local_path(path)
        target = os.path.join(self._root, os.path.basename(os.path.normpath(source)))
        if os.path.isdir(source):
            if not recursive:
                raise IllegalArgumentError(
                    f"Expected a file, got the directory {path!r}; pass recursive=True for a "
                    "directory"
                )
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
        self._files.append(path)

    @property
    def listFiles(self) -> list[str]:
        """The paths given to `addFile`.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix='.txt') as file:
        ...     sc.addFile(file.name)
        ...     print(sc.listFiles == [file.name])
        True
        """
        return list(self._files)

    def addPyFile(self, path: str) -> None:
        """Add a ``.py`` file, a ``.zip`` or a package's directory to what tasks can import.

        Examples
        --------
        >>> sc.addPyFile("/no/such/module.py")
        Traceback (most recent call last):
        FileNotFoundError: ...
        """
        self.addFile(path, recursive=True)
        copied = os.path.join(self._root, os.path.basename(os.path.normpath(path)))
        entry = copied if copied.endswith(self.PACKAGE_EXTENSIONS) else self._root
        if entry not in sys.path:
            sys.path.insert(1, entry)  # the driver's import path is the workers'

    @classmethod
    def setSystemProperty(cls, key: str, value: str) -> None:
        """Accept a Java system property; there is no Java here.

        Examples
        --------
        >>> SparkContext.setSystemProperty("spark.ui.enabled", "false")
        """


def _slice(records: list[Any], n: int) -> list[list[Any]]:
    """Cut a list as PySpark does: batches first, then the batches are dealt out."""
    batch = max(1, min(len(records) // n, _BATCH))
    batches = -(-len(records) // batch)
    bounds = [i * batches // n * batch for i in range(n + 1)]
    return [records[a:b] for a, b in zip(bounds, bounds[1:])]


def _script_name() -> str:
    return os.path.basename(sys.argv[0]) or "tidemill" if sys.argv else "tidemill"


def _callsite() -> str:
    """Where the program made the context: the innermost frame outside this package."""
    here = os.path.dirname(os.path.abspath(__file__))
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == here:
        frame = frame.f_back
    return f"__init__ at {frame.f_code.co_filename}:{frame.f_lineno}"
