"""Functions of a line for many lines: every character, and floats of random bits.

Used by `test_compiler_exact`, with lines made here.
"""

# ruff: noqa: UP031
import random
import struct

# Every character that may stand in a line of a file, but for the planes that are nearly empty.
CHARACTERS = [
    chr(code)
    for code in [*range(0xD800), *range(0xE000, 0x11000), *range(0x1D400, 0x1F700, 7)]
    if chr(code) not in "\n\r"
]


def floats(number):
    """Spell floats: of random bits, near the limits of formats, halfway between two roundings."""
    rng = random.Random(number)
    found = []
    for i in range(number):
        bits = struct.unpack(">d", struct.pack(">Q", rng.getrandbits(64)))[0]
        size = 10.0 ** rng.randint(-8, 20)
        half = rng.randint(-(10**6), 10**6) / 2 ** rng.randint(0, 12)
        power = 2.0 ** rng.randint(-1074, 1023)
        short = round(rng.uniform(-1, 1) * size, rng.randint(0, 6))
        found.append([bits, rng.uniform(-1, 1) * size, half, power, short, size][i % 6])
    return [repr(value) for value in found]


def integers(number):
    """Spell integers of all lengths."""
    rng = random.Random(number)
    return [str(rng.randrange(-(10 ** rng.randint(1, 18)), 10**18)) for _ in range(number)]


def kinds_of_characters(line):
    a = (line.isdigit(), line.isdecimal(), line.isnumeric(), line.isalpha(), line.isalnum())
    return a, line.isupper(), line.islower(), line.istitle(), line.isidentifier()


def spaces_and_lengths(line):
    ends = line.isspace(), len(line.split()), len(line.rsplit()), len(line.strip()), len(line)
    return ends, len(("a" + line + "b").splitlines()), line.isascii(), ord(line[0])


def printable_characters(line):
    return line.isprintable(), repr(line), [line]


def cases_of_characters(line):
    both = line + "a", "a" + line
    a = (line.lower(), line.upper(), line.title(), line.capitalize(), line.swapcase())
    return a, line.casefold(), both[0].title(), both[1].title(), both[0].capitalize()


def floats_as_text(line):
    x = float(line)
    return f"{x} {x!r:>30} {x:g} {x:.3g} {x:.17g} {x:e} {x:.2e} {x:.0e}", "%r|%s" % (x, x), str(-x)


def floats_with_places(line):
    x = float(line)
    return f"{x:.0f} {x:.1f} {x:.2f} {x:.3f} {x:.6f} {x:20,.2f} {x:.1%} {x:.3} {x:.12} {x:+.16e}"


def whole_numbers(line):
    n = int(line)
    return f"{n:,} {n:x} {-n:#b} {n:o} {-n:_d} {n:e} {n:.1f} {n:g} {-n:025,} {n:030_b}", "%d" % -n
