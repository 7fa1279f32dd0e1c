"""Cases: state kept per key from batch to batch."""

from __future__ import annotations

from probe import new_path

WORDS = [["a", "b", "a"], ["b"], [], ["c", "a"]]


def counted(ssc, words=WORDS):
    """Return a stream of (word, 1) with a checkpoint folder set."""
    ssc.checkpoint(new_path("checkpoint"))
    return ssc.queueStream(words).map(lambda word: (word, 1))


def running_count(new_values, count):
    """The article's update function."""
    return sum(new_values) + (count or 0)


def history(new_values, past):
    """Keep what each call was given."""
    return (past or ()) + (tuple(new_values),)


def stream_state_counts(ssc, out):
    out(counted(ssc).updateStateByKey(running_count))
    out.batches = 5


def stream_state_lambda_of_the_article(ssc, out):
    update = lambda new_values, running_count: sum(new_values) + (running_count or 0)  # noqa: E731
    out(counted(ssc).updateStateByKey(update))


def stream_state_called_with_no_values(ssc, out):
    """Every kept key is called in every batch, with [] when there is nothing new."""
    out(counted(ssc).updateStateByKey(history))
    out.batches = 6


def stream_state_drops_none(ssc, out):
    def forget(new_values, count):
        return None if not new_values else len(new_values) + (count or 0)

    out(counted(ssc).updateStateByKey(forget))
    out.batches = 6


def stream_state_never_kept(ssc, out):
    out(counted(ssc).updateStateByKey(lambda new_values, state: None))


def stream_state_falsy_values_are_kept(ssc, out):
    def falsy(new_values, state):
        return {1: 0, 2: "", 3: []}.get(len(new_values), False)

    out(counted(ssc, [["a", "b", "b", "c", "c", "c"], ["a"], []]).updateStateByKey(falsy))


def stream_state_empty_from_the_start(ssc, out):
    out(counted(ssc, [[], [], ["a"]]).updateStateByKey(running_count))


def stream_state_partitions(ssc, out):
    out(counted(ssc).updateStateByKey(running_count, 3), "three")
    out(counted(ssc).updateStateByKey(running_count, numPartitions=1), "one")


def stream_state_initial_rdd(ssc, out):
    start = ssc.sparkContext.parallelize([("a", 10), ("z", 26), ("b", 20)], 3)
    out(counted(ssc).updateStateByKey(running_count, initialRDD=start))
    out.batches = 5


def stream_state_initial_list(ssc, out):
    out(counted(ssc).updateStateByKey(running_count, initialRDD=[("a", 10), ("z", 26)]))


def stream_state_initial_calls(ssc, out):
    start = [("a", ("start",)), ("z", ("start",))]
    out(counted(ssc).updateStateByKey(history, initialRDD=start))


def stream_state_initial_partitions(ssc, out):
    start = ssc.sparkContext.parallelize([(word, 5) for word in "abcdef"], 2)
    out(counted(ssc).updateStateByKey(running_count, 4, start))


def stream_state_initial_empty(ssc, out):
    out(counted(ssc).updateStateByKey(running_count, initialRDD=[]))


def stream_state_initial_dropped(ssc, out):
    def keep_new(new_values, state):
        return (state, new_values) if new_values else None

    out(counted(ssc).updateStateByKey(keep_new, initialRDD=[("a", 1), ("z", 2)]))


def stream_state_odd_keys(ssc, out):
    keys = [
        None,
        (),
        (1, None),
        1,
        True,
        1.0,
        0,
        False,
        "é",
        "日",
        "😀",
        b"\xff",
        -1,
        -2,
        2**61 - 1,
        10**30,
    ]
    out(counted(ssc, [keys, list(reversed(keys)), []]).updateStateByKey(running_count))


def stream_state_equal_keys(ssc, out):
    """A key equal to a kept one is the kept one."""
    out(counted(ssc, [[1], [1.0], [True], [0], [False], [0.0]]).updateStateByKey(running_count))
    out.batches = 6


def stream_state_many_keys(ssc, out):
    first = [f"key{n % 40}" for n in range(100)]
    second = [f"key{n}" for n in range(35, 60)]
    out(counted(ssc, [first, second, []]).updateStateByKey(running_count))


