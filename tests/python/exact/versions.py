"""Functions of a line whose answers differ between versions of CPython, or that some do not have.

Compiled code is the same for all versions, so each must be told what this one does, or leave it to
CPython. Run by `test_compiler_exact` on each version that `make test-pythons` finds.
"""

import datetime
import json
import math
import re


def number_of(line):
    """A float from any line; some are infinite or not numbers."""
    try:
        return float(line)
    except ValueError:
        return float(len(line)) - 2.5


def zeros_before_text(line):
    """An error before 3.10, then a fill."""
    try:
        return f"{line:05}", format(line, "03"), format(line, "<04")
    except ValueError:
        return "wrong"


def zeros_before_text_and_align(line):
    return f"{line:<05}", f"{line:>07s}", "%05s" % line  # noqa: UP031


def negative_zero_as_zero(line):
    """`z` came in 3.11."""
    try:
        return f"{-0.001 * len(line):z.1f}"
    except ValueError:
        return "wrong"


def fraction_in_groups(line):
    """Came in 3.14."""
    try:
        return f"{number_of(line):.6_f}"
    except ValueError:
        return "wrong"


def power_of_nothing(line):
    """`math.pow(0.0, -inf)` was an error before 3.11."""
    try:
        return math.pow(0.0, -math.inf) + math.pow(-0.0, number_of(line))
    except (ValueError, OverflowError) as error:
        return type(error).__name__


def sums_of_floats(line):
    """Compensated since 3.12."""
    parts = [0.1, 1e16, number_of(line), 1.0, -1e16, 0.2] + [0.1] * len(line)
    return sum(parts), sum(parts, 0.5), sum(parts, -0.0), sum([x for x in parts if x > 0])


def sums_of_one_kind_after_another(line):
    """Whole numbers among floats are compensated since 3.14."""
    return sum([1e16, 1.0, len(line), 1], 0.5), sum([len(line), 1], 1e16)


def sums_of_mixed(line):
    return sum([len(line), True, 0.1]), sum(range(len(line)), 0.1), sum([], 0.0)


def bits_of_a_number(line):
    """Came in 3.10."""
    try:
        return len(line).bit_count(), len(line).bit_length()
    except AttributeError:
        return None


def whole_numbers_that_are_whole(line):
    """`int.is_integer` came in 3.12."""
    try:
        return len(line).is_integer(), number_of(line).is_integer()
    except AttributeError:
        return None


def count_as_a_keyword(line):
    """Came in 3.13."""
    try:
        return line.replace("a", "b", count=1)
    except TypeError:
        return None


def strict_zip(line):
    """Came in 3.10."""
    try:
        return [a + b for a, b in zip(line, line[1:], strict=True)]
    except TypeError:
        return None
    except ValueError:
        return ["short"]


def new_functions_of_math(line):
    """`cbrt` and `exp2` came in 3.11, `sumprod` in 3.12, `fma` in 3.13."""
    try:
        return (
            math.cbrt(len(line)),
            math.exp2(2),
            math.sumprod([1.5], [2.0]),
            math.fma(1.0, 2.0, 3.0),
        )
    except AttributeError:
        return None


def newest_function_of_math(line):
    return math.cbrt(len(line)) if hasattr(math, "cbrt") else None


def factorial_of_a_float(line):
    """A warning in 3.9, an error since 3.12."""
    try:
        return math.factorial(float(min(len(line), 9)))
    except TypeError:
        return None


def common_divisors(line):
    return math.gcd(len(line), 12), math.lcm(len(line), 4), math.isqrt(len(line))


def inverted_truth(line):
    """A warning since 3.12."""
    return ~(line > "b"), ~len(line)


def many_zeros(line):
    """Long numbers are refused since 3.11, and in late releases of those before."""
    try:
        return int("0" * 5000 + "7") + len(line)
    except ValueError:
        return "long"


def a_long_number(line):
    try:
        return int("1" * (len(line) * 400) or "0") % 1000
    except ValueError:
        return "long"


def long_number_as_text(line):
    try:
        return len(str(10 ** (len(line) * 400)))
    except ValueError:
        return "long"


def prefixes(line):
    return line.removeprefix("a").removesuffix("b")


def iso_times(line):
    """Many more spellings are read since 3.11."""
    found = []
    for text in ("20240102", "2024-01-02T03", "2024-01-02T03:04:05,5", "2024-W01-1", line):
        try:
            found.append(datetime.datetime.fromisoformat(text).isoformat())
        except ValueError:
            found.append("bad")
    return found


