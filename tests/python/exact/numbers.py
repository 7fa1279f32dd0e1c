"""Named functions in which an `int` meets floats, and constants meet what is computed.

Used by `test_compiler_exact`; `server` loads this file from its path. The least line of numbers is
in `exact.lines`, so each branch is taken by some.
"""

# ruff: noqa: B020, RUF005


def _numbers(line):
    found = []
    for word in line.split():
        try:
            found.append(float(word))
        except ValueError:
            found.append(len(word) / 2)
    return found


def total_from_zero(line):
    total = 0
    for number in _numbers(line):
        total += number
    return total


def total_from_one(line):
    total = 1
    for number in _numbers(line):
        total = total * number
    return total, total * 2, total / 3


def difference_of_totals(line):
    a = b = 0
    for number in _numbers(line):
        a += number
        b -= number
    return a - b, a + b, a * b


def greatest_from_zero(line):
    best = 0
    for number in _numbers(line):
        if number > best:
            best = number
    return best


def least_and_greatest(line):
    low, high = 0, 0
    for number in _numbers(line):
        low, high = min(low, number), max(high, number)
    return low, high


def zero_that_is_shown(line):
    total = 0
    for number in _numbers(line):
        total += number
    return f"{total}", str(total), repr(total)


def zero_that_is_counted_up(line):
    total = 0
    for number in _numbers(line):
        total += number
    return (total or 7) + 1.5, -total, abs(total), total == 0, not total


def zero_in_a_list(line):
    total = 0
    for number in _numbers(line):
        total += number
    return [total, 1.5]


def zero_over_another(line):
    total, count = 0, 0
    for number in _numbers(line):
        total += number
        count += 1
    try:
        return total / count
    except ZeroDivisionError:
        return -1.0


def negative_zero(line):
    total = 0
    for number in _numbers(line):
        total = total - number * 0
    return -total, total + 0.0


def powers(line):
    total = 0
    for number in _numbers(line)[:3]:
        total += number % 3
    return total**2


def mean_or_zero(line):
    numbers = _numbers(line)
    return sum(numbers) / len(numbers) if numbers else 0


def mean_or_zero_early(line):
    numbers = _numbers(line)
    if not numbers:
        return 0
    return sum(numbers) / len(numbers)


def sum_and_more(line):
    numbers = _numbers(line)
    return sum(numbers) + 1.5, 2.0 * sum(numbers), sum(numbers) - sum(numbers)


def sum_of_none(line):
    numbers = _numbers(line)
    return sum(numbers[9:])


def sum_from_a_start(line):
    numbers = _numbers(line)
    start = max(numbers, default=0.5)
    return sum(numbers, start or 0)


def clamped(line):
    return [max(0, min(number, 1)) * 1.0 for number in _numbers(line)]


def clamped_alone(line):
    return [max(0, number) for number in _numbers(line)]


def clamped_the_other_way(line):
    return [max(number, 0, 1.5) + 0.5 for number in _numbers(line)]


def float_or_zero(line):
    numbers = _numbers(line)
    return [(number or 0) + 0.5 for number in numbers], [number and 1 for number in numbers]


def text_for_bad_ones(line):
    parts = line.split()
    if len(parts) != 2:
        return "bad"
    return parts[0], len(parts[1])


def minus_one_for_bad_ones(line):
    if not line:
        return -1
    return line.upper()


def constants_alone(line):
    if not line:
        return 0
    if len(line) > 2:
        return 1.5
    return "two"


def constant_tuple_for_bad_ones(line):
    parts = line.split()
    return ("none", 0) if len(parts) < 2 else (parts[0], len(parts[1]) / 2)


def text_or_number(line):
    return len(line) if line else "empty"


def several_constants(line):
    return "long" if len(line) > 9 else 0 if not line else float(len(line))


def number_later(line):
    kind = "unknown"
    if line[:1].isdigit():
        kind = len(line)
    return kind


def large_constant(line):
    total = 2**53 + 1
    for number in _numbers(line):
        total += number
    return total


