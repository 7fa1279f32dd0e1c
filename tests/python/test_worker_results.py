"""What workers give back: columns where the very same records come of them, pickles otherwise."""

from __future__ import annotations

import math
import os
import random

import pytest
from conftest import require
from exact.server import spelled
from exact.workers import in_worker
from test_arrow import DICTS, FLOATS, INTS, OTHER, TEXTS, TYPED, many, same
from test_shared_memory import shared_bytes

from tidemill import SparkContext
from tidemill._engine import arrow_records, columns_of
from tidemill.errors import JobError
from tidemill.serializers import ARROW, PICKLE, encode

try:
    import pyarrow as pa
except ImportError:
    pa = None

ENOUGH = 120  # records from which a result may be columns
ODD = [2**63, "\ud800", b"x", {1}, (), {}, 1j, object, {1: 2}, {"value": 1}, {"_1": 1}]


def objects(block):
    """Return the records of a block of columns."""
    kind, count, data = block
    assert kind == ARROW
    records = arrow_records(data)
    assert len(records) == count
    return records


@pytest.mark.parametrize("name", [*TYPED, *DICTS])
def test_records_that_have_columns_come_back_as_they_are(name):
    records = many({**TYPED, **DICTS}[name], ENOUGH)
    same(objects(encode(records)), records)


@pytest.mark.parametrize("name", OTHER)
def test_records_that_have_none_are_pickled(name):
    records = many(OTHER[name], ENOUGH)
    assert encode(records)[0] == PICKLE


@pytest.mark.parametrize("count", [0, 1, 99])
def test_few_records_are_pickled(count):
    assert encode([1] * count)[0] == PICKLE


# Random records -----------------------------------------------------------------------------------

SCALARS = {
    "int": lambda rng: rng.choice(INTS),
    "float": lambda rng: rng.choice(FLOATS),
    "bool": lambda rng: rng.random() < 0.5,
    "str": lambda rng: rng.choice(TEXTS),
}
KEYS = ["a", "b", "é", "value", "_1", "_2", ""]


def shape(rng, depth=0):
    """Return a random type."""
    kind = rng.choice(["scalar", list, dict, tuple]) if depth < 3 else "scalar"
    if kind == "scalar":
        return rng.choice(list(SCALARS))
    if kind is list:
        return list, shape(rng, depth + 1)
    items = [shape(rng, depth + 1) for _ in range(rng.randrange(1, 4))]
    return kind, dict(zip(rng.sample(KEYS, len(items)), items)) if kind is dict else items


def value(rng, kind, nones):
    """Return a random value of a type, its parts None now and then; no long text is there twice."""
    if rng.random() < nones:
        return None
    if isinstance(kind, str):
        one = SCALARS[kind](rng)
        return one[:30] if kind == "str" else one
    form, inner = kind
    if form is list:
        return [value(rng, inner, nones) for _ in range(rng.randrange(3))]
    if form is tuple:
        return tuple([value(rng, item, nones) for item in inner])
    return {key: value(rng, item, nones) for key, item in inner.items()}


def altered(rng, record):
    """Return a record with one thing in it another one."""
    if not record or rng.random() < 0.3 or not isinstance(record, (list, tuple, dict)):
        odd = [*ODD, *rng.choice([INTS, FLOATS, TEXTS, [None, [], [1], (1,), {"a": 1}]])]
        return rng.choice(odd)
    if isinstance(record, dict):
        items = list(record.items())
        if rng.random() < 0.3:
            return dict(rng.sample(items, len(items)))
        at = rng.randrange(len(items))
        items[at] = rng.choice([(items[at][0], altered(rng, items[at][1])), ("new", items[at][1])])
        return dict(items)
    items = list(record)
    at = rng.randrange(len(items))
    items[at : at + rng.choice([1, 1, 1, 0, 2])] = [altered(rng, items[at])]
    return type(record)(items)


def test_random_records_come_back_as_they_are_or_not_at_all():
    rng, columns, refused = random.Random(7), 0, 0
    for _ in range(1_500):
        kind, nones = shape(rng), rng.choice([0, 0, 0.1, 0.7])
        records = [value(rng, kind, nones) for _ in range(ENOUGH)]
        for _ in range(rng.choice([0, 0, 1, 2])):
            at = rng.randrange(ENOUGH)
            records[at] = altered(rng, records[at])
        before = list(map(spelled, records))
        stream = columns_of(records)
        assert list(map(spelled, records)) == before
        if stream is None:
            refused += 1
        else:
            columns += 1
            assert list(map(spelled, arrow_records(stream))) == before
    assert columns > 400 and refused > 400


