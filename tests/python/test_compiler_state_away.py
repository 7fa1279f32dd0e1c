"""A keyed state that CPython has, because a function gave one of another type, comes back.

The oracle is the function itself, called in a loop; that compiled code has run again is seen by the
number of its calls.
"""

from __future__ import annotations

import re

import pytest
from exact import folds
from exact.server import spelled
from exact.states import calm, run

from tidemill.errors import JobError

LEAVES = 99
MORE = 6


def goes_and_comes(values, state):
    """A float for one batch, else another whole number in each."""
    for value in values:
        if value == LEAVES:
            return 0.5
    if state == 0.5:
        return 1
    return (state or 0) + len(values) + 1


def stays_away(values, state):
    """A float for good."""
    for value in values:
        if value == LEAVES:
            return 0.5
    return (state or 0) + 1


def widens(values, state):
    """Another type of state for all keys, which compiles as well."""
    if state == "text" or LEAVES in values:
        return "text"
    return 1


def keeps_or_leaves(values, state):
    """The state without news is the same."""
    for value in values:
        if value == LEAVES:
            return 0.5
    total = 1 if state == 0.5 else state or 0
    return total + sum(values) if values else state


def calls(told):
    """Return the number of calls that compiled code was asked for, where it gave some up."""
    return sum(int(number) for number in re.findall(r"of (\d+) calls ran in CPython", told))


def agree(function, data, **options):
    """Check the states after each batch; return what `explain` says."""
    found, told = run([function], data, **options)
    assert spelled(found[function.__name__]) == spelled(calm(function, data))
    return told


START = [[("a", 1), ("b", 2), ("c", 3)], [("b", 1), ("a", LEAVES)]]


def test_a_state_comes_back_when_it_is_of_one_type_again():
    # The batch in which one leaves is CPython's, and some that follow; then few calls in many are.
    told = agree(goes_and_comes, [*START, *[[("c", 1)]] * 30, [("c", LEAVES)]])
    assert calls(told) > 30
    assert re.search(r"\b[12] of \d+ calls", told)


def test_a_state_goes_and_comes_again_and_again():
    again = [[("b", LEAVES)], [], [], [("c", 5), ("d", 1)], [], []]
    told = agree(goes_and_comes, [*START, *again * 6])
    assert calls(told) > 30


def test_a_state_that_stays_away_is_cpythons():
    data = [*START, *[[("b", 1), ("d", 4)]] * 40]
    # Looked at after 1, 3, 7 batches and so on: not in each of the 42.
    assert calls(agree(stays_away, data)) <= 6


def test_a_state_of_another_type_comes_back_as_that():
    data = [*START, [("b", LEAVES), ("c", LEAVES)], *[[]] * MORE]
    assert calls(agree(widens, data)) > 3


@pytest.mark.parametrize("others", [0, 150], ids=["pickles", "columns"])
def test_a_state_of_cpythons_comes_back_after_a_restart(tmp_path, others):
    folder = str(tmp_path / "state")
    data = [*START, [(f"key {n}", n % 9) for n in range(others)]]
    run([keeps_or_leaves], data, folder=folder)
    more = [[("a", 5), ("c", 1)], [("b", 2)], [("b", 3), ("a", LEAVES)], [("a", 7)], [("c", 1)]]
    expected = calm(keeps_or_leaves, [*data, *more])[len(data) :]
    found, told = run([keeps_or_leaves], more, folder=folder)
    assert spelled(found["keeps_or_leaves"]) == spelled(expected)
    assert re.search(r"\b1 of \d+ calls", told)


def test_a_state_of_a_type_that_does_not_compile_is_an_error_for_strict():
    """The states come back as lists of lists, for which no function is compiled."""

    def nests(values, state):
        if state is None:
            return 1
        return [[1]]

    told = agree(nests, [[("a", 1)]] * 9)
    assert "state of list[list[int]]" in told
    with pytest.raises(JobError, match=r"compile=strict .* updateStateByKey\(.*nests"):
        agree(nests, [[("a", 1)]] * 9, mode="strict")


FOLDS = ["running_count", "count_and_total", "in_order", "last_value", "most_so_far", "a_window"]


@pytest.mark.parametrize("others", [0, 150], ids=["pickles", "columns"])
@pytest.mark.parametrize("modes", [("off", "auto"), ("auto", "off"), ("auto", "auto")])
def test_states_go_on_after_a_restart_in_another_mode(tmp_path, modes, others):
    folder, functions = str(tmp_path / "state"), [getattr(folds, name) for name in FOLDS]
    many = [(f"key {n}", n) for n in range(others)]
    first = [[("a", 1), ("b", 2), ("a", 7), *many], [("c", -1)], []]
    second = [[("b", 40), ("d", 1), ("b", 3)], [], [("a", 2)], [("c", 9), ("a", 1)], []]
    run(functions, first, modes[0], folder)
    found, told = run(functions, second, modes[1], folder)
    for function in functions:
        expected = calm(function, [*first, *second])[len(first) :]
        assert spelled(found[function.__name__]) == spelled(expected)
    # The state of one that keeps no lists is typed once CPython has run it.
    assert modes[1] == "off" or "state of tuple[int, int]" in told
