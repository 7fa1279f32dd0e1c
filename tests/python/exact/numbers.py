"""Named functions in which an `int` meets floats, and constants meet what is computed.

Used by `test_compiler_exact`; `server` loads this file from its path. The least line of numbers is
in `exact.lines`, so each branch is taken by some.
"""


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
