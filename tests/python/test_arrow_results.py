"""What functions of `mapArrow` return: the records are the same wherever batches were cut."""

from __future__ import annotations

import datetime
import importlib.util
import pickle
import random

import pytest
from conftest import require
from exact.workers import in_worker
from test_arrow import ENOUGH, result_of, same

from tidemill._engine import arrow_records
from tidemill.errors import JobError

try:
    import pyarrow as pa
    import pyarrow.compute as pc

    from tidemill.batches import Batches
except ImportError:
    pa = None


@pytest.fixture(autouse=True)
def needs_pyarrow():
    require(pa, "needs pyarrow (tests/requirements.txt)")


def whole(values, kind=None):
    """Return a batch of the records."""
    kinds = [kind] if kind else [type_of(value) for value in values if value is not None]
    return pa.RecordBatch.from_arrays([pa.array(values, *kinds[:1])], names=["value"])


def type_of(value):
    """Return a value's type; older pyarrow sorts the fields of a struct when it infers them."""
    if isinstance(value, dict):
        return pa.struct([(name, type_of(item)) for name, item in value.items()])
    if isinstance(value, list):
        return pa.list_(type_of(value[0]) if value else pa.null())
    return pa.scalar(value).type


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


# Columns that are not valid, or that Python has no values for -------------------------------------


def fails(sc, result):
    """Return what is said of a function that returns this."""
    with pytest.raises(JobError) as caught:
        result_of(sc, result)
    text = str(caught.value)
    assert "internal error" not in text
    return text


def no_utf8():
    """Return a column of text that is none."""
    ends = pa.py_buffer(b"\0\0\0\0\1\0\0\0")
    return pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(b"\xff")])


def test_text_that_is_no_utf8(sc):
    bad = no_utf8()
    for column in (
        bad,
        pa.StructArray.from_arrays([bad], names=["a"]),
        pa.ListArray.from_arrays([0, 1], bad),
        pa.DictionaryArray.from_arrays(pa.array([0]), bad),
    ):
        for names in (["value"], ["text"]):
            text = fails(sc, pa.RecordBatch.from_arrays([column], names=names))
            assert "ValueError: mapArrow expects valid columns" in text
            assert "Invalid UTF8 sequence" in text and "pyarrow.binary()" in text
    # Beside a column that is pickled.
    day = pa.array([datetime.date(2026, 1, 2)])
    assert "valid columns" in fails(sc, pa.table({"_1": bad, "_2": day}))


def test_indices_beyond_their_dictionary(sc):
    wrong = pa.DictionaryArray.from_arrays(pa.array([7]), pa.array(["a"]), safe=False)
    assert "mapArrow expects valid columns" in fails(sc, pa.table({"value": wrong}))


def test_names_of_columns_are_looked_at_without_records_too(sc):
    none = pa.array([], pa.int64())
    one = pa.RecordBatch.from_arrays([pa.array([1])], names=["a"])
    for result, columns in [
        (pa.table({}), []),
        (one.select([]), []),
        (pa.Table.from_batches([one]).select([]), []),
        (pa.RecordBatch.from_arrays([none, none], names=["a", "a"]), ["a", "a"]),
        (pa.Table.from_arrays([none, none], names=["a", "a"]), ["a", "a"]),
    ]:
        text = fails(sc, result)
        assert "mapArrow expects a function that returns columns, each of another name" in text
        assert f"got the columns {columns}" in text


def test_structs_with_fields_of_one_name(sc):
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    for column, where in [
        (twice, "value"),
        (pa.StructArray.from_arrays([twice], names=["inner"]), "value.inner"),
        (pa.ListArray.from_arrays([0, 1], twice), "value.item"),
    ]:
        for result in (pa.table({"value": column}), pa.table({"value": column}).slice(0, 0)):
            text = fails(sc, result)
            assert f"got the struct {where} with the fields ['a', 'a']" in text


