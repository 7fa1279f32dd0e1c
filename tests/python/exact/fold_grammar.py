"""Makes up functions for `updateStateByKey` that go through their values. Used by
`test_compiler_folds`."""

from hypothesis import strategies as st

ITEMS = ["v", "v * 2", "v - 1", "abs(v)", "v % 3", "-v", "v * v"]
TESTS = ["v > 1", "v % 2", "v", "v < total", "not v", "v == 2"]
GUARDS = [
    [],
    ["if not values:", "    return state"],
    ["if not values:", "    return None"],
    ["if len(values) > 4:", "    return len(values)"],
    ["if values and values[0] == 2:", "    return state"],
]
STARTS = ["state or 0", "0 if state is None else state", "3", "len(values)"]
RESULTS = ["total", "total", "total", "None if total % 5 == 4 else total", "max(total, state or 0)"]
STEPS = [
    "total += {item}",
    "total = max(total, {item})",
    "total = total * 3 + {item} & 0xFFFF",
    "total -= {item} if {test} else 1",
    "if {test}: continue",
    "if {test}: break",
    "if {test}: total += 1",
    "last = {item}",
]
SOURCES = [
    "values",
    "values",
    "values",
    "news",
    "[{item} for v in values]",
    "[v for v in values if {test}]",
    "({item} for v in values if {test})",
    "list(values)",
    "sorted(values)",
    "values[1:]",
    "values + [1]",
]
# Whether what comes of it is a number is not for every one of them.
TAKEN = [
    "sum({source})",
    "sum({source}, 2)",
    "sum({source}, start=total)",
    "max({source}, default=1)",
    "min({source}, default=total)",
    "max({source}, key=lambda v: -v, default=0)",
    "len([{item} for v in values if {test}])",
    "any({source})",
    "all({source})",
    "len(values)",
    "(values[-1] if values else 1)",
    "(values[0] if len(values) > 1 else 2)",
    "(values[len(values) // 2] if values else 0)",
    "bool(values)",
    "(not values)",
]
RISKY = ["values[1]", "max(values)", "values[-3]", "10 // len(values)", "min(v for v in values)"]
PLACES = [
    "total += {taken}",
    "total = total * 7 + {taken} & 0xFFFFF",
    "if {taken} > 3: total += 1",
    "total, last = last, total + {taken}",
]


@st.composite
def functions(draw, name):
    """Draw the source of one function."""

    def one(options):
        return draw(st.sampled_from(options))

    def filled(text):
        while "{" in text:
            parts = {"item": ITEMS, "test": TESTS, "source": SOURCES, "taken": TAKEN}
            text = text.format(**{key: one(options) for key, options in parts.items()})
        return text

    def statement():
        kind = draw(st.integers(0, 6))
        if kind < 3:
            return [filled(one(PLACES))]
        if kind == 3:
            risky = one(RISKY)
            return [
                "try:",
                f"    total += {risky}",
                "except (IndexError, ValueError):",
                "    last += 1",
            ]
        head = one(
            ["for v in {s}:", "for i, v in enumerate({s}):", "for v, w in zip({s}, values):"]
        )
        source = filled(one(SOURCES[:6]))
        steps = [filled(one(STEPS)) for _ in range(draw(st.integers(1, 3)))]
        if kind == 6:
            steps.insert(0, filled("for w in values: total += w * {item} & 15"))
        return [head.format(s=source), *(f"    {step}" for step in steps)]

    body = [*one(GUARDS), f"total = {one(STARTS)}", "last = 0", "news = values"]
    for _ in range(draw(st.integers(1, 3))):
        body += statement()
    body.append(f"return {one(RESULTS)}")
    return "\n".join([f"def {name}(values, state):", *(f"    {line}" for line in body)]) + "\n"


def modules(count):
    """Strategies for modules of so many functions."""
    return st.tuples(*(functions(f"f{i}") for i in range(count))).map("\n\n".join)
