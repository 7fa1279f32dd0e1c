"""Functions for `updateStateByKey` that fold their values, or nearly do.

`test_compiler_folds` runs each over batches whose values come in several parts. The first word of a
docstring says what the values are, the second ``folds`` if no list of them may be made, ``lists``
if one must be.
"""

import math


def running_count(values, state):
    """Integers, folds: the article's."""
    return (state or 0) + sum(values)


def count_and_total(values, state):
    """Integers, folds: a tuple."""
    count, total = state or (0, 0)
    return (count + len(values), total + sum(values))


def from_a_start(values, state):
    """Integers, folds: the state is where the sum starts."""
    return sum(values, state or 0)


def most_so_far(values, state):
    """Integers, folds: a maximum with a default."""
    best = max(values, default=state)
    return best if state is None or best > state else state


def range_so_far(values, state):
    """Integers, folds: both ends."""
    if not values:
        return state
    low, high = state or (values[0], values[0])
    return (min(low, min(values)), max(high, max(values)))


def last_value(values, state):
    """Integers, folds: the last one."""
    return values[-1] if values else state


def first_value(values, state):
    """Integers, folds: the first one ever."""
    if state is None and values:
        return values[0]
    return state


def each_by_its_index(values, state):
    """Integers, folds: taken one by one, from both ends."""
    total = state or 0
    for i in range(len(values)):
        total = total * 3 + values[i] - values[-1 - i] * 2 & 0xFFFFFF
    return total


def outside(values, state):
    """Integers, folds: an index that may be none."""
    try:
        return values[2]
    except IndexError:
        return -1 if state is None else state


def in_order(values, state):
    """Integers, folds: each value in its place shows."""
    total = 7 if state is None else state
    for value in values:
        total = (total * 31 + value) & 0xFFFFFF
    return total


def branches(values, state):
    """Integers, folds: with if and else, break and continue."""
    small, large = state if state else (0, 0)
    for value in values:
        if value < 0:
            continue
        if value > 30:
            large += 1
        elif value == 13:
            break
        else:
            small += value
    else:
        small += 1
    return (small, large)


def session(values, state):
    """Integers, folds: None after three batches with nothing."""
    if values:
        total, _ = state or (0, 0)
        return (total + sum(values), 0)
    total, quiet = state
    return None if quiet == 2 else (total, quiet + 1)


def drops_on_a_sign(values, state):
    """Integers, folds: a value ends the key."""
    for value in values:
        if value == -1:
            return None
    return (state or 0) + len(values)


def mean(values, state):
    """Integers, folds: a quotient."""
    total, count, _ = state or (0, 0, 0.0)
    total, count = total + sum(values), count + len(values)
    return (total, count, total / count)


def twice_over(values, state):
    """Integers, folds: two passes, the second after the first."""
    if not values:
        return state
    center = sum(values) // len(values)
    return sum(abs(value - center) for value in values) + (state or 0)


def within_itself(values, state):
    """Integers, folds: a pass within a pass."""
    pairs = state or 0
    for one in values:
        for other in values:
            pairs += one < other
    return pairs


def conditions(values, state):
    """Integers, folds: generators used up."""
    seen, every, some, most = state or (0, 0, 0, 0)
    seen += len([value for value in values if value > 1])
    every += all(value > 0 for value in values)
    some += any(value > 6 for value in values)
    most += sum(value * value for value in values if value != 2)
    return (seen, every, some, max(most, max([value % 7 for value in values], default=0)))


def a_listed_sum(values, state):
    """Integers, folds: a comprehension that nobody sees."""
    return sum([value + 1 for value in values]) + (state or 0)


