"""Named functions of a line, each mapped over every nasty line: control flow, errors, past bugs.

Names with an underscore are called from others. Used by `test_compiler_exact`, through `server`.
"""

# ruff: noqa: B007, F841, SIM

LIMIT = 3
RATE = -0.0
WORDS = {"a", "ab", "1", "é"}
PAIR = ("x", 2)


def unpack_two(line):
    a, b = line.split()
    return b, a


def unpack_floats(line):
    (x, y) = [float(p) for p in line.split()]
    return x, y, x / y


def unpack_caught(line):
    try:
        x, y = [int(p) for p in line.split()]
    except ValueError:
        return ("bad", 1)
    return ("good", x + y)


def unpack_nested(line):
    a = "before"
    try:
        a, (b, c) = [line.split(), line.split("=")]
    except ValueError:
        return 0
    return 1


def unpack_keeps_what_was_bound(line):
    a = "before"
    b = "before"
    try:
        (a, b), c = (line, "after"), line[5]
        (a, b), (c, d) = ("one", "two"), (line, line[0])
    except IndexError:
        return a + b
    return a + b + c


def unpack_tuple_of_three(line):
    a, b = (line, 1, 2)
    return a


def catch_by_type(line):
    try:
        return 10 // int(line)
    except ZeroDivisionError:
        return -1
    except ValueError:
        return -2


def catch_by_base(line):
    try:
        return line.split()[1]
    except LookupError:
        return "short"


def catch_wrong_type(line):
    try:
        return int(line)
    except (KeyError, IndexError):
        return 0


def catch_unicode_error(line):
    try:
        return int(line)
    except UnicodeError:
        return 0


def catch_tuple(line):
    try:
        return 1.0 / float(line)
    except (ValueError, ZeroDivisionError):
        return 0.5


def catch_bare(line):
    try:
        return line[2] + line.split()[1]
    except:  # noqa: E722
        return "bare"


def catch_named(line):
    try:
        return int(line)
    except ValueError as error:
        return -1


def catch_and_show(line):
    try:
        return int(line)
    except ValueError as error:
        return str(error)


def catch_order(line):
    try:
        return int(line)
    except Exception:
        return 1
    except ValueError:
        return 2


def catch_nested(line):
    try:
        try:
            return int(line.split()[0])
        except IndexError:
            return 10 // len(line)
    except ZeroDivisionError:
        return -1
    except ValueError:
        return -2


def catch_in_handler(line):
    try:
        n = int(line)
    except ValueError:
        n = int(line[1:])
    return n


def catch_else(line):
    try:
        n = int(line)
    except ValueError:
        n = 0
    else:
        n = 100 // n
    return n


def catch_finally(line):
    n = 0
    try:
        n = int(line)
    except ValueError:
        n = -1
    finally:
        n = n + 1
    return n


def catch_keeps_assignments(line):
    a = 1
    try:
        a = 2
        b = int(line)
        a = 3
        b = b // 0
    except ValueError:
        return a
    except ZeroDivisionError:
        return a * 10
    return b


def catch_overflow(line):
    try:
        return int(line) * 4611686018427387904
    except OverflowError:
        return 0
    except ValueError:
        return 1


def catch_from_callee(line):
    try:
        return _second(line) + 1
    except IndexError:
        return -1
    except ValueError:
        return -2


def _second(line):
    return int(line.split()[1])


def reraise(line):
    try:
        return int(line)
    except ValueError:
        raise


def raise_other(line):
    if line == "a":
        raise KeyError(line)
    return line


def raise_in_try(line):
    try:
        if line[:1] == "a":
            raise ValueError("mine")
        return int(line)
    except ValueError:
        return -5


def asserts(line):
    assert len(line) < 1000, "too long"
    return len(line)


def stop_iteration(line):
    if line == "b":
        raise StopIteration
    return line


def maybe_unbound(line):
    if len(line) > 2:
        found = line[0]
    return found


