"""More expressions for every nasty line: all of `str`, formats, captured containers.

As those of `cases`. Used by `test_compiler_exact`.
"""

# ruff: noqa: E501
from __future__ import annotations

METHODS = """
[w for w in line.split()] | [p for p in line.split(",")] | [p for p in line.split("aa")] | [p for p in line.split("é")] | [p for p in line.split("")] | [p for p in line.split(None)]
list(line.split()) | list(enumerate(line.split(), 2)) | list(zip(line.split(), line.split(","))) | sum(len(p) for p in line.split(", ")) | max(line.split(), key=len, default="") | [a + b for a in line.split() for b in line.split("a")]
any(p == "a" for p in line.split()) | [p for p in n.split()] | [p for p in [line].split()] | sorted(line.split("a")) | [p for p in line.strip().lower().split("b")] | [p[0] for p in line.split(",")] | [int(p) for p in line.split()]
line.rsplit() | line.rsplit(None, 1) | line.rsplit(None, 0) | line.rsplit(None, 2) | line.rsplit(",") | line.rsplit(",", 1)
line.rsplit("aa") | line.rsplit("aa", 1) | line.rsplit("") | line.rsplit("é") | line.rsplit(" ", True) | line.split(" ", n > 0)
line.split(sep=",") | line.split(sep=",", maxsplit=1) | line.split(maxsplit=1) | line.split(",", maxsplit=1) | line.split(maxsplit=1, sep="a")
line.rsplit(maxsplit=1) | line.rsplit(sep="a", maxsplit=2) | line.split(separator=",") | line.split(",", sep="a") | line.split(sep=None)
line.split(None, n) | line.rsplit(None, n) | line.split("a", n) | line.rsplit("a", n) | line.split(1) | line.split(" ", "1") | line.split(" ", None)
line.splitlines() | line.splitlines(True) | line.splitlines(keepends=True) | line.splitlines(n) | (line + "\\r\\n" + line).splitlines()
(line + "\\r" + line + "\\n").splitlines(True) | (line + "\\u2028b\\x85").splitlines() | "a\\n\\nb\\r\\rc".splitlines() | "\\n".splitlines()
line.partition(" ") | line.partition("a") | line.partition("") | line.rpartition("a") | line.rpartition("é") | line.rpartition(line) | line.rpartition("")
line.partition("=")[2] | line.rpartition("=")[0] | line.partition(",")[0].strip() | line.partition("aa") | line.rpartition("aa")
line.strip("ab") | line.lstrip("a ") | line.rstrip("a ") | line.strip("é") | line.strip("") | line.strip(line) | line.lstrip("0") | line.rstrip("😀é")
line.strip(None) | line.lstrip(None) | line.rstrip(None) | line.strip("\\x85\\xa0") | line.strip(1) | line.strip("a", "b")
line.title() | line.capitalize() | line.swapcase() | line.casefold() | (line + "Σ").lower() | ("x" + line).title() | (line + "'s").title()
line.upper().lower() | line.lower().title() | line.title().istitle() | line.upper().isupper() | line.casefold().islower() | line.swapcase().swapcase()
line.replace("", "-", 2) | line.replace("", "é") | line.replace("", "", 3) | line.replace("a", "bb", 0) | line.replace("a", "bb", -1) | line.replace("a", "", n)
line.replace("aa", "a", 1) | line.replace("é", "e", 1) | line.replace(line, line + line, 1) | line.replace("", line[:2], n) | line.replace("a", "b", n > 0) | "".replace("", "x", 1) | "".replace("", "x", 0)
line.replace(" ", "", 1) | line.replace("😀", ":)") | line.replace("a", 1) | line.replace("a") | line.replace("a", "b", None)
line.find("a", 1) | line.find("a", 1, 3) | line.find("a", -2) | line.find("a", None) | line.find("a", None, 2) | line.find("a", 2, None) | line.find("", 1) | line.find("", 100)
line.find("", len(line)) | line.find("", len(line) + 1) | line.find("é", 1) | line.find(" ", n) | line.find("b", -100, 100) | line.find("a", 3, 1) | line.find("", 3, 1) | line.find("a", n, n + 2)
line.rfind("a", 1) | line.rfind("a", 0, -1) | line.rfind("") | line.rfind("", 0, 2) | line.rfind("é") | line.rfind(line) | line.rfind("aa") | line.rfind("b", n) | line.rfind("a", 9223372036854775807)
line.index("a") | line.index("", 1) | line.index("é") | line.rindex("a") | line.rindex(" ", 1) | line.index("a", 1, 100) | line.index(line) | line.rindex("") | line.index(1)
line.count("") | line.count("a", 1) | line.count("a", 1, -1) | line.count("", 1) | line.count("", 100) | line.count("é", n) | line.count("aa", 1) | line.count(" ", None, 3) | line.count(line) | line.count("", 2, 1)
line.startswith(("a", "1", "é")) | line.startswith(()) | line.startswith(("",)) | line.startswith("a", 1) | line.startswith("", 1) | line.startswith("", 100) | line.startswith("b", 1, 2) | line.startswith(("b", "é"), 1)
line.startswith("", 3, 1) | line.startswith(("a", line)) | line.startswith(("a", 1)) | line.startswith(["a"]) | line.startswith("a", None, None) | line.startswith("b", -1) | line.startswith(line, n)
line.endswith(("a", "1", "é")) | line.endswith("a", 1) | line.endswith("a", 0, -1) | line.endswith("", 100) | line.endswith("", 0, 0) | line.endswith(("a", ""), 1) | line.endswith("b", -1) | line.endswith(line, 1)
line.removeprefix("a") | line.removeprefix("") | line.removeprefix("é") | line.removesuffix("a") | line.removesuffix("") | line.removesuffix(line) | line.removeprefix(line) | line.removesuffix("😀") | line.removeprefix(1)
",".join(("a", line)) | ",".join(()) | ",".join([]) | "-".join(line) | line.join("ab") | line.join("") | "".join(sorted(w)) | ",".join((line, 1)) | ",".join(p.strip("a") for p in line.split(",")) | " ".join(w[::-1]) | str.join("-", w)
line.zfill(5) | line.zfill(0) | line.zfill(-1) | line.zfill(n % 9) | line.zfill(True) | ("-" + line).zfill(8) | ("+é" + line).zfill(8) | line.zfill("5")
line.center(5) | line.center(6) | line.center(7, "*") | line.center(6, "é") | line.center(n % 20) | line.center(5, "") | line.center(5, "ab") | line.center(-3) | line.ljust(8) | line.ljust(8, "é") | line.rjust(8) | line.rjust(8, "0") | line.rjust(n % 30, "-") | line.center(4, 1)
line.isdigit() | line.isdecimal() | line.isnumeric() | line.isalpha() | line.isalnum() | line.isspace() | line.isupper() | line.islower() | line.istitle() | line.isidentifier() | line.isascii() | line.isprintable()
[p.isdigit() for p in line] | [p.isdecimal() for p in line] | [p.isnumeric() for p in line] | [p.isalpha() for p in line] | [p.isalnum() for p in line] | [p.isspace() for p in line] | [p.isprintable() for p in line] | [p.isidentifier() for p in line]
line.expandtabs() | line.expandtabs(4) | line.expandtabs(tabsize=2) | line.expandtabs(0) | line.expandtabs(-1) | ("a\\tb" + line + "\\tc").expandtabs() | ("é\\t" + line).expandtabs(3) | ("a\\n\\t" + line + "\\r\\tx").expandtabs() | line.expandtabs(n % 7) | line.expandtabs(n) | line.center(n % 99) | line[:9].zfill(n % 99)
line * 2 | 3 * line | line * 0 | line * -1 | line * (n % 5) | (n > 0) * line | line * True | "é" * (n % 4) | "" * n | line * 1.0 | line * line
line[::-1] | line[::2] | line[1::2] | line[::-2] | line[-1::-1] | line[3:0:-1] | line[::n] | line[::0] | line[:2:-1] | line[2::-1] | line[-3:-1:1] | line[100::-1] | line[:100:3] | line[::True] | line[::9223372036854775807] | line[::-9223372036854775808]
line[n::2] | line[:n:-1] | line[None:None:None] | line[1:None] | line[None::-1] | line[False:True] | line["a":] | w[::-1] | w[1:] | w[:-1] | w[::2] | w[n:] | w[-2:] | w[:0] | w[::0] | w[1:3][0] | [p[::-1] for p in w] | w[True] | line[n > 0]
ord(line) | ord(line[0]) | ord("é") | chr(n) | chr(n % 1114112) | chr(65) | chr(-1) | chr(55296) | chr(1114111) | chr(True) | [ord(p) for p in line] | "".join(chr(ord(p) + 1) for p in line) | [chr(ord(p)) for p in line] | sum(ord(p) for p in line)
[p for p in line] | [p.upper() for p in line] | len([p for p in line if p == "a"]) | sum(1 for p in line if p in "aeiou") | [p for p in line[1:]] | "".join([p for p in line if p.isalnum()]) | "".join(p for p in line if p not in "a, ")
line < "é" | line <= "日本" | line == "straße" | line != line[::-1] | "日" in line | "é" + line + "ß" | line[0] == "é" | line in "aé日😀" | "" < line | line[-1:] > "\\xff" | max(line, "é") | min(line, "日")
str.upper(line) | str.strip(line) | str.strip(line, "a") | str.split(line, ",") | str.startswith(line, "a") | str.lower(n) | str.replace(line, "a", "b") | str.find(line, "a", 1) | str.isdigit(line)
[len(p) for p in w] | [p.strip(".,!?") for p in w] | [p.lower() for p in w if len(p) > 1] | [p[0] for p in w] | [p[-1:] for p in w] | [p.find("a") for p in w] | [(p, len(p)) for p in w][0] | len(line.replace(" ", "")) | len(line) - len(line.strip())
"""

