"""Functions for `updateStateByKey`, of values that are integers, floats, strings or of mixed types.

`test_compiler_state` runs each over the same batches with compile=off and compile=auto. The first
word of a function's docstring says what its values are.
"""

import sys

_LEAST = 2


def running_sum(values, state):
    """Integers, as in the article."""
    return sum(values) + (state or 0)


def running_count(values, last):
    """Integers, counted."""
    if last is None:
        last = 0
    return last + len(values)


def largest(values, state):
    """Integers, of which the largest is kept."""
    best = state
    for value in values:
        if best is None or value > best:
            best = value
    return best


def smallest_and_largest(values, state):
    """Integers, a tuple of two."""
    low, high = state if state is not None else (values[0], values[0])
    for value in values:
        low, high = min(low, value), max(high, value)
    return (low, high)


def sum_and_count(values, state):
    """Integers, for a mean."""
    total, count = state or (0, 0)
    return (total + sum(values), count + len(values))


def drops_small(values, state):
    """Integers, a key is dropped and may come again."""
    total = sum(values) + (state or 0)
    if total < _LEAST:
        return None
    return total


def drops_untouched(values, state):
    """Integers, kept only while something comes."""
    if not values:
        return None
    return (state or 0) + len(values)


def never_settles(values, state):
    """Integers, another state in each batch."""
    return (state or 0) + len(values) + 1


def settles_late(values, state):
    """Integers, counts down to zero while nothing comes."""
    if values:
        return 3
    return state - 1 if state > 0 else 0


def only_new(values, state):
    """Integers, the first batch counts."""
    return sum(values) if state is None else state


def prints_when_untouched(values, state):
    """Integers, an effect in every batch."""
    if not values:
        print("nothing for", state, file=sys.stderr)
    return (state or 0) + len(values)


def prints_on_large(values, state):
    """Integers, an effect in a rare branch."""
    total = (state or 0) + sum(values)
    if total > 10:
        print("large", total, file=sys.stderr)
    return total


def overflows(values, state):
    """Integers, that outgrow 64 bits."""
    state = state or 1
    for value in values:
        state = state * (1000003 + value)
    return state


def changes_type(values, state):
    """Integers, a float now and then."""
    total = (state or 0) + sum(values)
    return total / 2 if total % 7 == 0 else total


def raises_at_last(values, state):
    """Integers, an error after a while."""
    return 100 // (9 - (state or 0)) * 0 + (state or 0) + len(values)


def squares(values, state):
    """Integers, by a comprehension."""
    return (state or 0) + sum([value * value for value in values if value > 0])


def float_total(values, state):
    """Floats, added."""
    total = state or 0.0
    for value in values:
        total += value
    return total


def decays(values, state):
    """Floats, an exponential mean."""
    mean = state if state is not None else 0.0
    for value in values:
        mean = 0.9 * mean + 0.1 * value
    return mean if values else mean * 0.5


def minus_zero(values, state):
    """Floats, whose sign shows."""
    return 0 + state if state is not None and not values else -0.0


def longest(values, state):
    """Strings, the longest one."""
    best = state or ""
    for value in values:
        if len(value) > len(best):
            best = value
    return best


def joined(values, state):
    """Strings, put together."""
    return (state or "") + "".join(values)


def last_seen(values, state):
    """Strings, the last one and a number."""
    if not values:
        return state
    return (values[-1], len(values))


def of_any(values, state):
    """Mixed, of any type."""
    return (state or 0) + len(values)


def last_or_none(values, state):
    """Maybe, a tuple that holds None at first."""
    count, last = state or (0, None)
    for value in values:
        last = value
    return (count + len(values), last)


def first_or_none(values, state):
    """Maybe, a tuple of what came first."""
    return state if state is not None else (values[0] if values else None,)


def last_and_count(values, state):
    """Maybe, another type when None comes."""
    return (values[-1], len(values)) if values else state


def one_list_twice(values, state):
    """Integers, a list that is there twice."""
    if state is None:
        items = [len(values)]
        return (items, items)
    state[0].append(len(values))
    return state
