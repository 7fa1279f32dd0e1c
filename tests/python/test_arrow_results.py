"""What functions of `mapArrow` return: the records are the same wherever batches were cut."""

from __future__ import annotations

import random

import pytest
from conftest import require
from test_arrow import same

from tidemill._engine import arrow_records

try:
    import pyarrow as pa

    from tidemill.batches import Batches
except ImportError:
    pa = None


@pytest.fixture(autouse=True)
def needs_pyarrow():
    require(pa, "needs pyarrow (tests/requirements.txt)")


def whole(values, kind=None):
    """Return a batch of the records."""
    return pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["value"])


def cut(sc, batches, rows=1):
    """Return the records of a function that returns these batches, one for each that it gets."""

    def made(batch):
        return pa.Table.from_batches([batches[at] for at in batch["value"].to_pylist()[:1]])

    conf = sc._conf
    before = conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(rows))
    try:
        return sc.parallelize(list(range(len(batches))), 1).mapArrow(made).collect()
    finally:
        conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", before or "10000")


# Structs whose fields are not the same in all batches ---------------------------------------------

DIFFERENT = {
    "fewer keys": ([{"a": 1}], [{"a": 2, "b": 3}]),
    "other keys": ([{"a": 1}], [{"b": 2}]),
    "other order": ([{"a": 1, "b": 2}], [{"b": 3, "a": 4}]),
    "tuples of many lengths": ([{"_1": 1}], [{"_1": 2, "_2": 3}]),
    "tuple and dict": ([{"_1": 1, "_2": 2}], [{"_2": 3, "_1": 4}]),
    "in a list": ([[{"a": 1}]], [[{"b": 2}]]),
    "in an empty list": ([[]], [[{"b": 2}]], [[{"a": 1}]]),
    "in a struct": ([{"x": {"a": 1}}], [{"x": {"a": 2, "b": 3}}]),
    "in a list of tuples": ([[{"_1": {"a": 1}}]], [[{"_1": {"c": 2}}]]),
    "none between": ([{"a": 1}], [None], [{"b": 1}]),
    "int and float": ([{"a": 1}], [{"a": 1.0}]),
    "int and bool": ([[1]], [[True]]),
}