def all_are_made(values, state):
    """Integers, lists: any() of a list, all of whose items are made."""
    try:
        found = any([100 // value > 20 for value in values])
    except ZeroDivisionError:
        found = None
    if found is None:
        return (state or 0) + 1000
    return (state or 0) + found


def numbered(values, state):
    """Integers, folds: enumerate and zip."""
    total = state or 0
    for i, value in enumerate(values, 1):
        total += i * value
    for one, other in zip(values, values):
        total += one - other + 1
    return total


def helped(values, state):
    """Integers, folds: handed on to functions."""
    return _spread(values) + _spread(values) * 2 + (state or 0)


def _spread(numbers):
    return max(numbers) - min(numbers) if numbers else 0


def another_name(values, state):
    """Integers, folds: the same list by another name."""
    news = values
    total = state or 0
    for value in news if len(values) > 1 else values:
        total += value
    return total


def within_a_lambda(values, state):
    """Integers, folds: a function within that uses it."""
    weigh = lambda weight: sum(value * weight for value in values)  # noqa: E731
    return (weigh(2) - weigh(1) + (state or 0)) & 0xFFFF


def while_loop(values, state):
    """Integers, folds: by hand."""
    i = 0
    total = state or 0
    while i < len(values):
        total ^= values[i] << 1
        i += 1
    return total


def the_median(values, state):
    """Integers, lists: sorted."""
    return sorted(values)[len(values) // 2] if values else state


def a_window(values, state):
    """Integers, lists: the last ones are kept."""
    return ((state or []) + values)[-5:]


def a_slice(values, state):
    """Integers, lists: a part of it."""
    return (state or 0) + sum(values[1:]) - sum(values[::-2])


def changes_it(values, state):
    """Integers, lists: something is put into it."""
    values.append(3)
    return (state or 0) + sum(values)


def is_in_it(values, state):
    """Integers, lists: asked for a value."""
    return (state or 0) + (2 in values) + values.count(7)


def backwards(values, state):
    """Integers, lists: reversed."""
    total = state or 0
    for value in reversed(values):
        total = (total * 31 + value) & 0xFFFFFF
    return total


def written_out(values, state):
    """Integers, lists: as text."""
    return str(values) if values else state


def a_copy(values, state):
    """Integers, lists: every value so far."""
    kept = state or []
    for value in values:
        kept = [*kept, value]
    return kept[-9:]


def has_the_list(values, state):
    """Integers, lists: the list is the state."""
    return values or state


def two_at_once(values, state):
    """Pairs, folds: of tuples."""
    total, last = state or (0, "")
    for number, text in values:
        total += number
        last = max(last, text)
    return (total + sum(pair[0] for pair in values), last)


def a_total(values, state):
    """Floats, folds: sum, which corrects itself since CPython 3.12."""
    return sum(values) + (state or 0.0) if values else state


def from_a_float(values, state):
    """Floats, folds: sum with a start."""
    return sum(values, state if state is not None else -0.0)


def highest(values, state):
    """Floats, folds: nan is never larger."""
    best = -math.inf if state is None else state
    for value in values:
        if value > best:
            best = value
    return best


def extremes(values, state):
    """Floats, folds: where nan is matters."""
    if not values:
        return state
    return (max(values), min(values), max(values, key=abs))


def variance(values, state):
    """Floats, folds: Welford's."""
    count, center, spread = state or (0, 0.0, 0.0)
    for value in values:
        count += 1
        step = value - center
        center += step / count
        spread += step * (value - center)
    return (count, center, spread)


def lengths(values, state):
    """Strings, folds: text."""
    total, longest = state or (0, "")
    for value in values:
        total += len(value)
        if len(value) > len(longest):
            longest = value
    return (total, longest)


def in_one(values, state):
    """Strings, lists: joined."""
    return (state or "") + "".join(values)[:20]


def those_there(values, state):
    """Maybe, folds: None among them."""
    total, missing = state or (0, 0)
    for value in values:
        if value is None:
            missing += 1
        else:
            total += value
    return (total, missing)


def last_or_nothing(values, state):
    """Maybe, folds: None may be the last."""
    return (len(values), values[-1]) if values else (0, None)


def outgrows(values, state):
    """Large, folds: 64 bits are not enough, now and then."""
    return sum(values) // 2


def product(values, state):
    """Large, folds: outgrown in the middle."""
    total = 1
    for value in values:
        total *= value
    return total % 1000003 + (state or 0)


def of_truths(values, state):
    """Mixed, either: True among integers."""
    return sum(values) + (state or 0)
