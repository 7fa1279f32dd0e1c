"""Checkpoints: a program started again goes on from its saved counts."""

from __future__ import annotations

import json
import signal
import threading

import pytest
from conftest import wait_until

COUNT = """
import json, sys
from pyspark import SparkContext
from pyspark.streaming import StreamingContext

port, folder, master = int(sys.argv[1]), sys.argv[2], sys.argv[3]

def count(new, old):
    return sum(new) + (old or 0)

def setup():
    ssc = StreamingContext(SparkContext(master, "count"), 0.1)
    words = ssc.socketTextStream("127.0.0.1", port).flatMap(str.split).map(lambda word: (word, 1))
    counts = words.updateStateByKey(count, initialRDD=[("start", 100)])
    counts.foreachRDD(lambda rdd: print(json.dumps(dict(rdd.collect())), flush=True))
    return ssc

ssc = StreamingContext.getOrCreate(folder, setup)
ssc.start()
ssc.awaitTermination()
"""
# Another function of the same state, one more operator before it, one more output.
CHANGED = COUNT.replace("sum(new) + (old or 0)", "sum(new) * 1000 + (old or 0)").replace(
    "counts.foreachRDD",
    "counts.map(lambda pair: pair[0]).count().foreachRDD(lambda rdd: None)\n    counts.foreachRDD",
)


@pytest.fixture
def counting(submit, write_program, serve, tmp_path):
    """Run a counting program on some text until its counts are as expected, and stop it."""

    def run(text, words, expected, master="local[2]", stop_with=signal.SIGTERM):
        hold = threading.Event()

        def send(connection, number):
            if number == 1:
                connection.sendall(words.encode() + b"\n")
            hold.wait()

        program = submit(write_program(text), serve(send).port, tmp_path / "checkpoint", master)
        wait_until(lambda: counts(program) == expected, program.report)
        program.send(stop_with)
        code = program.finish()
        hold.set()
        assert code == (0 if stop_with == signal.SIGTERM else -signal.SIGKILL), program.report()
        return program

    return run


def counts(program):
    """Return the counts printed last."""
    lines = program.stdout.rpartition("\n")[0].splitlines()
    return json.loads(lines[-1]) if lines else None


def test_goes_on_from_saved_counts(counting):
    counting(COUNT, "a b a", {"start": 100, "a": 2, "b": 1})
    counting(COUNT, "a c", {"start": 100, "a": 3, "b": 1, "c": 1})
    counting(COUNT, "c", {"start": 100, "a": 3, "b": 1, "c": 2})


def test_first_batch_after_a_restart_has_the_saved_counts(counting):
    counting(COUNT, "a b a", {"start": 100, "a": 2, "b": 1})
    program = counting(COUNT, "a", {"start": 100, "a": 3, "b": 1})
    first = json.loads(program.stdout.splitlines()[0])
    assert first.keys() >= {"start", "a", "b"}
    assert first["a"] in (2, 3)


def test_changed_program_goes_on_too(counting):
    counting(COUNT, "a b a", {"start": 100, "a": 2, "b": 1})
    counting(CHANGED, "a c", {"start": 100, "a": 1002, "b": 1, "c": 1000})


@pytest.mark.parametrize("master", ["local[1]", "local[3]"])
def test_other_number_of_partitions(counting, master):
    counting(COUNT, "a b c d e f a", {"start": 100, "a": 2, **dict.fromkeys("bcdef", 1)})
    expected = {"start": 100, "a": 3, "b": 1, "c": 1, "d": 1, "e": 1, "f": 2, "g": 1}
    counting(COUNT, "a f g", expected, master)


def test_ctrl_c_saves_as_sigterm_does(counting, submit, write_program, serve, tmp_path):
    hold = threading.Event()

    def send(connection, number):
        connection.sendall(b"x x\n")
        hold.wait()

    program = submit(write_program(COUNT), serve(send).port, tmp_path / "checkpoint", "local[2]")
    wait_until(lambda: counts(program) == {"start": 100, "x": 2}, program.report)
    program.press_ctrl_c()
    assert program.finish() == 0
    hold.set()
    counting(COUNT, "x", {"start": 100, "x": 3})


def test_new_folder_starts_afresh(counting, tmp_path):
    import shutil

    counting(COUNT, "a", {"start": 100, "a": 1})
    shutil.rmtree(tmp_path / "checkpoint")
    counting(COUNT, "a", {"start": 100, "a": 1})


def test_killed_program_can_be_started_again(counting, submit, write_program, serve, tmp_path):
    """Crashed: what a checkpoint held is there; nothing is damaged."""
    counting(COUNT, "a a", {"start": 100, "a": 2})
    counting(COUNT, "b", {"start": 100, "a": 2, "b": 1}, stop_with=signal.SIGKILL)
    program = submit(
        write_program(COUNT),
        serve(lambda *_: threading.Event().wait()).port,
        tmp_path / "checkpoint",
        "local[2]",
    )
    wait_until(lambda: counts(program), program.report)
    assert counts(program).items() >= {"start": 100, "a": 2}.items()
    program.send(signal.SIGTERM)
    assert program.finish() == 0