def midnight(line):
    """`24:00` is read since 3.14."""
    try:
        return str(datetime.datetime.fromisoformat("2024-12-31T24:00:00"))
    except ValueError:
        return "bad"


def documents_that_are_wrong(line):
    """Their messages change; what is raised does not."""
    found = []
    for text in ('{"a": 1,}', "[1,]", '{"a" 1}', "", "nul", line):
        try:
            found.append(str(json.loads(text)))
        except json.JSONDecodeError:
            found.append("bad")
    return found


def messages(line):
    """Texts of exceptions are the version's."""
    found = []
    try:
        [].pop(len(line))
    except IndexError as error:
        found.append(str(error))
    try:
        min([x for x in line if x == "\0"])
    except ValueError as error:
        found.append(str(error))
    try:
        a, b = line
    except ValueError as error:
        found.append(str(error))
    try:
        math.sqrt(-len(line) - 1)
    except ValueError as error:
        found.append(str(error))
    return found


def an_error_of_this_version(line):
    """What is not caught is raised with this version's message."""
    return math.log(len(line) - 1) if len(line) < 2 else min(line[1:], key=ord)


def no_boundary_of_nothing(line):
    """`\\B` finds the empty text since 3.14."""
    return bool(re.search(r"\B", line[:1])), len(re.findall(r"\B", line)), re.sub(r"\B", "-", line)


def groups_in_repeats(line):
    """What a group holds after an attempt that failed was mended in 3.11."""
    m = re.match(r"(?:(a)|b|(c)d?)*", line)
    return m.groups() if m else None


def repeated_choice(line):
    m = re.fullmatch(r"(?:(a|ab)(b|c)?)+", line)
    return m.group(1, 2) if m else None


def characters_of_new_scripts(line):
    """Tables of characters grow with every version of Unicode."""
    text = line + "\u1c89\ua7dc\U00010d50\u0870\U0001e4d0\u2427\U00011f02"
    return text.lower(), text.isalpha(), text.isprintable(), repr(text), text.upper().isidentifier()


def digits_of_new_scripts(line):
    text = line[:1] + "\U0001e4f0\U00011f50\U00010d40"
    return text.isdigit(), text.isnumeric(), [c.isdecimal() for c in text]


def counts_by_nothing(lines):
    """What is not a number has a hash of its own since 3.10, so only one partition is certain."""
    keys = lines.map(lambda line: (number_of(line) - number_of(line), 1))
    return keys.reduceByKey(lambda a, b: a + b, 1)


def nothing_among_keys(lines):
    return lines.map(lambda line: ((None, line[:1], float("nan")), 1)).groupByKey(1).mapValues(list)


def literals_within_literals(line):
    return f"{f'{line!r:>{len(line)}}'!s:<3}{line!a}{len(line):{'>'}{4}d}{line=}{len(line)=:04}"


def literals_that_show_expressions(line):
    """Parsed with the rest of the file since 3.12."""
    return f"{line=} {len(line) = :04}|{line!r:>8}{{}}{line[:1] + chr(39)}{{{len(line):x}"


def comprehensions_within(line):
    """Comprehensions are inlined since 3.12."""
    x = 3
    found = [sum([x + ord(c) for x in (1, 2)]) for c in line]
    return x, found, [x for x in line], {x: len(x) for x in line.split()}, x


def rounded(line):
    x = number_of(line)
    return [round(x, 2), round(x, -1)] if -1e300 < x < 1e300 else []


def division(line):
    x = number_of(line)
    try:
        return x // 0.3, x % -0.7, divmod(x, 1.5), x**2
    except (ZeroDivisionError, OverflowError):
        return None


def annotation_without_a_value(line):
    """A definition evaluates its annotations until 3.13."""

    def inner(text: missing) -> int:  # noqa: F821
        return len(text)

    return inner(line)


def annotation_that_prints(line):
    def inner(text: print("annotated")):
        return len(text)

    return inner(line)


def annotation_that_fails(line):
    def inner(text: str, start: 1 | 2 | "x" = 1) -> "int":  # noqa: F821
        return len(text) + start

    return inner(line)


def annotations_that_are_plain(line):
    def inner(text: str, *, start: "int" = 1) -> tuple[list[int], None]:
        return len(text) + start

    return inner(line)
