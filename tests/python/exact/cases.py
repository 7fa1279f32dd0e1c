"""Expressions that run on every nasty line, compiled and in CPython: strings, numbers.

Each becomes a function of its own, so that one that is not compiled keeps no other from being it.
Used by `test_compiler_exact`.
"""

# ruff: noqa: E501
from __future__ import annotations

# Expressions over `line`; `n` is its whole number or 0, `x` its float or 0.0, `w` its words.
STRINGS = """
line.split() | line.split(None) | line.split(None, 1) | line.split(None, 0) | line.split(None, -2)
line.split(" ") | line.split(",") | line.split(",", 1) | line.split(" ", 0) | line.split("a", -1)
line.split("ab") | line.split("") | line.split(line) | line.split("é") | line.split(sep=" ")
line.split("\\x1c") | line.rsplit(" ", 1) | line.splitlines() | line.partition("=")
line.strip() | line.lstrip() | line.rstrip() | line.strip("a") | line.strip(" \\t") | line.strip(None)
line.lower() | line.upper() | line.title() | line.casefold() | line.swapcase() | line.capitalize()
line.replace("a", "b") | line.replace("a", "") | line.replace("", "-") | line.replace(" ", "é")
line.replace("aa", "a") | line.replace("a", "b", 1) | line.replace("é", "e") | line.replace(line, "x")
line.find("a") | line.find("") | line.find("é") | line.find("aa") | line.find("a", 1)
line.find(line) | line.rfind("a") | line.index("a") | line.count("a") | line.count("aa")
line.count("") | line.count(" ") | line.count("é")
line.startswith("a") | line.startswith("") | line.startswith(("a", "1")) | line.startswith("é")
line.endswith("2") | line.endswith("") | line.endswith("é") | line.endswith("a", 1)
line.isdigit() | line.isalpha() | line.isalnum() | line.isspace() | line.isupper() | line.islower()
line.isdecimal() | line.isnumeric() | line.isidentifier() | line.isprintable() | line.istitle()
line[0] | line[-1] | line[1] | line[-2] | line[100] | line[True] | line[len(line) - 1] | line[n]
line[1:] | line[:1] | line[:-1] | line[-3:] | line[2:1] | line[1:3] | line[-100:100] | line[::2]
line[n:] | line[:n] | line[-n:n] | line[None:2] | line[9223372036854775807:] | line[::-1]
line[-9223372036854775808:] | line[True:] | line[:]
"a" in line | "" in line | "é" in line | line in "abc" | line not in "abc" | " " in line
line < "a" | line <= "é" | line > "😀" | line >= "" | line == "a" | line != "ß" | "A" < line < "z"
line == 1 | line != None | line is None | line is not None | line < 1
line in ("a", "b") | line in {"a", "1", "é"} | line not in ["x", "y"] | line in {1, 2} | n in {1, 2}
n in (1, 2.0, True) | x in (0.0, 1.0) | x in (x, 1.0) | x not in (x,) | n in [n] | n in (x, 3)
x in {0, 1} | (n > 0) in {1, 0} | (n > 0) in (True, False) | n in (True, 7) | None in (None, 1)
line + "!" | line + line | line * 2 | line * (n % 5) | line % 1 | line + 1 | "é" + line | -line | +line
" ".join(w) | ",".join(line) | "".join(w) | line.join(w) | "-".join([p.lower() for p in w])
"".join(p for p in w if p) | ",".join([line]) | "é".join([line, line]) | ",".join((line, "a"))
len(line) | len(w) | len((1, 2)) | len(line.split(",")) | len(n) | bool(line) | bool(w) | not line
str(line) | str(n) | str(x) | str(n > 1) | str(None) | repr(line) | str(w) | str((line, n))
f"{line}" | f"{n}:{line}" | f"{x}" | f"{n > 0}" | f"{line!r}" | f"{n:5d}" | f"" | f"{{{n}}}" | f"{None}"
f"{len(line)}é{line}" | f"{w}" | line.encode() | line.zfill(3) | line.center(5) | line.format()
line.ljust(6) | line.nothing() | line.append(1) | ord(line) | chr(n) | hash(line) | sorted(w) | min(line)
line and 1 | line or "none" | line and line[0] | w and w[0] | w or ["none"] | n and line | n or line
line and n and x | x or n | (line or "a") + "b" | None or line | line or None | not w or line == ""
w[0] | w[-1] | w[1] | w[n] | w[0][0] | w[-1][-1] | w[0:1] | w[True] | (line, n)[0] | (line, n)[2]
(line, n)[n] | (1, 2, 3)[-1] | [line][0] | [1, 2][n] | [p for p in w][0] | [line, line.lower()][1]
tuple(w) | list(w) | set(w) | [p[0] for p in w] | [int(p) for p in w] | [float(p) for p in w if p]
[p for p in w if p.isdigit()] | sum([int(p) for p in w]) | sum(len(p) for p in w) | sum([]) | sum([x, x])
sum([n > 0, n > 1]) | max([len(p) for p in w]) | max(w) | [(p, 1) for p in w] | [q for p in w for q in p]
[1 for a, b in [(line, n)]] | [1 for a, b in [(line, n, x)]] | [a + b for a, b in [p.split("=") for p in w]]
[line for p in w if p if len(p) > 1] | [len(p) > 1 and p for p in w] | all(w) | any(w)
(line, n, x, None, True) | ((line,), (n, (x,))) | () | (line, [n]) | None | [line, n] | {line: n} | {line}
"""