def stream_state_key_order_over_time(ssc, out):
    """Old keys come first, new keys after them, a key dropped and seen again goes to the end."""

    def drop_on_zero(new_values, count):
        return None if 0 in new_values else (count or 0) + len(new_values)

    ssc.checkpoint(new_path("checkpoint"))
    batches = [[("a", 1), ("b", 1), ("c", 1)], [("b", 0)], [("d", 1)], [("b", 1)], [("a", 1)]]
    out(ssc.queueStream(batches).updateStateByKey(drop_on_zero, 1))
    out.batches = 5


def stream_state_of_several_partitions(ssc, out):
    rdds = [ssc.sparkContext.parallelize([(n % 7, n) for n in range(20)], 5) for _ in range(2)]
    ssc.checkpoint(new_path("checkpoint"))
    out(ssc.queueStream(rdds).updateStateByKey(history))


def stream_state_objects(ssc, out):
    def widen(new_values, state):
        state = dict(state or {})
        state["n"] = state.get("n", 0) + len(new_values)
        return state

    out(counted(ssc).updateStateByKey(widen))


def stream_state_then_operators(ssc, out):
    state = counted(ssc).updateStateByKey(running_count)
    out(state.map(lambda pair: (pair[1], pair[0])).groupByKey(2).mapValues(sorted), "by count")
    out(state.filter(lambda pair: pair[1] > 1), "more than one")
    out(state.count(), "count")


def stream_state_used_twice(ssc, out):
    calls = ssc.sparkContext.accumulator(0)

    def counting(new_values, count):
        calls.add(1)
        return running_count(new_values, count)

    state = counted(ssc).updateStateByKey(counting)
    out(state, "a")
    out(state, "b")
    out.note("both outputs")


def stream_two_states(ssc, out):
    words = counted(ssc)
    out(words.updateStateByKey(running_count), "counts")
    out(words.updateStateByKey(history), "calls")


def stream_state_of_state(ssc, out):
    state = counted(ssc).updateStateByKey(running_count)
    out(state.updateStateByKey(history))


def stream_state_parent_without_rdd(ssc, out):
    """A batch without an RDD keeps the state as it is."""
    words = counted(ssc, [["a"], ["b"], ["a"], []])
    sparse = words.transform(
        lambda rdd: rdd if rdd.filter(lambda pair: pair[0] == "a").count() else None
    )
    out(sparse.updateStateByKey(running_count))


def stream_state_update_fails(ssc, out):
    from probe import failure

    def fail(new_values, count):
        if len(new_values) == 2:
            raise ValueError("two at once")
        return running_count(new_values, count)

    words = counted(ssc, [["a"], ["b", "b"], ["a"]])
    words.updateStateByKey(fail).foreachRDD(lambda rdd: rdd.count())
    out(words, "parent")
    return lambda ssc: failure(lambda: ssc.awaitTermination(1), "ValueError: two at once")


def stream_quadrant_count(ssc, out):
    """The article's program on a queue."""

    def get_quadrant(line):
        try:
            (x, y) = [float(x) for x in line.split()]
        except ValueError:
            return ("Invalid points", 1)
        if x > 0 and y > 0:
            return ("First quadrant", 1)
        if x < 0 and y > 0:
            return ("Second quadrant", 1)
        if x < 0 and y < 0:
            return ("Third quadrant", 1)
        if x > 0 and y < 0:
            return ("Fourth quadrant", 1)
        if x == 0 and y != 0:
            return ("Lies on Y axis", 1)
        if x != 0 and y == 0:
            return ("Lies on X axis", 1)
        return ("Origin", 1)

    lines = [
        ["1 1", "-1 1", "-1 -1", "1 -1", "0 5", "5 0", "0 0", "x y", "", "1 2 3", "nan 1"][:10],
        ["3.5 2e3", "-.5 -0", " 7   8 ", "1,2"],
        [],
    ]
    ssc.checkpoint(new_path("checkpoint"))
    counts = ssc.queueStream(lines).map(get_quadrant).updateStateByKey(running_count)
    counts.pprint()
    out(counts)
