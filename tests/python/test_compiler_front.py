"""The compiler's trees: what they say is what CPython does; what is not certain is refused.

A tree is written back as Python and run beside the function it was made from (`agree`), so that a
test needs no picture of the tree.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import linecache
import math
import operator
import re
import sys
import textwrap
import time

import pytest
from conftest import EXAMPLES

from tidemill.compiler import front

LINES = [
    "1 2",
    "-1.5 2",
    "0 0",
    "0 -3",
    "x y",
    "",
    "1",
    "1 2 3",
    "a b a",
    "nan inf",
    "10,20",
    "é ß",
]


class Deopt(Exception):
    """Native code would give the row back here."""


def names(text):
    return text.replace(".", "__")


def value(node):
    """Write an expression node as Python."""
    kind = node["e"]
    assert kind == "const_set" or type(node["l"]) is int
    if kind == "const":
        return f"float({node['v']!r})" if node["t"] == "float" else repr(node["v"])
    if kind == "name":
        return names(node["id"])
    if kind in ("tuple", "list"):
        inner = "".join(f"{value(item)}," for item in node["v"])
        return f"({inner})" if kind == "tuple" else f"[{inner}]"
    if kind == "dict":
        items = (f"{value(k)}: {value(v)}" if k else f"**{value(v)}" for k, v in node["v"])
        return f"{{{', '.join(items)}}}"
    if kind == "const_set":
        return f"{{{', '.join(map(plain, node['v']))}}}" if node["v"] else "set()"
    if kind == "const_map":
        return f"{{{', '.join(f'{plain(k)}: {plain(v)}' for k, v in node['v'])}}}"
    if kind == "const_list":
        return f"[{', '.join(map(plain, node['v']))}]"
    if kind == "bin":
        return f"({value(node['a'])} {node['op']} {value(node['b'])})"
    if kind == "unary":
        return f"({node['op']} {value(node['a'])})"
    if kind == "cmp":
        rest = "".join(f" {op} {value(right)}" for op, right in node["rest"])
        return f"({value(node['first'])}{rest})"
    if kind == "boolop":
        return "(" + f" {node['op']} ".join(map(value, node["v"])) + ")"
    if kind == "ifexp":
        return f"({value(node['a'])} if {value(node['c'])} else {value(node['b'])})"
    if kind == "builtin":
        return node["id"]
    if kind == "outer":
        return f"outer({names(node['id'])!r})"
    if kind == "walrus":
        return f"({names(node['id'])} := {value(node['v'])})"
    if kind == "func":
        return f"function({node['f']!r})"
    if kind == "call":
        return f"{value(node['f'])}({arguments(node)})"
    if kind == "method":
        return f"({value(node['o'])}).{node['m']}({arguments(node)})"
    if kind == "index":
        return f"{value(node['o'])}[{value(node['i'])}]"
    if kind == "slice":
        low, high, step = (value(node[end]) if node[end] else "" for end in ("lo", "hi", "step"))
        return f"{value(node['o'])}[{low}:{high}:{step}]"
    if kind == "format":
        args = "".join(f"{value(arg)}," for arg in node["args"])
        return f"formatted(({args}), {node['parts']!r}, {node['unpack']})"
    assert kind in ("comp", "dict_comp"), node
    keyed = kind == "dict_comp"
    text = f"{value(node['key'])}: {value(node['value'])}" if keyed else value(node["elt"])
    for loop in [node, *node["more"]]:
        tests = "".join(f" if {value(test)}" for test in loop["ifs"])
        text += f" for {target(loop['target'])} in {value(loop['iter'])}{tests}"
    if keyed:
        return f"{{{text}}}"
    return f"({text})" if node["gen"] else f"[{text}]"


def plain(item):
    """Write an item of a captured container."""
    if type(item) is dict:
        return f"float({item['f']!r})"
    return f"({''.join(f'{plain(i)},' for i in item)})" if type(item) is list else repr(item)


def formatted(args, parts, unpack):
    """Do what a format node says."""
    if unpack and type(args[0]) is tuple:
        args = args[0]
    if unpack and sum(type(part) is dict for part in parts) != len(args):
        raise TypeError
    convert = {None: lambda v: v, "s": str, "r": repr, "d": int}
    return "".join(
        part if type(part) is str else format(convert[part["c"]](args[part["a"]]), part["s"])
        for part in parts
    )


def arguments(node):
    args, named = [*map(value, node["args"])], node.get("names", [])
    for i, name in enumerate(named, len(args) - len(named)):
        args[i] = f"{name}={args[i]}"
    return ", ".join([*args, *(f"{name}={value(given)}" for name, given in node.get("kw", ()))])


def target(node):
    if node["t"] == "name":
        return names(node["id"])
    if node["t"] == "star":
        return f"*{target(node['v'])}"
    if node["t"] == "item":
        return f"{value(node['o'])}[{value(node['i'])}]"
    return "(" + "".join(f"{target(item)}," for item in node["v"]) + ")"


def block(statements):
    lines = [line for statement in statements for line in written(statement)]
    return [f"    {line}" for line in lines or ["pass"]]


def written(node):
    """Write a statement node as lines of Python."""
    kind = node["s"]
    if kind == "assign":
        return [f"{target(node['t'])} = {value(node['v'])}"]
    if kind == "aug":
        return [f"{names(node['id'])} {node['op']}= {value(node['v'])}"]
    if kind == "aug_item":
        return [f"{value(node['o'])}[{value(node['i'])}] {node['op']}= {value(node['v'])}"]
    if kind == "if":
        orelse = ["else:", *block(node["b"])] if node["b"] else []
        return [f"if {value(node['c'])}:", *block(node["a"]), *orelse]
    if kind == "return":
        return [f"return {value(node['v'])}" if node["v"] else "return"]
    if kind == "expr":
        return [value(node["v"])]
    if kind == "for":
        head = f"for {target(node['t'])} in {value(node['iter'])}:"
        return [head, *block(node["body"]), "else:", *block(node["else"])]
    if kind == "while":
        return [f"while {value(node['c'])}:", *block(node["body"]), "else:", *block(node["else"])]
    if kind == "raise":
        made = f"{node['type']}({', '.join(map(value, node['args']))})"
        return [f"raise {made if node['type'] else 'Deopt'}"]
    if kind == "deopt":
        assert node["why"] in front.REASONS
        return ["raise Deopt"]
    if kind == "try":
        lines = ["try:", *block(node["body"])]
        for handler in node["handlers"]:
            types = "" if handler["types"] is None else f" ({', '.join(handler['types'])},)"
            lines += [*(["except Deopt: raise"]), f"except{types}:", *block(handler["body"])]
        lines += ["else:", *block(node["else"])] if node["handlers"] else []
        return [*lines, "finally:", *block(node["final"])] if node["final"] else lines
    return [kind]


def outer(name):
    """Return a variable of the function that is running around the caller, as it is now."""
    frame = sys._getframe(2)
    while name not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals[name]


def function(tree):
    """Make a Python function of a tree."""
    text = "\n".join([f"def made({', '.join(map(names, tree['params']))}):", *block(tree["body"])])
    namespace = {"function": function, "outer": outer, "Deopt": Deopt, "json": json}
    namespace.update(math=math, operator=operator, formatted=formatted)
    namespace["JSONDecodeError"] = json.JSONDecodeError
    exec(text, namespace)
    return namespace["made"]


def outcome(call, *args):
    try:
        result = call(*args)
    except Deopt:
        return Deopt
    except Exception as error:
        return type(error)
    result = list(result) if type(result).__name__ == "generator" else result
    return repr(result)


def tree_of(user):
    tree = front.describe(user)
    assert tree["ok"], tree
    assert json.loads(json.dumps(tree)) == tree
    return tree


def agree(user, inputs=LINES, deopts=()):
    """Assert that a function's tree does what it does; it gives back the inputs in `deopts`."""
    tree = tree_of(user)
    made = function(tree)
    for record in inputs:
        got = outcome(made, record)
        assert (got is Deopt) == (record in deopts), (record, got)
        assert got is Deopt or got == outcome(user, record), record
    return tree