NUMBERS = """
int(line) | float(line) | bool(line) | int(x) | int(n) | float(n) | int(n > 0) | float(n > 0) | int()
int(line, 16) | int(line.strip()) | float(line.strip()) | float(line + "0") | float("1" + line) | int(w[0])
int(line) + 1 | int(line) - 1 | int(line) * 2 | -int(line) | +int(line) | ~int(line) | abs(int(line))
n + 9223372036854775807 | n - 9223372036854775807 | -9223372036854775808 - n | n * 4611686018427387904
n * n | n * n * n | n + 2**63 | n * -1 | -n | - -n | abs(n) | abs(x) | abs(-x) | abs(n > 0) | -(n > 0)
n // 2 | n // -2 | n % 3 | n % -3 | 7 // n | -7 // n | 7 % n | -7 % n | n // n | n % n | n // -1 | n % -1
-9223372036854775808 // n | -9223372036854775808 % n | 9223372036854775807 // n | (n > 0) // 1 | True % n
n / 2 | n / -3 | 1 / n | 0 / n | n / n | -n / n | n / 0 | 9007199254740993 / n | n / 9007199254740993
n ** 2 | 2 ** n if -70 < n < 70 else 0 | n << 2 | n >> 1 | n & 3 | n | 4 ^ n | n & True | (n > 0) & (n < 9)
(n > 0) ^ True | (n > 0) + (n > 1) | True + True | (n > 0) * 3 | (n > 0) / 2 | (n > 0) - 2 | (n > 0) == 1
x + 1 | x - 0.1 | x * 3 | x / 3 | x // 3 | x % 3 | x // -0.5 | x % -0.5 | 1 / x | 1 // x | 1 % x | -1 % x
x * 1e308 | x - x | x / x | x * 0 | 0.0 * x | -x | +x | x + n | n - x | x * n | n / x | n // x | n % x
x // 1e-320 | x % 1e-320 | x % 1e308 | x // float("inf") | x % float("inf") | x % float("-inf") | -x % 1
x ** 2 if abs(x) < 9 else 0 | x + (n > 0) | x * True | x + 9007199254740993 | 0.1 + 0.2 + x | x / -0.0
x < 1 | x <= 1.5 | x == x | x != x | x > n | x >= n | n < 1.5 | n == 1.0 | n == True | x == (n > 0)
x < float("nan") | x == 9007199254740993 | n == 9007199254740992.0 | 0 < n < 10 | 0 <= x <= n < 1e9
1 < n > 3 != x | x < x | -0.0 == x | 0.0 == -0.0 | x is not None | n is None
min(n, 3) | max(n, 3) | min(x, 0.5) | max(x, float("nan")) | max(float("nan"), x) | min(-0.0, x) | min(0.0, -0.0)
max(n, x) | min(n, 1, 2) | max(line, "b") | min(line, "b") | min(n > 0, True) | max((1, n)) | round(x) | round(x, 1)
divmod(n, 3) | pow(n, 2) | sum([n, n]) | sum([n, 9223372036854775807]) | hex(n) | bin(n) | x.is_integer()
n if x else line | n if n else 0 | x if x > 0 else -x | 1 if n else 1.0 | "a" if line else None | None if n else None
n and x | n or x | x and x | x or 1.5 | n > 1 and n < 5 | n > 1 or x > 1 | not n | not x | not (n and x) | not not n
(n > 0) and n | n and (n > 0) | (n or 1) / (x or 1.0) | 10 // (n and n) | n == 0 or 10 // n > 1 | bool(x) | bool(n)
float("nan") | float("-nan") | float("1e400") | -float("inf") | 1e400 | -0.0 | 0 * -1.0 | 1_000 | 0x7fffffffffffffff
9223372036854775808 | -9223372036854775808 | 0.1 | 1e-400 | 5e-324 / 2 | int("12") | float(".5") | int("x") | str(10**18)
str(n) + str(-n) | len(str(n)) | int(str(n)) == n | float(str(n)) | str(n * n) | str(-9223372036854775808) | f"{n * n}"
"""


def _expressions(table):
    return [
        e.strip() for line in table.strip().splitlines() for e in line.split(" | ") if e.strip()
    ]


def source(table, constants="", prefix="f"):
    """Write a module with a function per expression; return its text and the names."""
    parts, names = ["# Written by a test.\n"], []
    for number, expression in enumerate(_expressions(table)):
        used = [f"    {name} = {value}\n" for name, value in _USED if _uses(expression, name)]
        parts.append(f"def {prefix}{number}(line):\n{''.join(used)}    return {expression}\n")
        names.append(f"{prefix}{number}")
    return "\n\n".join([constants, *_WHOLE, *parts]), names


def _uses(expression, name):
    code = compile(expression, name, "eval")
    rest, names = [code], set()
    while rest:
        code = rest.pop()
        names.update(code.co_names, code.co_freevars)
        rest += [const for const in code.co_consts if hasattr(const, "co_names")]
    return name in names


_USED = [
    ("n", "_whole(line)"),
    ("x", "_real(line)"),
    ("w", "line.split()"),
    ("v", "_reals(line)"),
]
_WHOLE = [
    "import math\nimport operator",
    """def _whole(line):
    try:
        return int(line)
    except ValueError:
        return len(line)""",
    """def _real(line):
    try:
        return float(line)
    except ValueError:
        return 0.0""",
    """def _reals(line):
    found = []
    for part in line.split():
        try:
            found.append(float(part))
        except ValueError:
            continue
    return found""",
]