def test_damaged_checkpoint_says_so(counting, submit, write_program, tmp_path, free_port):
    counting(COUNT, "a b", {"start": 100, "a": 1, "b": 1})
    folder = tmp_path / "checkpoint"
    states = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json"]
    assert states
    for path in states:
        path.write_bytes(path.read_bytes()[:-1])
    program = submit(write_program(COUNT), free_port, folder, "local[2]")
    assert program.finish() == 1
    assert "CheckpointError" in program.stderr
    assert "damaged" in program.stderr
    assert str(folder) in program.stderr


def test_setup_function_that_returns_something_else(sc, tmp_path):
    from tidemill.streaming import StreamingContext

    with pytest.raises(TypeError, match="should return a StreamingContext"):
        StreamingContext.getOrCreate(str(tmp_path / "c"), lambda: 5)


def test_two_states_find_their_own(sc, tmp_path):
    from tidemill.streaming import StreamingContext

    def add(new, old):
        return sum(new) + (old or 0)

    def join(new, old):
        return (old or "") + "".join(map(str, new))

    def run(batches):
        seen = {"add": [], "join": []}

        def setup():
            ssc = StreamingContext(sc, 0.05)
            pairs = ssc.queueStream(batches)
            for function in (add, join):
                name = function.__name__
                stream = pairs.updateStateByKey(function)
                stream.foreachRDD(
                    lambda time, rdd, name=name: seen[name].append(dict(rdd.collect()))
                )
            return ssc

        ssc = StreamingContext.getOrCreate(str(tmp_path / "c"), setup)
        ssc.start()
        wait_until(lambda: len(seen["join"]) >= len(batches), lambda: str(seen))
        ssc.stop(stopSparkContext=False, stopGraceFully=True)
        return seen["add"][-1], seen["join"][-1]

    assert run([[("k", 1)], [("k", 2)]]) == ({"k": 3}, {"k": "12"})
    assert run([[("k", 3)]]) == ({"k": 6}, {"k": "123"})


def test_only_what_changed_is_written(tmp_path):
    """Of many keys a few change: checkpoints after the first are small, together they are all."""
    from tidemill import SparkContext
    from tidemill.streaming import StreamingContext
    from tidemill.testing import collect_batches

    def count(new, old):
        return sum(new) + (old or 0)

    folder = tmp_path / "checkpoint"
    keys = [(f"key {n}", n) for n in range(30_000)]
    data = [keys, *[[("key 7", 1), ("key 29999", 1), (f"new {n}", n)] for n in range(20)]]

    def stream_of(data):
        ssc = StreamingContext(sc, 0.05)
        stream = ssc.queueStream(data).updateStateByKey(count, 2)
        stream.checkpoint(0.05)
        return ssc, stream

    with SparkContext("local[2]", "parts") as sc:
        ssc, stream = stream_of(data)
        ssc.checkpoint(str(folder))
        collect_batches(stream.filter(lambda pair: pair[0] == "key 7"), 21, 120)
        # Not stopped gracefully: wait for the thread, which a stop does.
        sizes = sorted(path.stat().st_size for path in folder.glob("data-*.bin"))
        kept = []

        def setup():
            ssc, stream = stream_of([[("key 7", 100)]])
            stream.foreachRDD(lambda rdd: kept.append(dict(rdd.collect())))
            return ssc

        ssc = StreamingContext.getOrCreate(str(folder), setup)
        ssc.start()
        wait_until(lambda: kept, "a batch")
        ssc.stop(stopSparkContext=False)
    # One batch changes at most three chunks of the sixty that there are.
    assert len(sizes) > 1
    assert sizes[0] * 10 < sizes[-1]
    assert sum(sizes) < 2 * sizes[-1] + 100_000
    assert kept[0] == {
        **dict(keys),
        "key 7": 7 + 20 + 100,
        "key 29999": 29_999 + 20,
        **{f"new {n}": n for n in range(20)},
    }


def test_a_slow_disk_holds_no_batch_up(tmp_path):
    """The state is written by another thread: batches go on while a file cannot be written."""
    import os

    from tidemill import SparkContext
    from tidemill.streaming import StreamingContext

    folder = tmp_path / "checkpoint"
    with SparkContext("local[1]", "slow") as sc:
        ssc = StreamingContext(sc, 0.1)
        stream = ssc.queueStream([[("a", 1)]] * 12).updateStateByKey(
            lambda new, old: sum(new) + (old or 0)
        )
        ssc.checkpoint(str(folder))
        stream.checkpoint(0.1)
        seen = []

        def first(time, rdd):
            if not seen:
                # A pipe that nobody reads stands for the disk: opening it waits.
                now = int(time.timestamp() * 1000)
                for ahead in range(40):
                    os.mkfifo(folder / f"data-1-{now + 100 * ahead}.tmp")
            seen.append(dict(rdd.collect()))

        stream.foreachRDD(first)
        ssc.start()
        try:
            wait_until(lambda: len(seen) >= 10, lambda: repr(seen))
        finally:
            # Readers let the writer go on, and what it writes goes nowhere.
            readers = [os.open(p, os.O_RDONLY | os.O_NONBLOCK) for p in folder.glob("*.tmp")]
            ssc.stop(stopSparkContext=False)
            for reader in readers:
                os.close(reader)
    assert [state["a"] for state in seen[:10]] == list(range(1, 11))