def refuse(user, reason, detail=""):
    found = front.describe(user)
    assert not found["ok"], found
    assert found["reason"] in front.REASONS
    assert (found["reason"], detail in found["detail"]) == (reason, True), found
    return found


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Run a program text as a module of its own: ``load(text)``; as __main__ unless imported."""

    def run(text, name="__main__"):
        path = tmp_path / f"{name.strip('_')}_{time.monotonic_ns()}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        if name != "__main__":
            monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return run


def test_quadrant():
    text = (EXAMPLES / "quadrant_count.py").read_text()
    source = re.search(r"(?s)def get_quadrant.*?return \(quadrant, 1\)\n", text).group()
    linecache.cache["<quadrant>"] = (len(source), None, source.splitlines(True), "<quadrant>")
    namespace = {"__name__": "__main__"}
    exec(compile(source, "<quadrant>", "exec"), namespace)
    bad = ["x y", "", "1", "1 2 3", "a b a", "10,20", "é ß"]
    tree = agree(namespace["get_quadrant"], deopts=bad)
    assert tree["params"] == ["line"] and [s["s"] for s in tree["body"]] == ["try", "if", "return"]


THRESHOLD = 2
SEPARATOR = ","
PAIR = (1, "é")
BIG = 2**63
STOP = {"a", "b"}
CHANGED = {"a"}
ERRORS = (ValueError, KeyError)


def double(x):
    return x * 2


def parse(text, base=10):
    return int(text, base) + THRESHOLD


@pytest.mark.parametrize(
    "user",
    [
        lambda line: line.split()[0],
        lambda line: (line, len(line) > THRESHOLD),
        lambda line: [w for w in line.split() if w in STOP],
        lambda line: line.split(SEPARATOR)[-1:] + list(PAIR),
        lambda line: "a" <= line < "b" or not line,
        lambda line: 1 if line else None,
        lambda line: f"{line}-{len(line)}!",
        lambda line: "%s %d" % (line, -5),  # noqa: UP031
        lambda line: f"{line} {2.5}",
        lambda line: SEPARATOR.join(w.upper() for w in line.split()),
        lambda line: sum(float(w) for w in line.split()),
        lambda line: (w for w in line.split()),
        lambda line: double(line) + double(x=line),
        lambda line: parse(line),
        lambda line: math.sqrt(len(line)) + math.pi,
        lambda line: operator.add(line, str.strip(line)),
        lambda line, n=3: line * n,
        lambda line, *, n=3: line * n,
        lambda line: (lambda x: x + "!")(line),
        lambda line: line[1:] if line is not None else line[0],
        lambda line: line in ("a", "1 2") and line not in {"x", "y"},
        lambda line: [[line for line in line.split()] for line in [line, line]],
        lambda line: float("inf") * -0.0 if line else -1e308,
        lambda line: (n := len(line)) + n,
        lambda line: [y := x for x in line],  # noqa: F841
        lambda line: [x + y for x in line if x > "1" for y in line if x < y],
        lambda line: line[::2] + line[:0:-1] + line[1:2],
        lambda line: sorted(line.split(), key=len, reverse=True),
        lambda line: max(line.split(), key=lambda w: w[0], default=None),
        lambda line: sum(range(3), start=len(line)) + round(len(line) / 3, ndigits=1),
    ],
)
def test_lambdas(user):
    agree(user)


def test_a_line_of_lambdas():
    users = [lambda x: x + 1, lambda x: x + 1.0, lambda x: x + True, lambda x: (lambda y: y)(x)]
    nested = [lambda x: (lambda x: x * 2)(x + 1), lambda x: x * 2]
    for user in users + nested:
        agree(user, [1, 2])


def accumulate(line):
    """A docstring."""
    a = b = 0
    c: int = 5
    for i, word in enumerate(line.split()):
        if word == "nan":
            continue
        try:
            a += float(word)
        except ValueError as error:  # noqa: F841
            b |= 1
            break
        except (KeyError, OSError):
            raise
        else:
            b += i
        finally:
            c -= 1
    else:
        c = c + 100
    while c > 10:
        c //= 2
    return a, b, c


def test_statements():
    agree(accumulate)


def test_assert(load):
    """In a file of its own, since pytest rewrites the assertions of this one."""
    agree(load("def user(x):\n    assert x != 'x y', 'odd'\n    return x").user)


def rare(line):
    if line == "x y":
        print(line)
        return 1
    if line == "1":
        with open(line) as file:
            return file
    if line == "1 2 3":
        global CHANGED
        CHANGED = set()
    try:
        return int(line)
    except Exception as error:
        return str(error)


def changes(line):
    xs, total = [0, 0, 0], 0
    xs[len(line) % 3] = 5
    xs[0] += 2
    first, *xs[1], last = line
    (*rest,) = xs
    while total < 9:
        total += len(line)
        if not line:
            break
    else:
        total = -total
    if line == "0 0":
        raise KeyError(line, total) from None
    return xs, first, last, rest, total


def test_lists_that_change():
    agree(changes)


def test_an_item_getter_is_a_key(load):
    text = (
        "from operator import itemgetter\ndef user(x): return max([x, 'b'], key=itemgetter(-1, 0))"
    )
    agree(load(text).user)


def test_calls_that_double_with_each_level_are_refused(load):
    levels = "".join(f"def f{i + 1}(x): return f{i}(x) + f{i}(x)\n" for i in range(30))
    module = load("def f0(x): return x\n" + levels)
    refuse(module.f30, "too large", "calls of functions")


def test_a_rare_statement_gives_the_row_back():
    wrong = [line for line in LINES if line not in ("1",)]
    agree(rare, deopts=[*wrong, "1"])
    agree(rare, ["5", "7"])


def test_a_statement_on_every_path_is_a_reason():
    def user(line):
        if line:
            print("a")
        else:
            print("b")
        return line

    assert refuse(user, "a side effect", "print")["line"] == user.__code__.co_firstlineno + 2


def test_except_types():
    def user(line):
        try:
            return float(line)
        except ERRORS:
            return 1
        except:  # noqa: E722
            return 2

    tree = tree_of(user)
    assert [h["types"] for h in tree["body"][0]["handlers"]] == [["ValueError", "KeyError"], None]

    class ValueError(Exception):
        pass

    def shadowed(line):
        try:
            return float(line)
        except ValueError:
            return 1

    refuse(shadowed, "an exception class or variable", "ValueError")


def test_local_functions():
    def user(line):
        import math
        from operator import add

        def first(text, end="!"):
            return text[0] + end

        last = lambda text: first(text, "?") + text[-1]  # noqa: E731
        return first(line) + last(line) + add(line, line), math.floor(2.5)

    agree(user)

    def captures(line):
        n = len(line)
        return (lambda x: x + n)(1)

    agree(captures)

    def captures_what_changes(line):
        n, words = 1, line.split()

        def seen(word):
            return [word == other for other in words], n

        first = [seen(word) for word in words]
        n += 1
        return first, [(lambda: (word, n))() for word in words]

    agree(captures_what_changes)

    def rebinds(line):
        f = lambda x: x  # noqa: E731
        if line:
            f = lambda x: x + 1  # noqa: E731
        return f(1)

    assert not front.describe(rebinds)["ok"]


def test_shadowed_builtins(load):
    module = load(
        """
        def len(x): return 7
        def user(x): return len(x)
        def make():
            str = lambda x: x * 3
            float = int
            return lambda x: (str(x), float(len(x)))
        made = make()
        def local(x):
            if x: max = 3
            return max(x)
        """
    )
    agree(module.user)
    agree(module.made)
    assert not front.describe(module.local)["ok"]


@pytest.mark.parametrize(
    "user",
    [
        lambda line: f"{line!r:>9}|{len(line):05d}|{line:{THRESHOLD}}",
        lambda line: f"{{{line}}}" + f"{len(line)=}",
        lambda line: "%s=%5d%%" % (line, len(line)),  # noqa: UP031
        lambda line: "%r" % line,  # noqa: UP031
        lambda line: "%s %s %s" % line.partition(" "),  # noqa: UP031
        lambda line: "%-8.3s|%+06.1f|%#x" % (line, 1.25, 255),  # noqa: UP031
        lambda line: "%d %i" % (2.5, True),  # noqa: UP031
        lambda line: "{}-{:>5}-{a}".format(line, 2, a=line),  # noqa: UP032
        lambda line: "{1}{0!r}{{}}".format(line, 2),  # noqa: UP030, UP032
        lambda line: format(len(line), "04") + format(line),
        lambda line: line.split(maxsplit=1, sep=" "),
        lambda line: line[::-1] + line[1:5:2],
    ],
)
def test_formats_and_slices(user):
    agree(user)


def test_captured_containers(load):
    module = load(
        """
        NAMES = ["a", "b"]
        TABLE = {"a": 1.5, "1": float("inf")}
        BOTH = {1, 2} | {3}
        KINDS = frozenset([1, 2.5, None, ("a", True)])
        ODD = {"a": []}
        GROWN = ["a"]
        GROWN.append("b")
        GIVEN = {"a": 1}
        def given(x): return x in GIVEN, str(GIVEN)
        def table(x): return TABLE.get(x), TABLE.get(x, 0.5), x in TABLE, len(TABLE), TABLE["a"]
        def names(x): return NAMES[0], [n + x for n in NAMES], NAMES[::-1], x in NAMES
        def kinds(x): return len(x) in KINDS, (x, 1) in KINDS, None in KINDS, len(x) in BOTH
        def odd(x): return ODD.get(x)
        def grown(x): return x in GROWN
        """
    )
    for user in (module.table, module.names, module.kinds):
        agree(user)
    refuse(module.odd, "a captured value of another type", "list")
    refuse(module.grown, "a captured value that may change", "list")
    refuse(module.given, "a captured value that may change", "dict")


def test_a_captured_container_is_another_variable_than_its_namesakes(load):
    module = load(
        """
        STOP = ["a", "the"]
        SIZES = {"a": 1}
        def unrelated(line):
            STOP = []
            STOP.append(line)
            return STOP
        def parameter(STOP, *SIZES):
            STOP.append(1)
            return [SIZES.append(n) for n in STOP], lambda SIZES: SIZES.clear()
        def rebinds():
            SIZES = 1
            def inner():
                nonlocal SIZES
                SIZES = {}
            return inner
        class Holder:
            STOP = []
            def SIZES(self):
                return self.STOP
        loops = [STOP.clear() for STOP in []]
        def known(x): return x not in STOP, SIZES.get(x)
        def make():
            kept = {"a", "b"}
            def other():
                kept = []
                kept.append(1)
                return kept
            return lambda x: x in kept
        made = make()
        kept = []
        kept.append(1)
        """
    )
    agree(module.known, ["a", "b"])
    agree(module.made, ["a", "z"])


# Each changes the captured `kept` of `user`, or may.
CHANGES = {
    "by a global": "kept = ['a']\ndef change():\n    global kept\n    kept = []",
    "in place": "kept = ['a']\ndef change():\n    kept.append(1)",
    "in a comprehension": "kept = ['a']\ndef change():\n    [kept.append(n) for n in [1]]",
    "in a nested function": "kept = ['a']\ndef a():\n    def b():\n        kept.append(1)",
    "in a lambda": "kept = ['a']\nchange = lambda: kept.append(1)",
    "in a method": "kept = ['a']\nclass A:\n    def b(self):\n        kept.append(1)",
    "in a class": "kept = ['a']\nclass A:\n    kept.append(1)",
    "in a class that binds it later": "kept = ['a']\nclass A:\n    kept.append(1)\n    kept = 2",
    "past a class": "kept = ['a']\nclass A:\n    kept = 1\n    def b(self):\n        kept.pop()",
    "under a global of a class": "kept = ['a']\nclass A:\n    global kept\n    kept = [1]",
    "past a function with a global": (
        "kept = ['a']\ndef a():\n    kept = 1\n    def b():\n        global kept\n"
        "        def c():\n            kept.append(1)"
    ),
    "by a walrus": "kept = ['a']\n[(kept := [n]) for n in 'b']",
    "by a walrus in a function": (
        "kept = ['a']\ndef a():\n    global kept\n    [kept := [n] for n in '']"
    ),
    "by deletion": "kept = ['a']\nif len(kept) > 4:\n    del kept",
    "by a loop": "kept = ['a']\nfor kept in [['a']]:\n    pass",
    "by another name": "kept = ['a']\nother = kept\nother.append(1)",
    "by two targets": "kept = other = ['a']\nother.append(1)",
    "by two targets, the other way": "other = kept = ['a']\nother.append(1)",
    "by unpacking": "kept, other = ['a'], 1",
    "as a default": "kept = ['a']\ndef change(to=kept):\n    to.append(1)",
    "as an argument": "kept = ['a']\nprint(kept)",
    "as an annotation": "kept = ['a']\ndef change(x: kept):\n    pass",
    "as a result": "kept = ['a']\ndef change():\n    return kept",
    "as a decorator's argument": "kept = ['a']\n@(lambda f, k=kept: f)\ndef change():\n    pass",
    "in an f-string": "kept = ['a']\ndef change():\n    return f'{kept.append(1)}'",
    "by adding to it": "kept = ['a']\ndef change():\n    global kept\n    kept += ['b']",
    "by an item": "kept = {'a': 1}\ndef change():\n    kept['b'] = 1",
    "by a method in a chain": "kept = ['a']\ndef change():\n    kept.copy.__self__.append(1)",
    "by an import": "kept = ['a']\nfrom string import *",
    "under another len": "kept = ['a']\ndef len(x):\n    x.append(1)\nlen(kept)",
    "under another len by a global": (
        "kept = ['a']\ndef change():\n    global len\n    len = list.clear\nlen(kept)"
    ),
    "in a broadcast": (
        "class S:\n    def broadcast(self, x): return x\nkept = ['a']\nb = S().broadcast(kept)\n"
        "kept.append(1)"
    ),
    "except as": "kept = ['a']\ntry:\n    pass\nexcept OSError as kept:\n    pass",
    "with as": "kept = ['a']\ndef change(x):\n    global kept\n    with x as kept:\n        pass",
}


@pytest.mark.parametrize("name", CHANGES)
def test_captured_containers_that_may_change(load, name):
    module = load(CHANGES[name] + "\ndef user(x):\n    return x in kept\n")
    if not hasattr(module, "kept"):
        module.kept = ["a"]
    refuse(module.user, "a captured value that may change")


CELLS = {
    "by a nonlocal": "def change():\n        nonlocal kept\n        kept = []",
    "in place": "def change():\n        kept.append(1)",
    "in a lambda": "change = lambda: kept.append(1)",
    "by a nonlocal deeper": (
        "def a():\n        def change():\n            nonlocal kept\n            kept = []"
    ),
    "past a class": "class A:\n        kept = 1\n        def a(self):\n            kept.append(1)",
    "itself": "kept.append(1)",
    "set again": "kept = given",
    "as a result": "given.append(kept)",
}


@pytest.mark.parametrize("name", CELLS)
def test_captured_containers_of_functions_that_may_change(load, name):
    module = load(
        f"def make(given):\n    kept = ['a']\n    {CELLS[name]}\n    return lambda x: x in kept\n"
        "user = make(['a'])\n"
    )
    refuse(module.user, "a captured value that may change")


def test_a_container_that_another_list_made_may_change(load):
    module = load(
        """
        one = ["a"]
        one.append("b")
        def make(list):
            kept = list(one)
            return lambda x: x in kept
        user = make(lambda x: x)
        """
    )
    refuse(module.user, "a captured value that may change")


def test_a_containers_default_parameter_may_change(load):
    module = load("kept = ['a']\ndef user(x, kept=kept):\n    return x in kept\n")
    refuse(module.user, "a captured value that may change")


def test_captured_values(load):
    refuse(lambda x: x + BIG, "a constant out of range")
    refuse(lambda x: x in sys.path, "a captured value that may change")
    refuse(lambda x: undefined, "a name without a value")  # noqa: F821
    refuse(lambda x: "\ud800", "a constant out of range")
    module = load(
        """
        import collections
        n = 1
        def bump():
            global n
            n += 1
        seen = set()
        kept = {"a": 1, "b": 2}
        other = {"c"}
        alias = other
        Point = collections.namedtuple("Point", "x")
        def user(x): return x + n
        def once(x):
            if x in seen:
                return False
            seen.add(x)
            return True
        def known(x): return x in kept and x in {"a", "z"}
        def aliased(x): return x in other
        def point(x): return Point(x)
        """
    )
    changeable = "a captured value that may change"
    refuse(module.user, changeable, "n")
    refuse(module.once, changeable, "set")
    agree(module.known, ["a", "b", "z"])
    refuse(module.aliased, changeable)
    refuse(module.point, "a call of something unknown", "Point")


def test_cells_are_read_now():
    k = 1
    user = lambda x: x + k  # noqa: E731, F821
    agree(user, [1])
    k = 2
    assert tree_of(user)["body"][0]["v"]["b"]["v"] == 2
    del k
    refuse(user, "a name without a value", "k")


def test_a_module_that_workers_import(load):
    module = load(
        """
        import os
        try:
            from math import sqrt
        except ImportError:
            sqrt = None
        LIMIT = 60 * 60
        HOME = os.environ.get("HOME")
        WORDS = frozenset(["a", "b"])
        def fixed(x, n=LIMIT * 0 if False else 2): return len(x) + LIMIT
        def limit(x): return sqrt(len(x)) + LIMIT if x in WORDS else 0
        def home(x): return x + HOME
        """,
        "tidemill_test_module",
    )
    agree(module.limit)
    changeable = "a captured value that may change"
    refuse(module.fixed, changeable)
    refuse(module.home, changeable, "HOME")
    module.LIMIT = 5
    refuse(module.limit, changeable, "LIMIT")
    module.LIMIT = 3600
    agree(lambda x: module.LIMIT + len(x))
    refuse(lambda x: module.HOME, changeable, "HOME")


def test_broadcast(sc):
    stop = sc.broadcast({"a", "the"})
    size = sc.broadcast({"a": 1})
    agree(lambda word: (size.value.get(word, 0), len(size.value)), ["a", "b"])
    three = sc.broadcast(3)
    agree(lambda word: (word in stop.value, three.value), ["a", "b"])
    b = sc.broadcast({"a", "the"})
    difference = lambda a, b: a - b  # noqa: E731, F841
    agree(lambda word: word not in b.value, ["a", "b"])
    c = sc.broadcast(["a"])
    c.value.append("b")
    refuse(lambda word: word in c.value, "a captured value that may change")


def test_source_that_changed(load, tmp_path):
    module = load("def user(x):\n    return x + 1\n")
    agree(module.user, [1])
    path = module.__file__
    with open(path, "w") as file:
        file.write("def user(x):\n    return x + 10\n")
    refuse(module.user, "its source is not the one that runs")
    with open(path, "w") as file:
        file.write("def user(x:\n")
    refuse(module.user, "its source is not the one that runs")
    namespace = {}
    exec("user = lambda x: x", namespace)
    refuse(namespace["user"], "its source is not at hand")


def recursive(x):
    return recursive(x[1:]) if x else 0


def generator(x):
    yield x


async def coroutine(x):
    return x


class Shout:
    suffix = "!"
    add = lambda text: text + suffix  # noqa: E731, F821

    def method(self, text):
        return text + self.suffix

    @staticmethod
    def plain(text):
        return text + "!"

    def __call__(self, text):
        return text

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_callables():
    for user in [str.split, operator.itemgetter(0), operator.itemgetter(0, -1), len, str.strip]:
        agree(user)
    for user in [float, functools.partial(operator.add, "a"), operator.methodcaller("split", "a")]:
        agree(user)
    agree(functools.partial(parse, base=2), ["10", "2"])
    agree(Shout.plain)
    plain = "not a plain Python function"
    for user in [print, Shout, Shout(), functools.lru_cache(double), None, 5]:
        refuse(user, plain)
    refuse(Shout().method, "a bound method")
    refuse(", ".join, "a bound method")
    refuse(Shout.add, "a name without a value", "suffix")
    refuse(recursive, "recursion")
    refuse(generator, "a generator or a coroutine")
    refuse(coroutine, "a generator or a coroutine")
    refuse(lambda *x: x, "parameters that do not fit the call")
    refuse(lambda x, y: x, "parameters that do not fit the call")
    assert front.describe(operator.add, 2)["params"] == ["a0", "a1"]
    assert front.describe(lambda a, b: a + b, 2)["params"] == ["a", "b"]


@pytest.mark.parametrize(
    "user",
    [
        lambda line: {x for x in line},
        lambda line: f"{line!a}",
        lambda line: f"{line:>{len(line)}}",
        lambda line: "%*d" % (len(line), 1),  # noqa: UP031
        lambda line: "%(a)s" % {"a": line},  # noqa: UP031
        lambda line: "%s %s" % (line,),  # noqa: F507, UP031
        lambda line: "{0} {}".format(line, line),  # noqa: F523, F525
        lambda line: "{.real}".format(line),  # noqa: UP032
        lambda line: "{} {}".format(line),  # noqa: F524
        lambda line: "{".format(line),  # noqa: F521
        lambda line: line.split(**{}),
        lambda line: max(*line),
        lambda line: list(x for x in line) if (x for x in line) else 0,
        lambda line: line.suffix,
        lambda line: hash(line),
        lambda line: globals(),
        lambda line: b"bytes",
        lambda line: 1j,
        lambda line: ...,
    ],
)
def test_refused_expressions(user):
    assert front.describe(user)["reason"] in front.REASONS


def test_dicts_and_documents():
    agree(lambda line: {"a": line, **{"b": len(line)}}["a"])
    agree(lambda line: dict(dict(a=line), b=1)["b"])
    agree(lambda line: {w: len(w) for w in line.split() if w})
    agree(lambda line: json.loads(json.dumps({"line": line}))["line"])

    def counted(line):
        counts = {}
        for word in line.split():
            counts[word] = counts.get(word, 0) + 1
        return counts

    def caught(line):
        try:
            return json.loads(line)
        except json.JSONDecodeError:
            return "bad"

    agree(counted)
    agree(caught)
    assert front.describe(json.loads)["body"][0]["v"]["f"]["id"] == "json.loads"
    refuse(lambda line: json.loads(line, parse_float=str), "keyword or star arguments")
    refuse(functools.partial(json.loads, parse_float=str), "keyword or star arguments")
    refuse(lambda line: dict(a=1, **{"a": line}), "keyword or star arguments")


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (json, "_default_decoder", json.JSONDecoder(parse_int=float)),
        (json.JSONDecoder, "decode", lambda self, text: text),
        (json._default_decoder, "scan_once", lambda text, at: (text, len(text))),
        (json.loads, "__kwdefaults__", {"cls": None}),
    ],
)
def test_a_changed_json_is_not_the_library_s(monkeypatch, owner, name, value):
    def user(line):
        return json.loads(line)

    assert front.describe(user)["ok"]
    monkeypatch.setattr(owner, name, value)
    assert not front.describe(user)["ok"]


def test_every_callable_of_the_library_gets_an_answer():
    """Never an exception, whatever it is given; and little time."""
    modules = [textwrap, json, functools, re, importlib.util, linecache, pytest]
    found = [value for module in modules for value in vars(module).values() if callable(value)]
    found += [method for cls in found if type(cls) is type for method in vars(cls).values()]
    for user in found:
        tree = front.describe(user)
        assert tree["ok"] or tree["reason"] in front.REASONS
        assert tree["ok"] or tree["reason"] != "not understood", (user, tree)
        json.dumps(tree)


def test_depth_is_bounded(load):
    module = load("deep = lambda x: " + "(" * 150 + "x" + "+1)" * 150)
    refuse(module.deep, "too large")


def test_it_is_fast():
    agree(accumulate)
    best = min(_timed(accumulate) for _ in range(5))
    assert best < 0.005


def _timed(user):
    begin = time.perf_counter()
    front.describe(user)
    return time.perf_counter() - begin