def truth_of_both(lines):
    kept = lines.filter(lambda line: line and not line.startswith("a"))
    return kept.filter(lambda line: line.strip() or len(line)).filter(lambda line: line or 0)


def truth_as_bool(line):
    return bool(line and len(line)), bool(line.isdigit() or line)


def kept_floats(lines):
    pairs = lines.map(lambda line: (line[:1], [float(len(line))]))
    return pairs.reduceByKey(lambda a, b: a + b).mapValues(lambda values: sum(values) + (0 or 0.5))


def name_for_another_type(line):
    x, y = (line.split() + ["0", "1"])[:2]
    x = len(x)
    y = float(len(y))
    x = x / 2
    return x + y


def name_again_in_a_loop(line):
    total = 0
    for word in line.split():
        word = len(word)
        if word > 3:
            word = float(word)
            total += word
            continue
        total += word
    return total


def name_after_a_branch(line):
    value = line
    if value:
        value = value.split()
        value = len(value)
    else:
        value = -1
    return value


def name_of_two_types_after_a_branch(line):
    value = line
    if value:
        value = len(value)
    return value


def name_over_loops(line):
    found = line
    for found in found.split():
        found = found.upper()
        for found in found:
            found = ord(found)
            if found == 66:
                break
        else:
            found = -found
    return found


def name_in_a_while(line):
    rest, count = line, 0
    while rest:
        rest = len(rest)
        count += rest
        rest = line[: rest // 2 - count]
    rest = count
    return rest


def name_in_tries(line):
    value = line
    try:
        value = value.strip()
        value = int(value)
        value = 10 // value
    except ValueError:
        return ("value", value)
    except ZeroDivisionError:
        value = 0.5
    finally:
        count = len(line)
    return value, count


def name_set_in_finally(line):
    value = "begin"
    for word in line.split():
        try:
            if word == "a":
                break
            value = word
        finally:
            value = len(value)
            value = str(value)
    return value


def parameter_for_another_type(line):
    line = line.split()
    line = [len(word) for word in line]
    line = sum(line)
    return line


def name_that_a_function_reads(line):
    value = line

    def size():
        return len(value)

    first = size()
    value = value + "!"
    return first, size()


def name_that_may_have_no_value(line):
    if line:
        value = len(line)
        value = value * 2
    for value in []:
        value = "never"
    try:
        return value
    except NameError:
        return "none"


def name_swapped(line):
    a, b = line, len(line)
    a, b = b, a
    a, b = a + 1, b + "!"
    return a, b


def name_augmented(line):
    value = line
    value += "x"
    value = len(value)
    value += 1
    value /= 2
    return value


def list_for_another(line):
    words = line.split()
    words += ["a"]
    words = [len(word) for word in words]
    words.append(3)
    words = sorted(set(words)) if len(words) > 99 else sorted(words)
    return words


def name_walked_and_set(line):
    items = line.split()
    for items in items:
        items = len(items)
    return items


def name_in_a_comprehension(line):
    x = line
    y = [x.upper() for x in x.split()]
    x = len(y)
    return x, y


def name_set_within_a_target(line):
    xs, i = [1, 2, 3], 0
    i, xs[i] = 2, 9
    i, xs[i], (i, xs[i]) = 1, len(line), (0, 7)
    i = line
    for i, xs[i] in [(0, 5), (2, 6)]:
        i = xs[i]
    return i, xs


def names_set_together(line):
    before, total = 0, 1
    for word in line.split():
        before, total = total, before + len(word) / 2
    return before, total, -total, -before


def negated_totals(line):
    total = 0
    for word in line.split():
        total += float(len(word)) - 1
    negative = -total
    return str(negative), negative * 1.5, 1 / (negative * 2.0 or 1), -max(0, total)


def negated_zero_of_a_choice(line):
    value = -(0 if len(line) > 2 else len(line) / 2)
    return value + 0.0, value * 1.0, str(value * -1.0), value == 0, str(value)
