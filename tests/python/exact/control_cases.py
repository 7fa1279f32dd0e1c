"""Expressions on every nasty line: iteration, lists, numbers, `math`, `operator`.

Used by `test_compiler_exact`, as those of `cases` are; `v` is the words that are numbers, as floats.
"""

# ruff: noqa: E501, RUF001
from __future__ import annotations

ITERATION = """
[i for i in range(5)] | [i for i in range(n % 7)] | [i for i in range(n, n + 3)] | [i for i in range(10, 0, -3)]
[i for i in range(0, n % 5, n % 3)] | [i * j for i in range(3) for j in range(i)] | [i for i in range(True)]
[i for i in range(9223372036854775800, 9223372036854775807, 3)] | list(range(n % 4)) | sum(range(n % 1000))
[i for i in range(-9223372036854775808, 9223372036854775807, 4611686018427387904)] | [1 for i in range(x)]
list(range(-9223372036854775807, -9223372036854775808, -9223372036854775808)) | [i for i in range(3, 0)]
[(i, p) for i, p in enumerate(w)] | [(i, p) for i, p in enumerate(w, 1)] | [i for i, p in enumerate(w, start=n)]
[(a, b) for a, b in zip(w, w[1:])] | [(a, b, c) for a, b, c in zip(w, range(2), line)] | list(zip(w, w))
list(enumerate(w)) | [p for p in reversed(w)] | list(reversed([1, 2, n])) | [p for p in reversed((1, 2))]
[c for c in line] | [c for c in line if c.isdigit()] | list(line) | [c for c in "aé😀"] | "".join(c for c in line)
[p for p in ("a", line)] | [i for i in (1, 2, n)] | [i for i in (1, 2.0)] | [t for t in ((1, line), (2, "b"))]
[c for p in w for c in p] | [(p, c) for p in w if p for c in p if c != "a"] | sum(1 for p in w for c in p)
any(p.isdigit() for p in w) | all(p.isdigit() for p in w) | any(w) | all(w) | any([]) | all([]) | any(line) | all(v)
any(int(p) for p in w) | all(int(p) > 0 for p in w) | any(int(p) > 0 for p in w) | any(10 // int(p) for p in w)
any(p for q in w for p in q) | all(a != b for a, b in zip(w, w[1:])) | any(i == n for i in range(5))
min(w) | max(w) | min(len(p) for p in w) | max(int(p) for p in w) | min(v) | max(v) | min([n, 3]) | max(range(n % 5))
min(w, default="none") | max((len(p) for p in w), default=0) | min(v, default=None) | max([], default=1) | min([])
min(w, key=len) | max(w, key=len) | max(w, key=lambda p: (len(p), p)) | min(w, key=lambda p: -len(p)) | min(line)
max(w, key=lambda p: len(p) + n) | min(enumerate(w), key=lambda t: t[1]) | max(zip(w, w))
sum(len(p) for p in w) | sum([len(p) for p in w], 10) | sum([n > 0, n > 1]) | sum(v) | sum(v, 0.0) | sum(v, 1.5)
sum(v, start=0.5) | sum(float(p) for p in w) | sum(x for p in w) | sum([0.1] * 10) | sum([1e100, 1.0, -1e100])
sum([x, -0.0]) | sum([-0.0]) | sum([]) | sum([], 1) | sum([], 1.5) | sum([1], 1.5) | sum([x], 1) | sum([x, x, 1e308, x])
sum([float("inf"), x]) | sum([float("inf"), float("-inf")]) | sum([float("nan"), x]) | sum([1e308, 1e308, -1e308])
sorted(w) | sorted(w, reverse=True) | sorted(w, key=len) | sorted(w, key=len, reverse=True) | sorted(line)
sorted(w, reverse=n) | sorted(w, reverse=-(2**63)) | sorted(w, reverse=2147483648) | sorted(w, reverse=-2147483648) | sorted(w, reverse=x)
sorted(v) | sorted([n, 3, -1, 3]) | sorted([x, 1.5, -0.0, 0.0]) | sorted((len(p), p) for p in w) | sorted([n > 0, True])
sorted([(p, i) for i, p in enumerate(w)]) | sorted(enumerate(w), key=lambda t: (len(t[1]), -t[0])) | sorted(set(w))
sorted([[len(p), p] for p in w]) if n < 0 else [] | sorted([(1, None), (1, None)]) | sorted([x, float("nan")])
sorted([p for p in w if p], key=lambda p: p[-1]) | sorted(w, key=lambda p: int(p)) | sorted(w, key=str.lower)
list(w) | list((n, 1)) | list(p for p in w) | tuple((n, line)) | list([]) | list() | tuple() | "".join(sorted(line))
[[p, p] for p in w] | [[c for c in p] for p in w] | len([[c for c in p] for p in w]) | [len([c for c in p]) for p in w]
[q for q in [[p, "x"] for p in w] if q[0] != "a"] | [b for a in [[1, n], []] for b in a] | [a for a in [[], [n]]]
[(y := p) + y for p in w] | (y := n) + y | (y := line) and y + y | [y for p in w if (y := p.lower())] | ((y := 5), y)
(n > 0 and (y := n) > 1) or (n < 0 and (y := 2) > 1 and y) | (lambda a, b: a + b)(n, 1) | (lambda q: q + line)("a")
[(lambda q: q + p)("x") for p in w] | [f(p) for f in [lambda q: q] for p in w] | sum(1 for _ in line)
"""