FORMATS = """
f"{line!r}" | f"{line!s}" | f"{n!r}" | f"{x!r}" | f"{line!r:>10}" | f"{n!s:>10}" | f"{None!r:^9}" | f"{x!s:.3}" | f"{(line, n)!r}" | f"{w!r}" | f"{line!a}" | f"{n=}" | f"{line=}" | f"{x=:.1f}"
f"{line:5}" | f"{line:<5}|" | f"{line:>5}" | f"{line:^6}" | f"{line:é^7}" | f"{line:.2}" | f"{line:*>8.3}" | f"{line:s}" | f"{line:05}" | f"{line:<05}" | f"{line:=5}" | f"{line:d}" | f"{line:,}" | f"{line:+}" | f"{line:{n % 50}}" | f"{line:{5}}" | f"{line:>{WIDTH}}" | f"{n:{FILL}>{WIDTH}}"
f"{n:d}" | f"{n:5d}" | f"{n:<5d}|" | f"{n:^7d}" | f"{n:+d}" | f"{n: d}" | f"{n:-d}" | f"{n:05d}" | f"{n:+06d}" | f"{n:,}" | f"{n:_}" | f"{n:010,}" | f"{n:012_d}" | f"{n:*=12}" | f"{n:0=8}" | f"{n:0<8}" | f"{n:x<+8,}" | f"{n:.2d}" | f"{n:s}" | f"{n:n}" | f"{n:13,d}"
f"{n:x}" | f"{n:X}" | f"{n:o}" | f"{n:b}" | f"{n:#x}" | f"{n:#X}" | f"{n:#o}" | f"{n:#b}" | f"{n:#010x}" | f"{n:_x}" | f"{n:_b}" | f"{n:020_b}" | f"{n:#012_x}" | f"{n:,x}" | f"{n:c}" | f"{n:^#12x}" | f"{n:+x}" | f"{n:08b}" | f"{n % 128:c}" | f"{n % 999:5c}" | f"{n:#d}" | f"{n:#,d}"
f"{n:f}" | f"{n:.2f}" | f"{n:e}" | f"{n:g}" | f"{n:%}" | f"{n:.0%}" | f"{n:,.1f}" | f"{n:010.2f}" | f"{n:.3e}" | f"{n:E}" | f"{n:.3g}" | f"{n:G}" | f"{n:F}"
f"{x:.2f}" | f"{x:f}" | f"{x:.0f}" | f"{x:.1f}" | f"{x:.10f}" | f"{x:8.2f}" | f"{x:<8.2f}|" | f"{x:^9.1f}" | f"{x:+.1f}" | f"{x: .1f}" | f"{x:08.2f}" | f"{x:+08.1f}" | f"{x:,.2f}" | f"{x:_.1f}" | f"{x:015,.2f}" | f"{x:*=12.1f}" | f"{x:F}" | f"{x:#.0f}" | f"{x:.400f}" | f"{x:.5000f}" | f"{x:z.1f}"
f"{x:e}" | f"{x:.0e}" | f"{x:.3e}" | f"{x:E}" | f"{x:12.2e}" | f"{x:012.2e}" | f"{x:,.2e}" | f"{x:g}" | f"{x:.0g}" | f"{x:.1g}" | f"{x:.3g}" | f"{x:.17g}" | f"{x:G}" | f"{x:,g}" | f"{x:010g}" | f"{x:%}" | f"{x:.1%}" | f"{x:08.1%}" | f"{x:,.0%}"
f"{x}" | f"{x:}" | f"{x:10}" | f"{x:<10}|" | f"{x:.3}" | f"{x:.0}" | f"{x:.1}" | f"{x:.17}" | f"{x:010}" | f"{x:+}" | f"{x:,}" | f"{x:d}" | f"{x:s}" | f"{x:x}" | f"{-x}" | f"{x * 1e10}" | f"{x / 3}" | f"{x * 1e-10:.4}" | f"{abs(x):012,}"
f"{n > 0}" | f"{n > 0:d}" | f"{n > 0:5}" | f"{n > 0:05}" | f"{n > 0:<6}|" | f"{n > 0:s}" | f"{n > 0!s:>6}" | f"{n > 0:.1f}" | f"{n > 0:x}" | f"{n > 0!r}" | f"{None}" | f"{None:5}" | f"{w[0] if w else None}" | f"{w[0] if w else None:>3}" | f"{n if n else None!r:4}" | f"{n if n else None:04d}"
f"{(line, n, x)}" | f"{(n,)}" | f"{()}" | f"{[n, n]}" | f"{w}" | f"{(w, (line, None))}" | f"{(n, n):5}" | f"{[x]}" | f"{[]}" | f"{[(line, x)]}" | f"{{{line}}}" | f"{line}{n}{x}" | f"a{'b'}c" | f"{line}, {n:>4}, {x:.1f}!" | f"{n + 1:,}-{line[:2]!r}" | f"{len(line)}/{len(w):02d}" | f"{f'{n}':>9}" | f"{'é'}{line:é<4}"
str(x) | str(n > 1) | str(None) | str(line) | str(w) | str((line, n)) | str([x, -x]) | str(()) | str((n,)) | str([(n, None)]) | repr(line) | repr(n) | repr(x) | repr(None) | repr((line, x)) | repr(w) | repr(n == 1) | str() | str(n if n else None) | repr(w[0] if w else None) | str(float(n)) | repr(line + "'") | repr(line + '"' + "'") | repr(line + "\\\\\\n\\t\\r") | repr([line[:1]])
format(line) | format(n) | format(x) | format(line, ">8") | format(n, "05d") | format(x, ".2f") | format(n, ",") | format(x, "") | format(None) | format(None, "5") | format(n > 0, "") | format(n > 0, "3") | format(line, line[:1]) | format(w) | format(x, "e") | format(n, "x") | format((n, x), "")
"%s" % line | "%s" % n | "%s" % x | "%s" % None | "%s" % (line,) | "%s" % w | "%s" % (w,) | "%s,%d,%.2f" % (line, n, x) | "%r" % line | "%r" % (x,) | "%5s|%-5s|" % (line, line) | "%.2s" % line | "%10.3s|" % line | "%-10.1s|" % n | "%05s" % line | "%+s" % n
"%d" % n | "%5d" % n | "%-5d|" % n | "%05d" % n | "%+d" % n | "% d" % n | "%+05d" % n | "%-05d|" % n | "%i" % n | "%u" % n | "%d" % x | "%d" % (n > 0) | "%d" % line | "%.3d" % n | "%5.3d" % n | "%ld" % n | "%3d%%" % n | "%d %d" % (n, x) | "%08d" % x
"%x" % n | "%X" % n | "%o" % n | "%#x" % n | "%#o" % n | "%#010x" % n | "%08x" % n | "%x" % x | "%x" % (n > 0) | "%-8x|" % n | "%+x" % n | "%c" % n | "%c" % line | "%#X" % n | "%.3x" % n
"%f" % x | "%.2f" % x | "%.0f" % x | "%8.3f" % x | "%-8.3f|" % x | "%08.2f" % x | "%+.1f" % x | "% .1f" % x | "%.f" % x | "%f" % n | "%.1f" % (n > 0) | "%f" % line | "%F" % x | "%#.0f" % x | "%010.1f" % -x
"%e" % x | "%.3e" % x | "%E" % x | "%g" % x | "%.3g" % x | "%G" % x | "%10g|" % x | "%#g" % x | "%.0e" % x | "%g" % n | "%a" % line | "%%" % () | "%" % n | "%d%" % n | "%z" % n | "%s" % () | "%s %s" % line | "%s" % (line, n) | "%(a)s" % {"a": line} | "%*d" % (5, n) | "é%s😀" % line | "100%% %s" % line
"%s" % line.partition("=") | "%s %s %s" % line.partition("=") | "%s%s" % (line, w) | "%d items" % len(w) | "%s" % (w[0] if w else None) | "%d" % (n if n else None) | "%s" % [n] | PATTERN % (line, n) | "%5.1f%%" % (x * 100) | "%s" % ((line, n),)
"{}".format(line) | "{} {}".format(line, n) | "{0} {1} {0}".format(line, n) | "{1}".format(line, n) | "{a}".format(a=line) | "{a}-{b:>4}".format(b=line, a=n) | "{} {a}".format(line, a=n) | "{0:>8.2f}".format(x) | "{:>8.2f}".format(x) | "{!r}".format(line) | "{!r:>9}".format(line) | "{0!s}".format(n)
"{}:{:>8.2f}".format(line, x) | "{:,}".format(n) | "{:05d}".format(n) | "{{}}{}".format(n) | "{}".format() | "{} {}".format(line) | "{1} {}".format(line, n) | "{0.real}".format(n) | "{0[0]}".format(w) | "{:{}}".format(n, 5) | "{:{w}}".format(n, w=5) | "{a}".format(b=1) | "{".format(n) | "}".format(n) | "{:d}".format(line) | "{:q}".format(n)
"x".format(line) | "{}".format(line, n) | "{:^9}|".format(line) | "{:%}".format(x) | "{}".format(None) | "{}".format(w) | "{}".format((line, x)) | "{:>5}".format(None) | BRACES.format(line, n) | line.format(n) | "{}{}{}".format(n, x, n > 0) | "é{:é<5}".format(line) | "{0:}".format(x) | "{!a}".format(line) | "{a}{a}".format(a=x)
"""

