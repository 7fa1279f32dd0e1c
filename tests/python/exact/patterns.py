"""Random regular expressions and subjects, and modules that try everything that native code does.

A module has several patterns, each with a function that returns all that its matches say. Patterns
are over a small alphabet, so that subjects match often. Used by `test_compiler_regexes`.
"""

from __future__ import annotations

import random
import re
import warnings

from hypothesis import strategies as st

from tidemill.compiler.patterns import translate
from tidemill.compiler.reasons import Unsupported

ALPHABET = "aabbABk01 _-,~é\t"
ATOMS = ["a", "b", "a", "b", "0", "k", "A", "-", " ", ".", r"\d", r"\w", r"\s", r"\S", r"\W", r"\D"]
ATOMS += ["[ab]", "[^a]", "[a-k0]", "[^b-z_]", r"[\d,]", r"[^\s-]", "é", "[^é]", r"\n", r"[^\W\d]"]
PLACES = ["^", "$", r"\A", r"\Z", r"\b", r"\B"]
COUNTS = ["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "{0,1}", "{1}"]
FLAGS = ["0", "0", "0", "re.I", "re.M", "re.S", "re.A", "re.I | re.A", "re.M | re.S"]
TEMPLATES = ["", "<>", r"<\g<0>>", "é", r"\\"]


class PatternWriter:
    """Writes patterns from a source of choices."""

    def __init__(self, choose):
        self._choose = choose
        self.names = 0

    def pick(self, options):
        """Take one of several."""
        return options[self._choose(len(options))]

    def ways(self, depth):
        """Write alternatives."""
        count = 1 + (self._choose(4) == 3) + (self._choose(8) == 7)
        return "|".join(self.sequence(depth) for _ in range(count))

    def sequence(self, depth):
        """Write what follows each other."""
        return "".join(self.piece(depth) for _ in range(self._choose(4)))

    def piece(self, depth):
        """Write one thing, perhaps repeated."""
        kind = self._choose(12)
        if kind == 0:
            return self.pick(PLACES)
        if kind < 5 and depth > 0:
            return self._group(depth - 1) + (self._count() if self._choose(2) else "")
        return self.pick(ATOMS) + (self._count() if self._choose(3) == 0 else "")

    def _count(self):
        return self.pick(COUNTS) + self.pick(["", "", "?"])

    def _group(self, depth):
        inner = self.ways(depth)
        self.names += 1
        named = f"(?P<n{self.names}>"
        return self.pick(["(", "(", "(", "(?:", "(?:", named, "(?i:", "(?s:", "(?m:"]) + inner + ")"


def pattern(choose):
    """Return the text of a pattern, its flags, and whether it is native code's."""
    while True:
        text, flags = PatternWriter(choose).ways(2), choose(len(FLAGS))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                compiled = re.compile(text, eval(FLAGS[flags], {"re": re}))
        except (re.error, Warning):
            continue
        try:
            return text, FLAGS[flags], compiled.groups, translate(compiled, 0)
        except Unsupported:
            # Some of the others too.
            if choose(10) == 0:
                return text, FLAGS[flags], compiled.groups, None


def function(number, choose):
    """Write a pattern and a function of a text that returns what its matches say."""
    text, flags, groups, known = pattern(choose)
    spans = ", ".join(f"m.span({group})" for group in range(groups + 1))
    lines = [f"P{number} = re.compile({text!r}, {flags})", "", "", f"def _apply{number}(text):"]
    for name, op in zip("abc", ("match", "search", "fullmatch")):
        lines.append(f"    m = P{number}.{op}(text)")
        found = f"(m.group(), {spans}, m.groups(), m.groups('~'))"
        lines.append(f"    {name} = None if m is None else {found}")
    shown = ["a", "b", "c"]
    if known is None or not known["empty"] or known["empty_last"]:
        shown += _all(number, groups, choose)
    return "\n".join([*lines, f"    return ({', '.join(shown)})", "", ""])


def _all(number, groups, choose):
    """Expressions with every match in them."""
    template = TEMPLATES[choose(len(TEMPLATES))] + "".join(f"\\{g + 1}" for g in range(groups))
    names = "".join(f"g{g}, " for g in range(groups))
    joined = " + '<' + ".join(f"g{g}" for g in range(groups))
    every = f"[{joined} for {names} in {{}}]" if groups > 1 else "{}"
    found = f"P{number}.findall(text)"
    return [
        f"'|'.join({every.format(found)})",
        f"P{number}.sub({template!r}, text)",
        f"P{number}.subn({template!r}, text, {choose(3)})",
        f"'|'.join([p or '-' for p in P{number}.split(text)])",
        f"'|'.join([p or '-' for p in P{number}.split(text, {choose(3)})])",
        f"sum([1 if p is None else 0 for p in P{number}.split(text)])",
        f"'|'.join([f'{{m.start()}},{{m.end()}}' for m in P{number}.finditer(text)])",
    ]


def module(choose, count):
    """Write the text of a module with a function ``chain(lines)`` over several patterns."""
    parts = ["import re\n\n", *(function(number, choose) for number in range(count))]
    calls = ", ".join(f"_apply{number}(text)" for number in range(count))
    parts.append(f"def apply(line):\n    text = line.replace('~', '\\n')\n    return ({calls},)\n")
    parts.append("\ndef chain(lines):\n    return lines.map(apply)\n")
    return "\n".join(parts)


def lines(choose):
    """Make lines over the alphabet."""
    count = [choose(12) for _ in range(60)]
    return ["".join(ALPHABET[choose(len(ALPHABET))] for _ in range(n)) for n in count]


@st.composite
def programs(draw):
    """Draw a module and lines."""
    rng = random.Random(draw(st.integers(0, 1 << 64)))
    return module(rng.randrange, 4), lines(rng.randrange)