# What a pickle would keep as one object -----------------------------------------------------------


def shared_by(one):
    """Return records of which some hold the same object."""
    return [(n, one) for n in range(ENOUGH)]


@pytest.mark.parametrize(
    "one",
    [
        [1],
        {"a": 1},
        ([1],),
        ((1, 2), 3),
        "x" * 50,
        ("x" * 50,),
        tuple(range(9)),
        {"a": [1]},
        (math.nan, 1),
    ],
    ids=repr,
)
def test_what_is_one_object_in_a_pickle_is_pickled(one):
    assert encode(shared_by(one))[0] == PICKLE
    assert encode([one] * ENOUGH)[0] == PICKLE
    assert encode([[one, one] for _ in range(ENOUGH)])[0] == PICKLE


@pytest.mark.parametrize("one", ["x" * 30, (1, "a"), 5, None, math.nan, ("x",) * 4], ids=repr)
def test_small_things_that_nobody_can_change_may_be_one_object(one):
    same(objects(encode(shared_by(one))), shared_by(one))


def test_a_list_that_holds_itself_is_pickled():
    def circle():
        one = []
        one.append(one)
        return one

    assert encode([circle() for _ in range(ENOUGH)])[0] == PICKLE


def test_tuples_of_tuples_that_are_there_twice_do_not_explode():
    one = (0, 0)
    for _ in range(40):
        one = (one, one)
    assert encode(shared_by(one))[0] == PICKLE


def test_a_change_of_one_object_is_seen_by_all_that_hold_it(sc):
    def pairs(numbers):
        both = []
        return [(n, both) for n in numbers]

    def change(part):
        for n, found in part:
            found.append(n)
            yield len(found)

    made = sc.parallelize(range(ENOUGH), 1).mapPartitionsWithIndex(in_worker(pairs)).partitionBy(1)
    assert made.mapPartitionsWithIndex(in_worker(change)).collect() == list(range(1, ENOUGH + 1))


# Bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "kind"), [(1000, ARROW), (1100, PICKLE), (500_000, PICKLE)])
def test_records_of_very_many_parts_are_pickled(sc, parts, kind):
    def wide():
        return (0, tuple([None] * parts))

    assert encode([wide() for _ in range(ENOUGH)])[0] == kind
    assert encode([tuple(range(parts)) for _ in range(ENOUGH)])[0] == kind
    late = [*((n, None) for n in range(2 * ENOUGH)), wide()]
    found = (
        sc.parallelize([0], 1)
        .mapPartitionsWithIndex(in_worker(lambda _: [*map(tuple, late)]))
        .collect()
    )
    assert found == late


def test_what_is_not_there_takes_no_room():
    full = [(0, tuple(range(1000)))]
    assert encode([(n, None) for n in range(20_000)] + full)[0] == PICKLE
    assert encode(full + [(n, None) for n in range(20_000)])[0] == PICKLE
    some = [(n, (n, str(n)) if n % 2 else None) for n in range(20_000)]
    same(objects(encode([(n, (n, str(n)) if n % 2 else None) for n in range(20_000)])), some)


class Text(str):
    """A key that is no str, and that changes what it is in when it is compared."""

    __slots__ = ("held",)

    def __eq__(self, other):
        self.held.clear()
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_comparing_keys_runs_no_code_of_the_users():
    from tidemill._engine import Intake

    for make in (columns_of, lambda records: Intake().columns(records, 0)):
        key = Text("a")
        odd = {key: [1], "b": [2]}
        records = [{"a": [n], "b": [n]} for n in range(ENOUGH)] + [odd]
        key.held = records
        try:
            assert make(records) is None
        except TypeError as refused:
            assert "a dict with the key" in str(refused)
        assert len(records) == ENOUGH + 1


# In jobs ------------------------------------------------------------------------------------------


def kept(rows):
    """Return what a worker's function returns, made anew."""
    return [(n, str(n), [n, None], {"half": n / 2, "odd": n % 2 == 1}) for n in rows]


def test_results_through_all_stages(sc):
    for count in (ENOUGH, 5_000, 60_000):
        rdd = sc.parallelize(range(count), 3).mapPartitionsWithIndex(in_worker(kept)).cache()
        same(rdd.collect(), kept(range(count)))
        again = rdd.mapPartitions(list).map(lambda row: (row[0] % 5, row[1])).partitionBy(2)
        assert sorted(again.values().collect()) == sorted(map(str, range(count)))
        assert rdd.map(lambda row: row[3]["half"]).sum() == sum(n / 2 for n in range(count))