LISTS = """
w + ["x"] | ["x"] + w | w + w | w * 2 | 2 * w | w * n if -3 < n < 9 else [] | w * -1 | w + [] | [] + w | [] + [] | [n] * 3 | [[]] * 2
w[1:] | w[:-1] | w[::2] | w[::-1] | w[-1::-2] | w[n:] | w[:n] | w[::n] | w[1:n:2] | w[5:1:-1] | w[-100:100:3] | w[None:None:None]
line[::2] | line[::-1] | line[1::n] | line[-1:0:-1] | line[n::-2] | line[::9223372036854775807] | line[::-9223372036854775808]
w[0:2][0] | w[1:][n] | [1, 2, 3][n:][0] | (1, 2, 3)[1:] | (line, n, x)[:2] | (line, n, x)[-2:] | (line, n)[5:] | (1, 2) + (n,) | () + (n,)
(1, 2, n)[n] | (line, "b")[n] | [n, 2][-1] | [n, 2][n] | ["a" in w, line in w] | "a" in w | "a" not in w | n in [1, 2, n] | x in v
x in [x, 1.0] | float("nan") in v | line in w + ["x"] | (line, 1) in [("a", 1)] | n in w | None in w | w in [w] | (1, 2) in [(1, 2), (n, n)]
w == w | w == w[:] | w != ["a", "b"] | w < ["b"] | w <= w | ["a"] > w | [n] == [1] | [x] == [x] | [x] != [x] | [1, 2] < [1, n] | w == []
(n, line) == (1, "a") | (n, line) < (2, "b") | (n,) < (n, 1) | (n, 1) == (n,) | (n,) == [n] | (x, 1) < (x, 2) | (n, None) == (n, None)
(n, x) == (n, x) | (line, n) >= ("a", 0) | ((n, line), 1) < ((1, "b"), 0) | [[n], [1]] == [[n], [1]] | [[n]] < [[1]] | (1, 2) == (n, 2.0)
w.index("a") | w.index(line) | w.count("a") | w.count(line) | [n, 1, n].count(n) | [n, 1].index(1) | v.count(x) | [(1, n)].index((1, 1))
len(w + w) | len(w[1:]) | bool(w[1:]) | not w[1:] | w[1:] or w | w and w[::-1] | (w or ["x"])[0] | (w[2:] or [line])[0] | w.copy()
[p for p in w + ["z"]] | ",".join(w[::-1]) | ",".join(w + ["x"]) | [w][0] | [w, ["x"]][1][0] | [w, []][n] | [[], w][1] | ([], [n])[1][0]
min(w, ["a"]) | max(["a"], w) | min((n, 1), (1, n)) | max((x, 1), (1.0, 2)) | min([(2, "b"), (n, line)]) | max(w, w) | min([[n], [1]])
isinstance(line, str) | isinstance(n, int) | isinstance(n > 0, int) | isinstance(n > 0, bool) | isinstance(x, (int, float)) | isinstance(w, list)
isinstance((n,), tuple) | isinstance(None, str) | isinstance(line, (int, float)) | isinstance(n, bool) | isinstance(w, (tuple, str)) | isinstance(line or None, str)
isinstance(line if n else None, str) | isinstance(n, object) | isinstance(None if n else 1, (int, str)) | isinstance(x, float) and x > 1
"""

