"""Named functions of a line: loops, `try` with `finally`, lists that change, inner functions.

Each runs on every nasty line, as those of `programs` do.
"""

# ruff: noqa: B007, B012, E731, F841, SIM

import math
from operator import itemgetter

LIMIT = 3


def finally_falls_through(line):
    out = []
    try:
        out.append(int(line))
    except ValueError:
        out.append(-1)
    finally:
        out.append(len(line))
    return out[0], out[-1], len(out)


def finally_before_return(line):
    seen = []
    try:
        return line.split()[0], len(seen)
    except IndexError:
        seen.append(1)
        return "none", len(seen)
    finally:
        seen.append(2)


def finally_replaces_the_return(line):
    try:
        return int(line)
    finally:
        return -5


def finally_swallows(line):
    for part in line.split():
        try:
            n = int(part)
        finally:
            break
    else:
        return "all"
    return "left"


def finally_on_the_way_out(line):
    state = "start"
    try:
        try:
            n = int(line)
            state = "number"
        finally:
            state = state + " through"
    except ValueError:
        return state, "caught"
    return state, "fine"


def finally_in_finally(line):
    steps = ""
    try:
        try:
            steps += "a"
            10 // len(line.split())
        finally:
            steps += "b"
            try:
                int(line)
            except ValueError:
                steps += "c"
            finally:
                steps += "d"
    except ZeroDivisionError:
        steps += "e"
    finally:
        steps += "f"
    return steps


def finally_raises(line):
    try:
        try:
            return len(line)
        finally:
            int(line)
    except ValueError:
        return "after all"


def finally_with_continue(line):
    count = done = 0
    for part in line.split():
        try:
            if part == "a":
                continue
            if part == "x":
                break
            count += int(part)
        except ValueError:
            count -= 1
        finally:
            done += 1
    return count, done


def finally_in_a_callee(line):
    def inner(text):
        try:
            return int(text)
        finally:
            text = "gone"

    try:
        return inner(line) + 1
    except ValueError:
        return line


def finally_in_a_loop_of_a_loop(line):
    out = ""
    for a in line.split():
        for b in a:
            try:
                if b == "b":
                    break
                if b == "1":
                    return out + "!"
            finally:
                out += b
        else:
            out += ";"
    return out


def finally_sees_late_values(line):
    n = 1
    try:
        return n
    finally:
        n = 2


def finally_and_a_generator(line):
    x = "a"
    try:
        return "".join(x + p for p in line.split())
    finally:
        x = "b"


def finally_prints(line):
    try:
        return int(line)
    except ValueError:
        return 0
    finally:
        if line.startswith("a"):
            print("finally", line)


def for_else(line):
    for part in line.split():
        if part.isdigit():
            found = part
            break
    else:
        return "none"
    return found


def while_else(line):
    n = len(line)
    while n > 1:
        if n % 7 == 0:
            break
        n -= 3
    else:
        return "else", n
    return "break", n


def while_true(line):
    n = 0
    while True:
        n += 1
        if n * n > len(line):
            last = n
            break
    return last


def while_one(line):
    i = 0
    while 1:
        if i >= len(line) or line[i] == " ":
            return i
        i += 1


def unbound_after_a_loop(line):
    for part in line.split():
        last = part
    return last


def unbound_in_a_branch(line):
    if line.isdigit():
        n = int(line)
    try:
        return n
    except Exception:
        return "unbound"


def unbound_in_a_later_call(line):
    def first(text):
        if text.isdigit():
            found = text
        return found

    out = []
    for part in ["1", line]:
        out.append(first(part))
    return ",".join(out)


def bound_in_a_try(line):
    try:
        n = int(line)
        m = 10 // n
    except ZeroDivisionError:
        return n
    except ValueError:
        return -1
    return m


def raise_and_catch(line):
    try:
        if len(line) > 3:
            raise ValueError("too long")
        if line.startswith("a"):
            raise KeyError(line)
        if line == "b":
            raise NotImplementedError
        return "fine"
    except KeyError:
        return "key"
    except RuntimeError:
        return "runtime"
    except ValueError:
        return "value"