TABLES = """
line in STOP | line not in STOP | w[0] in STOP | [p for p in w if p not in STOP] | n in STOP | x in STOP | None in STOP | (n > 0) in STOP | (line, n) in STOP | len(STOP) | line in FEW | n in NUMBERS | x in NUMBERS | (n > 0) in NUMBERS | line in NUMBERS | None in NUMBERS
n in MIXED | x in MIXED | line in MIXED | (n > 0) in MIXED | (n or None) in MIXED | (line, n) in MIXED | (line[:1], 1.0) in MIXED | (n,) in MIXED | w in MIXED | -x in MIXED | x * 0.5 in MIXED | (x, line) in MIXED | float("nan") in MIXED | (x,) in MIXED
line in TABLE | line not in TABLE | n in TABLE | x in TABLE | TABLE[line] | TABLE["a"] | TABLE.get(line) | TABLE.get(line, 0) | TABLE.get(line, "no") | TABLE.get(line, None) | TABLE.get(n, 5) | [TABLE.get(p, 0) for p in w] | sum(TABLE.get(p, 0) for p in w) | TABLE[n] | len(TABLE) | TABLE.get(w) | TABLE.get(line, n) | TABLE.get(line) is None | TABLE.get(line) or -1 | TABLE.get("a") + 1 | TABLE.get(line, default=1)
CODES[n] | CODES.get(n) | CODES.get(x) | CODES[x] | CODES.get(n > 0) | CODES[n > 0] | n in CODES | x in CODES | CODES.get(n, "?") | CODES.get(n, line) | CODES.get(line, "?") | CODES.get(n, CODES[1]) | CODES.get(None) | CODES.get(n or None, "none") | CODES.keys() | CODES.items() | f"{CODES.get(n)}" | f"{CODES.get(n)!r:>8}"
RATES.get(line) | RATES.get(line, 0.5) | RATES[line[:1]] * 2 | RATES.get(line, 1) | PAIRS.get(line) | PAIRS.get(line, ("none", 0)) | PAIRS[line][0] | PAIRS[line[:1]][1] + 1 | MAYBE.get(line) | MAYBE[line] | MAYBE.get(line, 7) | MAYBE.get(line, 7) is None | FLAGS.get(line, False) | FLAGS.get(n) | ODD.get(line) | BY_PAIR.get((line, n)) | BY_PAIR.get((line[:1], x), -1) | BY_PAIR[line[:1], 1] | (line, 1) in BY_PAIR
NAMES[n] | NAMES[0] | NAMES[-1] | NAMES[n % 3] | len(NAMES) | line in NAMES | n in NAMES | [p + line for p in NAMES] | sum(len(p) for p in NAMES) | NAMES[1:] | NAMES[::-1] | ",".join(p for p in NAMES) | NAMES.index("b") | NAMES[n > 0] | PRIMES[n] | PRIMES[1] | [p * n for p in PRIMES] | n in PRIMES | x in PRIMES | line in PRIMES | (n > 0) in PRIMES | len(PRIMES) | PRIMES[n % 4] | PRIMES[:2] | sum([p for p in PRIMES]) | [p for p in ROWS] | ROWS[n % 2] | [a for a, b in ROWS] | ROWS[0][1] | EMPTY.get(line) | line in EMPTY | line in NOTHING | [p for p in NOTHING]
"""

CONSTANTS = """
STOP = {str(i) for i in range(0, 3000, 3)} | {"a", "é", "日本", ""}
FEW = frozenset(["a", "b"])
NUMBERS = {1, 2, -7, 9007199254740993}
MIXED = frozenset([1, 2.5, "a", None, ("a", 1), ("x", 2.5), False, 9007199254740992.0, -0.25])
TABLE = {"a": 1, "b": 2, "é": 3, "": 4, "日本": 5, "1": 6}
CODES = {1: "one", 0: "zero", 2.0: "two", -7: "é"}
RATES = {"a": 0.1, "b": -0.0, "é": 1e308}
PAIRS = {"a": ("x", 1), "b": ("y", 2)}
MAYBE = {"a": 1, "b": None}
FLAGS = {"a": True, 1: False}
ODD = {"a": 1, "b": "two"}
BY_PAIR = {("a", 1): 1, ("b", 2.0): 2}
NAMES = ["a", "b", "é"]
PRIMES = (2, 3, 5, 7)
ROWS = [("a", 1), ("b", 2)]
EMPTY = {}
NOTHING = []
WIDTH = 9
FILL = "*"
PATTERN = "%s=%05d"
BRACES = "<{0:>5}|{1:+d}>"
""".strip()