NUMBERS = """
n ** 2 | n ** 3 | 2 ** (n % 70) | (n % 9) ** (n % 30) | (-1) ** n | 0 ** n | 1 ** n | (-2) ** 63 | 2 ** 62 | 2 ** 63 | 3 ** (n % 41) | n ** 0 | n ** -1 | 2 ** -1 | 10 ** (n % 20)
x ** 2 | x ** 0.5 | x ** -1 | 2 ** x | 0.0 ** x | x ** x | x ** 0 | (-x) ** 2.0 | (-x) ** 0.5 | x ** 1e308 | x ** n | True ** n | n ** True | 1.0 ** x | x ** 3.0
pow(n, 3) | pow(x, 2) | pow(2, n % 70) | pow(n, 2, 7) | pow(n, 3, -7) | pow(3, n, 1000) | pow(n, 2, 0) | pow(n, n, 9223372036854775807) | pow(2, exp=3) | pow(x, 0.5)
n << 1 | n << 40 | n << 63 | 1 << (n % 70) | 0 << n | n << 0 | n >> 1 | n >> 63 | n >> 64 | n >> n | 1 >> n | -1 >> n | n << (n % 70) | (n > 0) << 3 | 1 << (n > 0) | n << -1 | -1 << 63
~n | ~(n + 1) | ~x | n & 255 | n|1 | n ^ -1 | (n > 0) & n | n|(n > 0) | True ^ n | (n > 0)|(n < 5) | (n > 0) ^ (n < 5) | x & 1 | +(n > 0) | +n | +x | -(n > 0)
round(x) | round(n) | round(n > 0) | round(x, 1) | round(x, 2) | round(x, 0) | round(x, 10) | round(x, 22) | round(x, 400) | round(x, -1) | round(n, 1) | round(n, -1)
round(0.5) | round(1.5) | round(2.5) | round(-0.5) | round(x + 0.5) | round(2.675, 2) | round(0.125, 2) | round(x / 8, 2) | round(x / 16, 3) | round(n / 8, 1) | round(-0.04, 1)
round(x, ndigits=2) | round(x * 1e16, 1) | round(x, n % 30) | round(1e22, 1) | round(1e308, 0) | round(5e-324, 323) | round(x / 3, 5) | round(n / 1000, 2) | round(x, None)
divmod(n, 3) | divmod(n, -3) | divmod(7, n) | divmod(x, 3) | divmod(x, -0.5) | divmod(n, x) | divmod(7.5, n) | divmod(n > 0, 2) | divmod(n, 0) | divmod(x, 0.0)
min(n, 1, 2) | max(n, 1, 2) | min(x, 1.0, 0.5) | max(x, float("nan"), 1.0) | min(line, "a", "b") | max(n > 0, n > 1, n > 2) | min(n, 1.0) | max((n, "a"), (n, "b"), (1, line))
abs(n) | abs(n > 0) | abs(-x) | int(x) | int(x * 10) | int(-x) | int(x * 1e10) | int(1e18) | int(1e19) | int(float(n)) | int(n > 0) | float(n > 0) | bool(x)
int(line, 10) | int(line, 16) | int(line, 2) | int(line[:9], 36) | int(line, 0) | int(line, 1) | int(line, 37) | int(line, base=8) | int("0x1F", 16) | int("-0b1_1", 2) | int("z", 36)
int(" 12 ") | int("1_000") | int("+7") | int("-0") | int("") | int(line + "_1") | int("0" + line) | int(" " + line + "\\t") | int(line + "\\n") | int("\\x1c5") | int(line * 3) | int("0_0")
float(" 1.5 ") | float("1_0.5_0e1_0") | float("+inf") | float("-NaN") | float("infinity") | float("infinit") | float("1_e5") | float("1._5") | float(line + "e1") | float("." + line)
float("-" + line) | float(line + "_0") | float(line + " \\n") | float("1e_5") | float("1e+5") | float("1e400") | float("-1e-400") | float(line * 2) | float("0x1p3") | float("١")
isinstance(int(line), int) | str(round(n / 3)) | int(x) + int(-x) | int(x) // 2 | 5 // round(x) | [round(p, 1) for p in v] | [int(p) for p in v] | [p ** 2 for p in v]
operator.add(n, 1) | operator.lt(n, 5) | operator.eq(x, n) | operator.ge(line, "a") | operator.neg(x) | operator.not_(line) | operator.truth(w) | operator.and_(n, 7) | operator.mod(n, 7)
operator.contains(w, "a") | operator.getitem(w, 0) | operator.getitem((1, n), 1) | operator.xor(n, 5) | operator.pow(n, 2) | operator.lshift(n, 1) | operator.invert(n) | operator.abs(-n)
operator.ne(line, "x") | operator.le(x, 1) | operator.gt(n, x) | operator.truediv(n, 3) | operator.floordiv(x, 2) | operator.concat(line, "b") | operator.concat(n, 1) | operator.pos(n > 0)
"""

