"""A compiled `updateStateByKey` keeps exactly the state that CPython keeps, batch by batch.

The oracle is the same program with compile=off. Values, types, order of keys, effects and errors
count; and that nothing is called for keys that have settled.
"""

import random
import re
import tempfile
from pathlib import Path

import pytest
from exact import updates
from exact.server import spelled

from tidemill import SparkConf, SparkContext
from tidemill.errors import JobError
from tidemill.streaming import StreamingContext
from tidemill.testing import collect_batches

NAMES = re.findall(r"^def ([a-z]\w*)\(", Path(updates.__file__).read_text(encoding="utf-8"), re.M)
BATCHES = 8
KEYS = ["a", "b", "ß", "", "a\x1c", "k1", "k2", "k3"]
VALUES = {
    "Integers": [0, 1, 2, -1, 7, 40],
    "Floats": [0.0, -0.0, 1.5, -2.25, 1e300, float("nan")],
    "Strings": ["", "x", "é", "longer", "\0"],
    "Mixed": [1, "x", None, 2.5, 2**70],
    "Maybe": [None, 3, 1, 4],
}


def batches(values, seed):
    """Batches of pairs; in some nothing comes, and keys come and go."""
    chance = random.Random(seed)
    made = [
        [(chance.choice(KEYS), chance.choice(values)) for _ in range(chance.choice([0, 1, 4, 12]))]
        for _ in range(BATCHES - 2)
    ]
    return [*made, [], []]


def run(mode, function, data, initial=None, partitions=2):
    """Return the state after each batch, spelled out, or the error; and what `explain` says."""
    conf = SparkConf().setMaster("local[2]").setAppName("state")
    conf.set("tidemill.python.compile", mode).set("spark.task.maxFailures", "1")
    with SparkContext(conf=conf) as sc, tempfile.TemporaryDirectory() as folder:
        ssc = StreamingContext(sc, 0.02)
        ssc.checkpoint(folder)
        given = None if initial is None else sc.parallelize(initial, 3)
        stream = ssc.queueStream(data).updateStateByKey(function, partitions, given)
        try:
            states = collect_batches(stream.glom(), len(data))
            found = [[spelled(part) for part in batch] for batch in states]
        except JobError as error:
            # Up to the time of the batch.
            found = str(error).split("An exception was raised by Python:")[1].splitlines()
        return found, "\n".join(sc._engine.explain())


@pytest.mark.parametrize("name", NAMES)
def test_states_are_cpythons(name, tmp_path, capfd):
    function = getattr(updates, name)
    values = VALUES[function.__doc__.split(",")[0]]
    for seed in range(3):
        data = batches(values, seed)
        initial = [("a", values[1]), ("k9", values[0])] if seed == 2 else None
        expected, _ = run("off", function, data, initial, 1 + (seed < 2))
        printed = capfd.readouterr().err.splitlines()
        found, _ = run("auto", function, data, initial, 1 + (seed < 2))
        assert found == expected
        also = capfd.readouterr().err.splitlines()
        if seed == 2:
            # In one partition the order is certain. Both streams went on for some more batches.
            assert all(one == other for one, other in zip(printed, also))
            assert bool(printed) == bool(also)


def test_what_compiles():
    compiled = []
    for name in NAMES:
        function = getattr(updates, name)
        data = batches(VALUES[function.__doc__.split(",")[0]], 0)
        _, told = run("auto", function, data)
        if re.search(r"updateStateByKey\(.*: compiled", told):
            compiled.append(name)
    interpreted = set(NAMES) - set(compiled)
    assert interpreted <= {"of_any", "changes_type", "one_list_twice", "first_or_none"}


def test_keys_without_news_cost_nothing(tmp_path):
    """A slow function is not called for keys that have settled.

    The first batch takes thousands of times longer, so that a ratio of twenty has nothing to do
    with the machine.
    """

    def slow(values, state):
        count = (state or 0) + len(values)
        left = 200_000
        while left > 0:
            left -= 1
        return count

    keys = [[(key, 1) for key in range(2000)]]
    conf = SparkConf().setMaster("local[2]").setAppName("settled")
    with SparkContext(conf=conf) as sc:
        ssc = StreamingContext(sc, 0.02)
        ssc.checkpoint(str(tmp_path))
        stream = ssc.queueStream([*keys, *[[(5, 1)]] * 20]).updateStateByKey(slow)
        states = collect_batches(stream, 21, 120)
        assert dict(states[-1])[5] == 21
        busy = [batch["processing_ms"] for batch in ssc._streaming.batches()]
    # Two of its calls a batch against four thousand.
    assert sorted(busy)[len(busy) // 2] * 20 < max(busy)


@pytest.mark.parametrize(
    "initial",
    [
        [("a", (0, None)), ("z", (7, None))],
        [("a", (0, 5)), ("z", (7, None))],
        [("a", (0, 5)), ("a", (1, 6)), ("z", (7, None))],
    ],
    ids=["narrower", "as wide", "a key twice"],
)
def test_initial_states_of_a_narrower_type(initial):
    for data in (batches(VALUES["Maybe"], 1), [[], [], [("a", 2)], []]):
        expected, _ = run("off", updates.last_or_none, data, initial, 1)
        found, _ = run("auto", updates.last_or_none, data, initial, 1)
        assert found == expected