def test_structs_are_tuples_within_all_types(sc):
    pair = pa.struct([("_1", pa.int64()), ("_2", pa.list_(pa.struct([("_1", pa.string())])))])
    value = {"_1": 1, "_2": [{"_1": "a"}, None]}
    expected = (1, [("a",), None])
    columns = {
        "map": (pa.array([[("k", value)], None, []], pa.map_(pa.string(), pair)), list_of_pairs),
        "map by it": (
            pa.array([[(value, 5)]], pa.map_(pair, pa.int64())),
            lambda found: [[(found, 5)]],
        ),
        "dictionary": (
            pa.DictionaryArray.from_arrays(pa.array([0, None, 0]), pa.array([value], pair)),
            lambda found: [found, None, found],
        ),
    }
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3]), pa.array([value, None], pair))
    try:
        pc.run_end_decode(runs)
        columns["run ends"] = runs, lambda found: [found, found, None]
    except NotImplementedError:  # older versions
        assert "no kernel" in fails(sc, pa.table({"value": runs}))
    for name in ("list_view", "large_list_view", "large_list"):
        if hasattr(pa, name):
            column = pa.array([[value], None, [], [None]], getattr(pa, name)(pair))
            columns[name] = column, lambda found: [[found], None, [], [None]]
    for column, records in columns.values():
        same(result_of(sc, pa.table({"value": column})), records(expected))
        same(result_of(sc, pa.table({"value": column.slice(1)})), records(expected)[1:])


def list_of_pairs(found):
    return [[("k", found)], None, []]


def test_structs_within_a_union_are_refused(sc):
    parts = [pa.array([1, 2]), pa.array([{"_1": 1}, {"_1": 2}])]
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), parts)
    assert "got value, a union with structs" in fails(sc, pa.table({"value": union}))
    plain_union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [parts[0], parts[0]])
    same(result_of(sc, pa.table({"value": plain_union})), [1, 2])


def test_values_that_python_does_not_have(sc):
    columns = [
        (pa.array([2**60], pa.timestamp("s")), "timestamp[s]"),
        (pa.array([2**30], pa.date32()), "date32[day]"),
        (pa.array([1], pa.timestamp("us", "Nowhere/City")), "timestamp[us, tz=Nowhere/City]"),
    ]
    if importlib.util.find_spec("pandas") is None:
        columns.append((pa.array([1], pa.timestamp("ns")), "timestamp[ns]"))
        columns.append((pa.array([1], pa.duration("ns")), "duration[ns]"))
    for column, kind in columns:
        text = fails(sc, pa.table({"when": column}))
        assert "mapArrow expects columns whose values Python has" in text
        assert f"got the column when of type {kind}" in text
        assert "Cast it" in text
        nested = pa.StructArray.from_arrays([column], names=["a"])
        assert "got the column value of type struct<a: " in fails(sc, pa.table({"value": nested}))
    exact = pa.array([1000], pa.timestamp("ns"))
    same(result_of(sc, pa.table({"value": exact})), exact.to_pylist())


@pytest.mark.parametrize("depth", [49, 50, 51, 60, 61, 64, 100])
def test_values_of_any_depth(sc, depth):
    for wrap, kind_of in [
        (lambda inner: [inner], pa.list_),
        (lambda inner: {"a": inner}, lambda inner: pa.struct([("a", inner)])),
    ]:
        value, kind = 1, pa.int64()
        for _ in range(depth):
            value, kind = wrap(value), kind_of(kind)
        same(result_of(sc, whole([value], kind)), [value])
        # The other way round.
        records = [pickle.loads(pickle.dumps(value)) for _ in range(ENOUGH)]
        assert sc.parallelize(records, 1).mapPartitionsWithIndex(
            in_worker(lambda part: [list(part)[-1]])
        ).collect() == [value]
        given = sc.parallelize(records, 1).mapArrow(lambda batch: batch)
        if depth <= 50:
            same(given.collect(), records)
            continue
        with pytest.raises(JobError) as caught:
            given.collect()
        assert "nested deeper than 50 levels" in str(caught.value)


def test_small_floats(sc):
    for kind in (pa.float16(), pa.float32()):
        same(result_of(sc, whole([1.5, None], kind)), [1.5, None])
        day = pa.array([datetime.date(2026, 1, 2)])
        beside = pa.table({"_1": pa.array([1.5], kind), "_2": day})
        same(result_of(sc, beside), [(1.5, datetime.date(2026, 1, 2))])