MATH = """
math.sqrt(x) | math.sqrt(n) | math.exp(x) | math.exp(n % 800) | math.expm1(x) | math.log(x) | math.log(n) | math.log(x, 2) | math.log(n, 10) | math.log(8, x) | math.log(x, 1)
math.log2(x) | math.log10(x) | math.log10(n) | math.log1p(x) | math.log1p(-x) | math.pow(x, 2) | math.pow(n, 0.5) | math.pow(0, n) | math.pow(2, x) | math.pow(x, x)
math.sin(x) | math.cos(x) | math.tan(x) | math.sin(n) | math.asin(x) | math.acos(x / 10) | math.atan(x) | math.atan2(x, 1) | math.atan2(1, x) | math.atan2(x, -0.0) | math.atan2(n, n)
math.sinh(x) | math.cosh(x) | math.tanh(x) | math.sinh(x / 3) | math.floor(x) | math.ceil(x) | math.trunc(x) | math.floor(n) | math.ceil(n > 0) | math.trunc(-x) | math.floor(-0.5)
math.fabs(x) | math.fabs(n) | math.degrees(x) | math.radians(x) | math.degrees(n) | math.isnan(x) | math.isinf(x) | math.isfinite(x) | math.isnan(n) | math.copysign(n, x) | math.copysign(1, -0.0)
math.fmod(x, 3) | math.fmod(n, -7) | math.fmod(x, 0) | math.fmod(1, x) | math.gcd(n, 12) | math.gcd(12, n) | math.gcd(n, 0) | math.gcd(n > 0, 3) | math.gcd(n) | (math.factorial(n) if n < 30 else 0) | math.factorial(n % 25)
math.pi * x | math.e + n | math.tau | math.inf | -math.inf | math.nan | x < math.inf | math.hypot(x, n) | math.sqrt(x * x + n * n) | math.isclose(x, n) | math.sqrt(float(line)) | math.log(int(line))
math.sqrt(line) | math.sqrt() | math.floor(x / 1e-300) | math.exp(-x) | math.sqrt(9007199254740993) | math.log(9223372036854775807) | math.fabs(-9223372036854775807) | math.sin(9007199254740993)
"""