def plain(value):
    """Return what a value of Arrow's is in Python: a struct of fields _1 to _n is a tuple."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        values = [plain(item) for item in value.values()]
        numbered = list(value) == [f"_{number + 1}" for number in range(len(value))]
        return tuple(values) if numbered else dict(zip(value, values))
    return value


@pytest.mark.parametrize("name", DIFFERENT)
def test_structs_that_differ_between_batches(sc, name):
    expected = [plain(record) for batch in DIFFERENT[name] for record in batch]
    same(cut(sc, [whole(batch) for batch in DIFFERENT[name]]), expected)


def test_columns_of_structs_that_differ_between_batches(sc):
    def pair(number):
        inner = {"_1": number} if number % 2 else {"_1": number, "_2": number}
        return pa.RecordBatch.from_pylist([{"_1": number, "_2": inner}])

    found = cut(sc, [pair(0), pair(1), pair(2)])
    same(found, [(0, (0, 0)), (1, (1,)), (2, (2, 2))])


def test_maps_that_differ_between_batches(sc):
    first = pa.map_(pa.string(), pa.struct([("a", pa.int64())]))
    second = pa.map_(pa.string(), pa.struct([("b", pa.int64())]))
    batches = [whole([[("x", {"a": 1})]], first), whole([[("y", {"b": 2})]], second)]
    same(cut(sc, batches), [[("x", {"a": 1})], [("y", {"b": 2})]])


def test_nulls_take_the_type_of_the_others():
    for first, second in [
        ([None], [1]),
        ([None], [{"a": 1}]),
        ([[None]], [[1]]),
        ([[]], [["a"]]),
        ([{"a": None, "b": None}], [{"a": [1], "b": {"c": 1.5}}]),
        ([{"a": [None]}], [{"a": [{"_1": "x"}]}]),
    ]:
        for batches in ([first, second], [second, first]):
            block = Batches([whole(batch) for batch in batches]).encode()
            assert block is not None, "typed records"
            same(arrow_records(block[2]), [plain(record) for part in batches for record in part])


# Random records, random cuts ----------------------------------------------------------------------

SCALARS = {
    "int": lambda rng: rng.choice([0, -1, 2**63 - 1, rng.randrange(1000)]),
    "float": lambda rng: rng.choice([0.0, -0.0, 1.5, 1e308]),
    "bool": lambda rng: rng.random() < 0.5,
    "str": lambda rng: "é" * rng.randrange(3),
}


def shape(rng, depth=0):
    """Return a random type: the name of a scalar, (list, item) or (struct, {name: type})."""
    kind = rng.choice(["scalar", "list", "dict", "tuple"]) if depth < 3 else "scalar"
    if kind == "scalar":
        return rng.choice(list(SCALARS))
    if kind == "list":
        return list, shape(rng, depth + 1)
    count = rng.randrange(1, 4)
    names = [f"_{at + 1}" for at in range(count)] if kind == "tuple" else rng.sample("abcd", count)
    return dict, {name: shape(rng, depth + 1) for name in names}


def altered(rng, kind):
    """Return a type that differs a little."""
    if rng.random() < 0.3 or isinstance(kind, str):
        return rng.choice(list(SCALARS)) if rng.random() < 0.3 else kind
    if kind[0] is list:
        return list, altered(rng, kind[1])
    fields = [(name, altered(rng, item)) for name, item in kind[1].items()]
    change = rng.choice(["order", "fewer", "more", "none", "none"])
    if change == "order":
        rng.shuffle(fields)
    elif change == "fewer" and len(fields) > 1:
        fields.pop(rng.randrange(len(fields)))
    elif change == "more":
        fields.append((rng.choice(["e", f"_{len(fields) + 1}"]), "int"))
    return dict, dict(fields)


def value(rng, kind):
    """Return a random value of a type, as pyarrow takes it."""
    if rng.random() < 0.15:
        return None
    if isinstance(kind, str):
        return SCALARS[kind](rng)
    if kind[0] is list:
        return [value(rng, kind[1]) for _ in range(rng.randrange(3))]
    return {name: value(rng, item) for name, item in kind[1].items()}


def arrow_type(rng, kind, values):
    """Return Arrow's type of these values: sometimes null where all are."""
    values = [item for item in values if item is not None]
    if not values and rng.random() < 0.5:
        return pa.null()
    if isinstance(kind, str):
        return {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "str": pa.string()}[
            kind
        ]
    if kind[0] is list:
        return pa.list_(arrow_type(rng, kind[1], [item for items in values for item in items]))
    parts = kind[1].items()
    return pa.struct(
        [(name, arrow_type(rng, item, [each[name] for each in values])) for name, item in parts]
    )


def batch_of(rng, kind, values):
    """Return a batch of the values: one column, or one for each part of tuples and dicts."""
    column = pa.array(values, arrow_type(rng, kind, values))
    spread = pa.types.is_struct(column.type) and column.type.num_fields and None not in values
    if not spread or column.type.field(0).name == "value":
        return pa.RecordBatch.from_arrays([column], names=["value"])
    return pa.RecordBatch.from_struct_array(column)


def random_batches(rng):
    """Return batches and their records."""
    kinds = [shape(rng)]
    while rng.random() < 0.6:
        kinds.append(altered(rng, kinds[-1]))
    batches, records = [], []
    for _ in range(rng.randrange(1, 6)):
        kind = rng.choice(kinds)
        values = [value(rng, kind) for _ in range(rng.randrange(1, 5))]
        batches.append(batch_of(rng, kind, values))
        records += map(plain, values)
    return batches, records


def cuts(rng, batches):
    """Return the same batches in random pieces."""
    for batch in batches:
        at = 0
        while at < batch.num_rows:
            rows = rng.randrange(1, batch.num_rows - at + 1)
            yield batch.slice(at, rows)
            at += rows


def test_random_records_in_random_batches():
    typed = 0
    for seed in range(1_500):
        rng = random.Random(seed)
        batches, records = random_batches(rng)
        for pieces in (batches, list(cuts(rng, batches))):
            result = Batches(pieces)
            block = result.encode()
            typed += block is not None
            same(list(result) if block is None else arrow_records(block[2]), records)
            same(list(Batches(pieces)), records)
    assert 500 < typed < 2_500, "both ways are taken"


def test_random_records_through_workers(sc):
    for seed in range(40):
        rng = random.Random(f"workers {seed}")
        batches, records = random_batches(rng)
        same(cut(sc, batches), records)
        same(cut(sc, list(cuts(rng, batches))), records)
