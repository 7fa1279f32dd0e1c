"""Update functions get their values where they came, in parts, and give what CPython gives.

The oracle is the function itself, called in a loop on lists. The functions of `exact.folds` are
named; `exact.fold_grammar` makes functions up (`exact.fuzz`).
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from exact import fold_grammar, folds, fuzz
from exact.server import load, spelled
from exact.states import calm, run
from hypothesis import strategies as st

NAMES = re.findall(r"^def ([a-z]\w*)\(", Path(folds.__file__).read_text(encoding="utf-8"), re.M)
EXAMPLES = 12
TOGETHER = 16
KEYS = ["a", "b", "ß", "", "k1", "k2"]
VALUES = {
    "Integers": [0, 1, 2, -1, 7, 13, 40],
    "Pairs": [(0, ""), (3, "é"), (-2, "x"), (9, "longer")],
    "Floats": [0.0, -0.0, 1.5, -2.25, 1e300, 1e-300, 0.1, float("inf"), float("nan")],
    "Strings": ["", "x", "é", "longer", "\0"],
    "Maybe": [None, 3, 1, 4],
    "Large": [2**62, -(2**62), 5, 2**63 - 1, -(2**63), 1],
    "Mixed": [1, True, 2],
}
FOLDS = "compiled, folds values as they come"


def batches(values, seed):
    """Batches of pairs; in some nothing comes, and keys come and go. One key gets most."""
    chance = random.Random(seed)
    sizes = [1, 14, 0, 3, 40, 0, 0, 0, 5, 16, 0]
    few = [key for key in KEYS if chance.random() < 0.8] or KEYS
    return [
        [(chance.choice([*few, few[0]]), chance.choice(values)) for _ in range(size)]
        for size in sizes
    ]


def how(told, name):
    """Return what `explain` says of a function, for each type."""
    return re.findall(rf"updateStateByKey\({name} .*?\): (.*)", told)


def kinds(name):
    """Return what a docstring says of a function: its values, and whether they are listed."""
    return [word.strip(",:") for word in getattr(folds, name).__doc__.split()[:2]]


@pytest.mark.parametrize("kind", VALUES)
def test_states_are_cpythons(kind):
    functions = [getattr(folds, name) for name in NAMES if kinds(name)[0] == kind]
    for seed in range(3):
        data = batches(VALUES[kind], seed)
        expected = {f.__name__: calm(f, data) for f in functions}
        assert None not in expected.values()
        found, told = run(functions, data)
        for f in functions:
            assert spelled(found[f.__name__]) == spelled(expected[f.__name__]), f.__name__
        for name in [f.__name__ for f in functions]:
            said = how(told, name)
            if kinds(name)[1] == "folds":
                said = [each for each in said if not each.startswith("CPython: every path")]
                assert {each.split(", but")[0] for each in said} == {FOLDS}, name
            elif kinds(name)[1] == "lists":
                assert not any(FOLDS in each for each in said)


def written(source, path):
    """Return the functions of a module."""
    path.write_text(source, encoding="utf-8")
    module = load(path)
    names = re.findall(r"^def (\w+)\(", source, re.M)
    return [getattr(module, name) for name in names]


def test_generated_folds(tmp_path):
    def check(path, given):
        kind, seed = given
        source = path.read_text(encoding="utf-8")
        data = batches(VALUES[kind], seed)
        functions = written(source, path)
        expected = {f.__name__: calm(f, data) for f in functions}
        functions = [f for f in functions if expected[f.__name__] is not None]
        found, told = run(functions, data)
        for f in functions:
            assert spelled(found[f.__name__]) == spelled(expected[f.__name__]), f.__name__
        folded = sum(any("folds" in each for each in how(told, f.__name__)) for f in functions)
        return folded / TOGETHER

    kinds = st.sampled_from(["Integers", "Integers", "Integers", "Large"])
    modules = st.tuples(fold_grammar.modules(TOGETHER), st.tuples(kinds, st.integers(0, 99)))
    assert fuzz.run(modules, EXAMPLES, tmp_path, check) >= 1 / 3


def test_a_large_key_is_folded_natively():
    """More values of one key than a loop of compiled code may make passes otherwise."""

    def total(values, state):
        best = state or 0
        for value in values:
            best = value if value > best else best
        return best

    many = [(0, i) for n in range(1000) for i in range(n, n + 11000)]
    found, told = run([total], [many])
    assert found["total"] == [[(0, 11998)]]
    assert "folds values as they come" in told
    assert "calls ran in CPython" not in told
