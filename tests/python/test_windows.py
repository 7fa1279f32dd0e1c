"""Windows with an inverse function: compiled as in CPython, cheap, and going on after a restart.

That they are PySpark's is what `tests/oracle` says.
"""

from __future__ import annotations

import json
import operator
import random
import re
import signal
import tempfile
import threading

import pytest
from conftest import wait_until
from exact.server import spelled

from tidemill import SparkConf, SparkContext
from tidemill.errors import JobError
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches

INTERVAL = 0.02
KEYS = ["a", "b", "ß", "", "k1", "k2", "k3"]
INTEGERS = [0, 1, 2, -1, 7, 40]
FLOATS = [0.1, -0.0, 1.5, -2.25, 1e16, 1e300]


def add(a, b):
    return a + b


def subtract(a, b):
    return a - b


def extend(a, b):
    a.extend(b)
    return a


def halve(a, b):
    if b == 7:
        raise ValueError(f"no half of {a}")
    return (a + b) // 2


def positive(pair):
    return pair[1] > 0


PROGRAMS = {
    "integers": (INTEGERS, add, subtract, None),
    "integers filtered": (INTEGERS, add, subtract, positive),
    "floats": (FLOATS, add, subtract, None),
    "floats filtered": (FLOATS, add, subtract, positive),
    "operators": (INTEGERS, operator.add, operator.sub, None),
    "filter by key": (INTEGERS, add, subtract, lambda pair: pair[0] != "a" or pair[1] > 3),
    "filter that is no bool": (INTEGERS, add, subtract, lambda pair: pair[1]),
    "overflow now and then": ([1, 2, 3 << 61], add, subtract, positive),
    "types that change": ([1, 2, 0.5, True], add, subtract, positive),
    "an inverse of another type": (INTEGERS, add, lambda a, b: a - b / 1, positive),
    "strings": (["x", "é", ""], add, lambda a, b: a[len(b) :], lambda pair: pair[1] != ""),
    "lists": ([[1], [2, 3]], add, lambda a, b: a[len(b) :], lambda pair: len(pair[1]) > 0),
    "lists that grow": ([[1], [2, 3]], extend, lambda a, b: a[len(b) :], None),
    "pairs": (
        [(1, 0.5), (2, -0.25)],
        lambda a, b: (a[0] + b[0], a[1] + b[1]),
        lambda a, b: (a[0] - b[0], a[1] - b[1]),
        lambda pair: pair[1][0] != 0,
    ),
    "none": ([None, 1, 2], lambda a, b: a if b is None else b, lambda a, b: b, None),
    "a function that raises": (INTEGERS, max, halve, None),
    "a filter that raises": (INTEGERS, add, subtract, lambda pair: 1 // (pair[1] - 7) >= 0),
    "effects": (INTEGERS, add, lambda a, b: print("out", a, b) or a - b, None),
}


def batches(values, seed):
    """Batches of pairs; in some nothing comes, and keys leave and come back."""
    chance = random.Random(seed)
    made = [
        [(chance.choice(KEYS), chance.choice(values)) for _ in range(chance.choice([0, 1, 4, 12]))]
        for _ in range(14)
    ]
    # So many that all has left the longest window.
    return [*made, *[[]] * 12]


def run(mode, program, data, slides=5, every=1):
    """Return each window, spelled out, or the error; and what `explain` says."""
    _, reduce, inverse, keep = program
    conf = SparkConf().setMaster("local[2]").setAppName("window")
    conf.set("tidemill.python.compile", mode).set("spark.task.maxFailures", "1")
    with SparkContext(conf=conf) as sc:
        ssc = StreamingContext(sc, INTERVAL)
        window = ssc.queueStream(data).reduceByKeyAndWindow(
            reduce, inverse, slides * every * INTERVAL, every * INTERVAL, 2, keep
        )
        try:
            windows = collect_batches(window.glom(), len(data) // every)
            found = [[spelled(part) for part in batch] for batch in windows]
        except JobError as error:
            # Up to the time of the batch.
            found = str(error).split("An exception was raised by Python:")[1].splitlines()
        return found, "\n".join(sc._engine.explain())


@pytest.mark.parametrize("name", PROGRAMS)
def test_windows_are_cpythons(name, capfd):
    program = PROGRAMS[name]
    for seed, every in ((1, 1), (3, 2)):
        data = batches(program[0], seed)
        expected, _ = run("off", program, data, every=every)
        printed = capfd.readouterr().err.count("out")
        found, _ = run("auto", program, data, every=every)
        assert found == expected
        if name == "effects":
            # The stream went on for some batches, in which nothing left.
            assert capfd.readouterr().err.count("out") == printed > 0


def test_what_compiles():
    def is_compiled(name):
        return "reduceByKeyAndWindow(" in (told := run("auto", program, data)[1]) and any(
            line.strip().startswith("reduceByKeyAndWindow(") and line.endswith(": compiled")
            for line in told.splitlines()
        )

    compiled = set()
    for name, program in PROGRAMS.items():
        data = batches(program[0], 1)
        if is_compiled(name):
            compiled.add(name)
    interpreted = {
        "filter that is no bool",
        "an inverse of another type",
        "types that change",
        "effects",
        "none",
    }
    assert set(PROGRAMS) - compiled <= interpreted
    assert "effects" not in compiled


@pytest.mark.parametrize("mode", ["off", "auto"])
@pytest.mark.parametrize(("slides", "calls"), [(5, 2 + 1 + 1), (4, 0)])
def test_the_inverse_is_called_for_keys_that_leave(mode, slides, calls):
    """Twice as two batches leave with two keys and one, once as one of two slices leaves."""
    conf = SparkConf().setMaster("local[2]").setAppName("calls")
    conf.set("tidemill.python.compile", mode)
    with SparkContext(conf=conf) as sc:
        count = sc.accumulator(0)

        def inverse(a, b):
            count.add(1)
            return a - b

        ssc = StreamingContext(sc, INTERVAL)
        data = [[("a", 1), ("b", 1), ("a", 5)], [("a", 2)], [], [("c", 3)], *[[]] * 8]
        window = ssc.queueStream(data).reduceByKeyAndWindow(
            add, inverse, slides * INTERVAL, INTERVAL
        )
        last = collect_batches(window, 12)[-1]
        assert count.value == calls
        assert dict(last) == ({"a": 0, "b": 0, "c": 0} if calls else {})


def test_a_slide_costs_what_enters_and_leaves():
    """A slow inverse is called for the one key that leaves and not for those that stay.

    Were it called for all, a slide would take thousands of times longer, so that a ratio of twenty
    has nothing to do with the machine.
    """

    def slow(a, b):
        left = 200_000
        while left > 0:
            left -= 1
        return a - b

    conf = SparkConf().setMaster("local[2]").setAppName("cost")
    with SparkContext(conf=conf) as sc:
        ssc = StreamingContext(sc, INTERVAL)
        data = [[("one", 1)]] * 8 + [[(str(n), 1) for n in range(4000)]] + [[("one", 1)]] * 30
        window = ssc.queueStream(data).reduceByKeyAndWindow(add, slow, 30 * INTERVAL, INTERVAL)
        windows = collect_batches(window, 39, 120)
        assert dict(windows[-2])["one"] == 29
        assert dict(windows[-1])["0"] == 0
        busy = sorted(batch["processing_ms"] for batch in ssc._streaming.batches())
    assert busy[len(busy) // 2] * 20 < busy[-1]


def test_a_batch_that_fails_above_the_window_is_missed():
    """Its error is told; the window goes on without it."""
    conf = SparkConf().setMaster("local[2]").setAppName("missed")
    with SparkContext(conf=conf) as sc:
        ssc = StreamingContext(sc, 0.1)
        seen, windows = {}, []

        def failing(time, rdd):
            if seen.setdefault(time, len(seen)) == 2:
                raise ValueError("the third")
            return rdd

        pairs = ssc.queueStream([[("a", 1)], [("a", 10)], [("a", 100)], [("a", 1000)]])
        window = pairs.transform(failing).reduceByKeyAndWindow(add, subtract, 0.5, 0.1)
        window.foreachRDD(lambda rdd: windows.append(dict(rdd.collect())["a"]))
        ssc.start()
        wait_until(lambda: len(windows) >= 8, lambda: repr(windows))
        with pytest.raises(Exception, match="the third"):
            ssc.awaitTermination()
        ssc.stop(stopSparkContext=False)
    assert windows[:8] == [1, 11, 1011, 1011, 1010, 1000, 1000, 0]


def slides_given_up(told):
    """Return how many slides of partitions were left to CPython, and how many there were."""
    counts = re.findall(r"(\d+) of (\d+) slides of partitions ran in CPython", told)
    return max((int(given_up), int(seen)) for given_up, seen in [*counts, (0, 0)])


AWAY = {
    "a value beyond 64 bits": (1 << 70, add, subtract, None),
    "a value of another type": (None, lambda a, b: b, lambda a, b: a, None),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_window_that_cpython_had_comes_back(name):
    """Once what compiled code cannot read has left, slides are compiled again."""
    away, reduce, inverse, keep = AWAY[name]
    program = (None, reduce, inverse, keep)
    first = [[(key, 1) for key in "abcd"], [("a", away), ("b", away)], [("c", 3)]]
    data = [*first, *[[(key, 2) for key in "abcd"]] * 57]
    expected, _ = run("off", program, data)
    found, told = run("auto", program, data)
    assert found == expected
    given_up, slides = slides_given_up(told)
    # Two partitions; some slides before it is looked at again are not even asked.
    assert 0 < given_up < 20 < 70 < slides


@pytest.mark.parametrize("mode", ["off", "auto"])
def test_batches_without_an_rdd(mode):
    """There is no window before there is a batch, and no filter where none entered."""
    conf = SparkConf().setMaster("local[2]").setAppName("nothing")
    with SparkContext(conf=conf.set("tidemill.python.compile", mode)) as sc:
        ssc = StreamingContext(sc, INTERVAL)
        seen, windows = {}, []

        def some(time, rdd):
            return rdd if seen.setdefault(time, len(seen)) in (2, 3, 7) else None

        pairs = ssc.queueStream([[("a", n)] for n in range(8)]).transform(some)
        window = pairs.reduceByKeyAndWindow(add, subtract, 5 * INTERVAL, INTERVAL, 1, positive)
        window.foreachRDD(lambda time, rdd: windows.append((seen[time], rdd.collect())))
        ssc.start()
        wait_until(lambda: len(windows) >= 12, lambda: repr(windows))
        ssc.stop(stopSparkContext=False)
    sums = [2, 5, 5, 5, 5, 10, 7, 7, 7, 7]
    assert windows[:10] == [(number + 2, [("a", total)]) for number, total in enumerate(sums)]
    assert windows[10] == (12, [("a", 0)])


SUMS = """
import json, sys
from pyspark import SparkContext
from pyspark.streaming import StreamingContext

port, folder, master, seconds = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])

def setup():
    ssc = StreamingContext(SparkContext(master, "sums"), 0.1)
    words = ssc.socketTextStream("127.0.0.1", port).flatMap(str.split).map(lambda word: (word, 1))
    counts = words.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, seconds, 0.1)
    counts.checkpoint(0.1)
    counts.foreachRDD(lambda rdd: print(json.dumps(dict(rdd.collect())), flush=True))
    return ssc

ssc = StreamingContext.getOrCreate(folder, setup)
ssc.start()
ssc.awaitTermination()
"""


@pytest.fixture
def summing(submit, write_program, serve, tmp_path):
    """Run a program that counts words in a window until its counts are as expected; stop it."""

    def run(words, expected, seconds=60, master="local[2]", stop_with=signal.SIGTERM):
        hold = threading.Event()

        def send(connection, number):
            if number == 1 and words:
                connection.sendall(words.encode() + b"\n")
            hold.wait()

        folder = tmp_path / "checkpoint"
        port = serve(send).port
        program = submit(write_program(SUMS), port, folder, master, str(seconds))
        wait_until(lambda: expected in printed(program), program.report)
        # One checkpoint may be on its way; those after it have what was printed.
        pointers = set()
        pointer = folder / "CURRENT.json"
        wait_until(lambda: pointers.add(pointer.read_bytes()) or len(pointers) > 3, program.report)
        program.send(stop_with)
        code = program.finish()
        hold.set()
        assert code == (0 if stop_with == signal.SIGTERM else -signal.SIGKILL), program.report()
        return printed(program)

    return run


def printed(program):
    """Return the windows printed so far."""
    return [json.loads(line) for line in program.stdout.rpartition("\n")[0].splitlines()]


@pytest.mark.parametrize("stop_with", [signal.SIGTERM, signal.SIGKILL])
def test_goes_on_after_a_restart(summing, stop_with):
    summing("a b a", {"a": 2, "b": 1}, stop_with=stop_with)
    windows = summing("a c", {"a": 3, "b": 1, "c": 1}, stop_with=stop_with)
    assert windows[0].items() >= {"b": 1}.items()


@pytest.mark.parametrize("stop_with", [signal.SIGTERM, signal.SIGKILL])
def test_what_came_before_a_restart_leaves_after_it(summing, stop_with):
    summing("a b a", {"a": 2, "b": 1}, seconds=5, stop_with=stop_with)
    windows = summing("c", {"a": 0, "b": 0, "c": 1}, seconds=5)
    assert windows[0].items() >= {"a": 2, "b": 1}.items()


@pytest.mark.parametrize("master", ["local[1]", "local[3]"])
def test_other_number_of_partitions(summing, master):
    summing("a b c d a", {"a": 2, **dict.fromkeys("bcd", 1)}, seconds=5)
    windows = summing("", {**dict.fromkeys("abcd", 0)}, seconds=5, master=master)
    assert windows[0] == {"a": 2, **dict.fromkeys("bcd", 1)}


def test_no_checkpoint_folder_is_needed():
    """PySpark asks for one; without it a window is not recovered, and that is all."""
    with SparkContext("local[2]", "none") as sc, tempfile.TemporaryDirectory():
        ssc = StreamingContext(sc, INTERVAL)
        counts = ssc.queueStream([[1, 2], [3]]).countByWindow(5 * INTERVAL, INTERVAL)
        assert collect_batches(counts, 8) == [[2], [3], [3], [3], [3], [1], [0], [0]]


@pytest.mark.parametrize("seconds, slide", [(30, 0.1), (60, 0.2)])
def test_a_window_of_other_durations_is_not_the_saved_one(
    summing, submit, write_program, tmp_path, free_port, seconds, slide
):
    summing("a b a", {"a": 2, "b": 1})
    changed = SUMS.replace("seconds, 0.1)", f"seconds, {slide})").replace(
        "checkpoint(0.1)", "cache()"
    )
    program = submit(
        write_program(changed), free_port, tmp_path / "checkpoint", "local[2]", str(seconds)
    )
    assert program.finish() == 1
    assert "CheckpointError" in program.stderr
    assert f"is one of {seconds}s every {slide * 1000:.0f}ms" in program.stderr
    assert "the checkpoint's is one of 60s every 100ms" in program.stderr


def test_a_checkpoint_that_does_not_say_durations_is_taken(summing, tmp_path):
    summing("a b a", {"a": 2, "b": 1})
    folder = tmp_path / "checkpoint"
    for manifest in folder.glob("manifest-*.json"):
        content = json.loads(manifest.read_text())
        for window in content["windows"]:
            del window["span"]
        manifest.write_text(json.dumps(content))
    windows = summing("c", {"a": 2, "b": 1, "c": 1}, seconds=30)
    assert windows[0].items() >= {"a": 2, "b": 1}.items()


def test_slices_that_cpython_made_are_typed_after_a_restart(tmp_path):
    """A checkpoint written in CPython has pickled slices, which leave one by one."""
    slides = 60

    def sums(mode, batches):
        conf = SparkConf().setMaster("local[2]").setAppName("restart")
        with SparkContext(conf=conf.set("tidemill.python.compile", mode)) as sc:
            found = []

            def setup():
                ssc = StreamingContext(sc, INTERVAL)
                ssc.checkpoint(str(tmp_path / "sums"))
                pairs = sc.parallelize([(key, 1) for key in "abcdef"], 2)
                window = ssc.queueStream([], default=pairs).reduceByKeyAndWindow(
                    add, subtract, slides * INTERVAL, INTERVAL, 2
                )
                window.foreachRDD(lambda rdd: found.append(dict(rdd.collect())))
                return ssc

            ssc = StreamingContext.getOrCreate(str(tmp_path / "sums"), setup)
            ssc.start()
            wait_until(lambda: len(found) >= batches, lambda: repr(found[-1:]))
            ssc.stop(stopSparkContext=False, stopGraceFully=True)
            return found, "\n".join(sc._engine.explain())

    before, _ = sums("off", slides + 1)
    after, told = sums("auto", 2 * slides)
    # Something of before was in the first windows, else this says nothing.
    assert after[0]["a"] > 10
    assert before[slides] == after[2 * slides - 1] == dict.fromkeys("abcdef", slides)
    assert ": compiled" in told
    assert slides_given_up(told)[0] < 10