@pytest.mark.parametrize("count", [9, 9 * ENOUGH])
def test_dicts_of_a_worker_are_for_compiled_code(count):
    with SparkContext("local[2]", "dicts") as sc:
        made = sc.parallelize(range(count), 2).mapPartitionsWithIndex(
            in_worker(lambda rows: [(n % 3, {"n": n, "text": str(n)}) for n in rows])
        )
        totals = made.partitionBy(2).mapValues(lambda row: row["n"] + len(row["text"]))
        found = sorted(totals.reduceByKey(lambda a, b: a + b).collect())
        told = "\n".join(sc._engine.explain())
    assert found == [(key, sum(n + len(str(n)) for n in range(key, count, 3))) for key in range(3)]
    assert "over other records" not in told
    after = told.split("over tuple[int, dict[n: int, text: str]]:")[1]
    assert after.count("compiled") >= 2 and "CPython" not in after


def test_large_results_go_through_shared_memory_and_it_is_given_back():
    require(hasattr(os, "memfd_create"), "needs memfd_create")
    with SparkContext("local[1]", "results") as sc:
        for make in (lambda n: float(n), lambda n: n**9, lambda n: ("é" * 50, str(n))):
            count = 40_000
            rdd = sc.parallelize([0], 1).mapPartitionsWithIndex(
                in_worker(lambda _, f=make, n=count: map(f, range(n)))
            )
            assert rdd.collect() == list(map(make, range(count)))
        assert max(shared_bytes()) > 64 << 10
        huge = sc.parallelize([0], 1).mapPartitionsWithIndex(
            in_worker(lambda _: [bytes(70_000_000)])
        )
        assert huge.collect() == [bytes(70_000_000)]
        assert max(shared_bytes()) <= 64 << 20


def test_a_batch_that_is_kept_has_no_result_in_it():
    require(pa, "needs pyarrow (tests/requirements.txt)")

    def keep(batch):
        import builtins

        builtins._kept_by_test = batch, batch.to_pylist()
        return batch

    def look(_):
        import builtins

        batch, before = builtins._kept_by_test
        return [batch.to_pylist() == before]

    with SparkContext("local[1]", "kept") as sc:
        for size in (9_000, 40_000, 9_500):
            numbers = sc.parallelize(list(range(size, 2 * size)), 1)
            assert numbers.mapArrow(keep).collect() == list(range(size, 2 * size))
            assert sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(look)).collect() == [
                True
            ]
            large = sc.parallelize([0], 1).mapPartitionsWithIndex(
                in_worker(lambda _: map(float, range(100_000)))
            )
            assert large.count() == 100_000
            assert sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(look)).collect() == [
                True
            ]


def test_where_there_is_no_memory_results_go_through_the_socket():
    require(hasattr(os, "memfd_create"), "needs memfd_create")

    def made(_):
        import resource

        # Files must not grow: no part of a result may be written behind the 1,000,000 bytes.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        return [bytes([n]) * 400_000 for n in range(6)]

    with SparkContext("local[1]", "results") as sc:
        rdd = sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(made))
        assert rdd.collect() == [bytes([n]) * 400_000 for n in range(6)]
        buckets = rdd.map(lambda data: (data[0], data)).partitionBy(6)
        assert sorted(buckets.collect()) == [(n, bytes([n]) * 400_000) for n in range(6)]
        assert 400_000 <= max(shared_bytes()) <= 1_000_000


# What cannot be given back ------------------------------------------------------------------------


class Unwilling:
    """It is not pickled."""

    def __reduce__(self):
        raise RuntimeError("no reduce for you")

    def __repr__(self):
        return "Unwilling()"


class Unreadable:
    """It is pickled, but for nothing."""

    def __reduce__(self):
        return int, ("no number",)


def test_the_record_that_cannot_be_pickled_is_named(sc):
    made = sc.parallelize([0], 1).mapPartitionsWithIndex(in_worker(lambda _: [1, "b", Unwilling()]))
    with pytest.raises(JobError) as caught:
        made.collect()
    text = str(caught.value)
    assert "PicklingError: Could not serialize the records of a task: RuntimeError: no" in text
    assert "Record 2 of them is Unwilling()." in text
    with pytest.raises(JobError, match=r"Record 0 of them is <generator object"):
        sc.parallelize([0], 1).map(lambda n: (n for n in [n])).collect()


def test_a_record_that_cannot_be_unpickled_is_explained(sc):
    with pytest.raises(JobError, match="cannot be unpickled in the driver: ValueError: inv") as e:
        sc.parallelize([0], 1).map(lambda _: Unreadable()).collect()
    assert isinstance(e.value.__cause__, ValueError)