def maybe_unbound_after_loop(line):
    for word in line.split():
        last = word
    return last


def maybe_unbound_in_handler(line):
    try:
        first = line[3]
        second = int(first)
    except ValueError:
        return first
    except IndexError:
        return second
    return second


def loop_variable_after(line):
    word = "none"
    for word in line.split():
        pass
    return word


def loop_break(line):
    total = 0
    for word in line.split():
        if word == "x":
            break
        total += len(word)
    return total


def loop_continue(line):
    total = 0
    for word in line.split(","):
        if not word:
            continue
        total = total * 31 + len(word)
    return total


def loop_break_in_handler(line):
    total = 0
    for word in line.split():
        try:
            total += int(word)
        except ValueError:
            break
    return total


def loop_continue_in_try(line):
    total = 0
    for word in line.split():
        try:
            if word == "1":
                continue
            total += int(word)
        except ValueError:
            total -= 1
    return total


def loop_return_in_try(line):
    for word in line.split():
        try:
            return int(word)
        except ValueError:
            pass
    return -1


def loop_in_loop(line):
    found = 0
    for word in line.split():
        for part in word.split("="):
            if part == "x":
                break
            found += 1
        else:
            found += 100
    return found


def loop_else(line):
    for word in line.split():
        if word == "x":
            break
    else:
        return "no x"
    return "x"


def loop_range(line):
    total = 0
    for i in range(len(line) % 5):
        total += i
    return total


def loop_enumerate(line):
    return [i for i, word in enumerate(line.split()) if word == "b"]


def while_counts(line):
    n = len(line) % 9
    total = 0
    while n > 0:
        n -= 1
        if n == 3:
            continue
        total += n
        if total > 12:
            break
    return total


def while_grows(line):
    n = len(line) + 2
    while n < 9000000000000000000:
        n = n * n
    return n


def loop_overflows(line):
    total = 1
    for word in line.split():
        total *= 10
    return total


def loop_concatenates(line):
    out = ""
    for word in line.split():
        out = word + out
    return out


def loop_rebinds_its_list(line):
    words = line.split()
    for word in words:
        words = ["a", "b"]
    return len(words)


def swap(line):
    a, b = line, line.lower()
    a, b = b, a
    return a, b


def chained_assignment(line):
    a = b = len(line)
    a += 1
    return a, b


def changes_type(line):
    value = line
    value = len(value)
    value = value / 2
    return value


def types_by_branch(line):
    if line == "":
        return None
    if line.isdigit():
        return int(line)
    return line


def none_first(line):
    if len(line) > 3:
        return None
    return (line, 1)


def bool_or_int(line):
    if line == "a":
        return True
    return 1


def int_or_float(line):
    return 1 if len(line) > 2 else 1.0


def falls_off_the_end(line):
    if line == "a":
        return 1


def expression_statement_raises(line):
    int(line)
    return line


def dead_code(line):
    return line
    return 1 // 0


def uses_constants(line):
    return len(line) > LIMIT, RATE, PAIR, line in WORDS, PAIR[0]


def nested_calls(line):
    def twice(text):
        return text + text

    return twice(twice(line)[1:])


def callee_returns_in_loop(line):
    total = 0
    for word in line.split():
        total += _until_x(word)
    return total


def _until_x(word):
    n = 0
    for part in word.split("="):
        if part == "x":
            return n
        n += 1
    return n * 10


def callee_of_two_types(line):
    return _half(line) or "zero"


def _half(line):
    return len(line) // 2 if len(line) > 2 else None


def prints_rarely(line):
    if line.startswith("a"):
        print("seen", line)
        return ("seen", line)
    return ("other", line)


def prints_in_handler(line):
    try:
        return int(line)
    except ValueError:
        print("invalid", repr(line))
        return -1


def nan_is_in_its_own_tuple(line):
    large = 1e308 * 10
    nan = large - large
    return nan in (nan, 1.0), nan in (1.0, large), nan == nan, nan not in [nan]