def raise_lookup(line):
    try:
        if not line:
            raise StopIteration
        raise IndexError(line[1], 10 // (len(line) - 2))
    except LookupError:
        return "lookup"
    except ArithmeticError:
        return "arithmetic"
    except BaseException:
        return "other"


def raise_from(line):
    try:
        try:
            return int(line)
        except ValueError as error:
            raise TypeError("no") from None
    except TypeError:
        return "type"


def raise_in_a_callee(line):
    def check(n):
        if n < 0:
            raise ArithmeticError("negative", n)
        return n

    try:
        return check(int(line)) + check(len(line) - 3)
    except (ArithmeticError, ValueError):
        return None


def raise_unknown(line):
    try:
        raise OSError(2, "no such file")
    except FileNotFoundError:
        return "subclass"
    except OSError:
        return "base"


def raise_wrong(line):
    try:
        raise UnicodeDecodeError("x")
    except TypeError:
        return "type"


def assert_caught(line):
    try:
        assert len(line) < 3, "line " + line
        assert line
    except AssertionError:
        return "assertion"
    return line


def assert_uncaught(line):
    assert len(line) < 500, f"too long: {len(line)}"
    return len(line)


def appended(line):
    out = []
    for part in line.split():
        if not out or out[-1] != part:
            out.append(part)
    return ",".join(out), len(out)


def stack_of_words(line):
    stack = []
    for c in line:
        if c == "a":
            stack.append(c)
        elif c == "b" and stack:
            stack.pop()
        elif c == "x":
            stack.pop()
    return len(stack)


def aliases(line):
    a = b = []
    c = a
    a.append(line)
    b.append("b")
    c.append("c")
    return len(a), b[-1], c[0], a == b


def alias_in_a_list(line):
    inner = [1]
    outer = [inner, inner]
    outer[0].append(len(line))
    inner.append(3)
    return len(outer[1]), outer[1][1], sum(inner)


def grid(line):
    rows = [[] for _ in range(3)]
    for i, part in enumerate(line.split()):
        rows[i % 3].append(part)
    return tuple_of(rows)


def tuple_of(rows):
    return "/".join(",".join(row) for row in rows)


def two_lists(line):
    good, bad = [], []
    for part in line.split():
        try:
            good.append(float(part))
        except ValueError:
            bad.append(part)
    return len(good), len(bad), sorted(bad)[0] if bad else ""


def fills_another(line):
    def fill(out, parts):
        for part in parts:
            out.append(part.lower())

    found = []
    fill(found, line.split())
    fill(found, line.split(","))
    return ";".join(found)


def makes_a_list(line):
    def fresh():
        made = []
        return made

    one, other = fresh(), fresh()
    one.append(line)
    return len(one), len(other)


def list_of_either(line):
    found = line.split() if line else []
    found.append("x")
    return "".join(found)


def grows_while_walked(line):
    out = [len(line) % 5]
    for n in out:
        if n > 0:
            out.append(n - 1)
    return len(out), sum(out)


def shrinks_while_walked(line):
    out = line.split()
    seen = 0
    for part in out:
        seen += 1
        out.pop()
    return seen, len(out)


def items_set(line):
    counts = [0] * 5
    for part in line.split():
        counts[len(part) % 5] += 1
    counts[-1] = -1
    return counts[0], counts[1], sum(counts)


def items_set_out_of_range(line):
    xs = [1, 2, 3]
    try:
        xs[len(line)] = 9
    except IndexError:
        return "out", xs[0]
    return xs[0], xs[1], xs[2]


def extended(line):
    xs = [1]
    xs += [2, 3]
    ys = xs
    ys += xs
    xs.extend(range(len(line) % 4))
    xs.extend([])
    return len(ys), sum(xs), xs[-1]


def extended_by_text(line):
    xs = ["a"]
    xs += line
    xs.extend(("b", "c"))
    return len(xs), xs[-3]


def inserted(line):
    xs = []
    for i, part in enumerate(line.split()):
        xs.insert(i - 2, part)
    xs.insert(100, "end")
    xs.insert(-100, "start")
    return " ".join(xs)


def popped(line):
    xs = line.split()
    try:
        first = xs.pop(0)
        last = xs.pop()
        xs.pop(-3)
    except IndexError:
        return len(xs), "empty"
    return first, last, len(xs)


def removed(line):
    xs = line.split()
    xs.remove("a")
    xs.reverse()
    return ",".join(xs)


def cleared(line):
    xs = line.split()
    ys = xs.copy()
    xs.clear()
    return len(xs), len(ys)


def sorted_in_place(line):
    xs = [(len(p), p) for p in line.split()]
    xs.sort()
    ys = xs[:]
    ys.sort(key=lambda t: t[1], reverse=True)
    return (xs[0], ys[0], xs == ys) if xs else None


def sorted_by_what_it_sees(line):
    xs = line.split()
    xs.sort(key=lambda p: len(xs))
    return " ".join(xs)


def sorted_by_item(line):
    pairs = [(p, len(p)) for p in line.split()]
    return max(pairs, key=itemgetter(1)) if pairs else None


def top_two(line):
    ranked = sorted(((line.count(c), c) for c in "abx1"), reverse=True)
    (n, first), (m, second) = ranked[:2]
    return first, n, second, m


def uses_outer(line):
    scale = len(line)

    def scaled(n):
        return n * scale + LIMIT

    scale += 1
    return scaled(2), scaled(scale)


def uses_outer_of_outer(line):
    total = 0
    words = line.split()

    def count(text):
        def matches(word):
            return word == text and len(words) > 1

        return sum(matches(word) for word in words)

    for word in words[:3]:
        total += count(word)
    return total


def outer_changes(line):
    n = 1
    get = lambda: n
    first = get()
    n = 2
    return first, get()


def outer_is_unbound(line):
    def get():
        return late

    if line:
        late = line
    return get()


def outer_in_a_comprehension(line):
    x = "outer"
    get = lambda: x
    return ",".join([get() + x for x in line.split()])


def comprehension_variable_inside(line):
    return ",".join([(lambda: p + line)() for p in line.split()])


def outer_list(line):
    out = []

    def add(text):
        out.append(text)
        return len(out)

    for part in line.split():
        add(part)
    return add("end"), out[0]


def outer_rebound(line):
    n = 0

    def count():
        nonlocal n
        n += 1
        return n

    if line.startswith("a"):
        return count() + count()
    return n


def same_name_in_both(line):
    n = 5

    def inner(n):
        n = n + 1
        return n

    return inner(len(line)), n


def walrus(line):
    if (n := len(line)) > 3 and (m := n * 2) > 8:
        return n, m
    return n, -1


def walrus_unbound(line):
    if line and (n := len(line)) > 3:
        return n
    return n


def walrus_in_a_while(line):
    rest, count = line, 0
    while (at := rest.find(" ")) >= 0:
        rest = rest[at + 1 :]
        count += 1
    return count, at, rest


def walrus_in_a_comprehension(line):
    lengths = [n for p in line.split() if (n := len(p)) > 1]
    return len(lengths), n


def starred(line):
    first, *rest = line.split()
    return first, len(rest), "-".join(rest)


def starred_middle(line):
    try:
        a, *b, c = line.split()
    except ValueError:
        return "short"
    (d, *e), f = (a, "x"), c
    *g, h = ("one", "two", line)
    return a, len(b), c, len(e), g[1], h


def chained_targets(line):
    a = (b, c) = line.strip(), len(line)
    xs = [0, 0]
    xs[0], xs[1] = xs[1], c
    n = xs[n] if (n := 1) else 0
    return a, b, c, xs[1], n


def swap_by_index(line):
    xs = [1, 2, 3]
    i = 0
    i, xs[i] = 2, 9
    return i, xs[0], xs[2]


def ranges(line):
    total = 0
    for i in range(len(line) % 10):
        for j in range(i, 0, -2):
            total += i * j
    return total


def loop_variable_after(line):
    for i in range(len(line) % 3):
        pass
    return i


def enumerated(line):
    for i, (a, b) in enumerate(zip(line, line[1:]), 1):
        if a == b:
            return i, a
    return None


def is_prime(line):
    try:
        n = int(line) % 1000
    except ValueError:
        return None
    return n > 1 and all(n % d for d in range(2, int(math.sqrt(n)) + 1))


def collatz(line):
    n, steps = abs(len(line)) + 1, 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def bubble(line):
    xs = [len(p) for p in line.split()][:20]
    for i in range(len(xs)):
        for j in range(len(xs) - 1 - i):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
    return ",".join([str(x) for x in xs])


def run_lengths(line):
    runs = []
    for c in line[:50]:
        if runs and runs[-1][0] == c:
            runs[-1] = (c, runs[-1][1] + 1)
        else:
            runs.append((c, 1))
    return "".join(c + str(n) for c, n in runs)


def mean_and_deviation(line):
    xs = []
    for part in line.split():
        try:
            xs.append(float(part))
        except ValueError:
            continue
    if len(xs) < 2:
        return None
    mean = sum(xs) / len(xs)
    return mean, math.sqrt(sum((x - mean) ** 2 for x in xs) / (len(xs) - 1))


def moving_average(line):
    xs = [float(p) for p in line.split()]
    return max(sum(xs[i : i + 2]) / 2 for i in range(len(xs) - 1))


def text_grows(line):
    s = line[:3]
    for _ in range(5):
        s = s + s
    return len(s)


def sees_only_what_any_takes(line):
    taken = []
    found = any([taken.append(p) is None and p == "b" for p in line.split()])
    return found, len(taken)


def none_or_list(line):
    best = None
    for part in line.split():
        if best is None or len(part) > len(best):
            best = [c for c in part]
    return len(best) if best else 0


def conditional_types(line):
    value = line if len(line) > 2 else None
    if isinstance(value, str):
        return value.upper()
    if isinstance(value, (int, float)):
        return value + 1
    return "nothing"


def walrus_names_a_list(line):
    xs = (ys := [])
    ys.append(len(line))
    xs.append(2)
    return len(xs), ys[1], 2 in xs, sum(xs[:1])


def two_views_of_nothing(line):
    xs = ys = []
    if line:
        xs.append(line)
        return 1 in ys, ys[:] == [], len(sorted(ys))
    return "a" in ys, ys[:] == [], len(sorted(ys))
