"""A variable for each use of a name: ``x = float(x)`` begins another one, maybe of another type.

Assignments that no use has in common belong to different variables which happen to have one name.
Which of them reach which uses is found by going through the tree as it would run; what loops and
`try` may do is taken to happen. Called by `front` on the tree of a function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Optional

Node = dict[str, Any]
# By name, the assignments that may have given it its value here; None where nothing gets.
Reaching = Optional[dict[str, frozenset[int]]]

# The number of what a name is when the function begins.
_ENTRY = 0
# Statements that are gone through before it is too much.
_MOST_STEPS = 20_000


class _TooMuch(Exception):
    pass


def split(
    body: list[Node], params: list[str], scope: int, new_name: Callable[[str], str]
) -> list[str]:
    """Rename variables in a tree, in place, so that each has a name of its own.

    Parameters
    ----------
    body : list of dict
        The statements of a function.
    params : list of str
        Its parameters.
    scope : int
        The number by which functions within it name it.
    new_name : callable
        Makes a name that nothing else has.

    Returns
    -------
    list of str
        The new names.
    """
    times = Counter(params)
    times.update(target["id"] for target in _targets(body))
    several = {name for name, count in times.items() if count > 1 and "." not in name}
    names = several - set(_seen_elsewhere(body, scope))
    if not names:
        return []
    webs = _Webs(names)
    try:
        webs.block(body, {name: frozenset([_ENTRY]) for name in names})
    except _TooMuch:
        return []
    return webs.rename(params, new_name)


class _Loop:
    """An enclosing loop: what reaches its next pass, and what comes after it, by other ways."""

    def __init__(self) -> None:
        self.next: list[Reaching] = []
        self.exit: list[Reaching] = []


class _Webs:
    """The assignments to some names in a function, and which of them are to one variable."""

    def __init__(self, names: set[str]):
        self._names = names
        self._steps = 0
        self._targets: list[Node] = []
        self._numbers: dict[int, int] = {}
        self._uses: dict[int, tuple[Node, int]] = {}
        # By name and assignment, another one to the same variable.
        self._same: dict[tuple[str, int], int] = {}
        self._from_entry: set[str] = set()
        self._loops: list[_Loop] = []

    def block(self, statements: list[Node], reaching: Reaching) -> Reaching:
        """Go through statements; return what reaches what comes behind them."""
        for statement in statements:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise _TooMuch
            if reaching is None:
                return None
            reaching = self._statement(statement, reaching)
        return reaching

    def rename(self, params: list[str], new_name: Callable[[str], str]) -> list[str]:
        """Name the variables; the first of a name keeps it. Return the new names."""
        names = {
            (name, self._first(name, _ENTRY)): name
            for name in self._names
            if name in params or name in self._from_entry
        }
        taken, made = {name for name, _ in names}, []
        for number, target in enumerate(self._targets, 1):
            name = target["id"]
            variable = (name, self._first(name, number))
            if variable not in names:
                names[variable] = new_name(name) if name in taken else name
                made += [names[variable]] if name in taken else []
                taken.add(name)
        found = [*self._uses.values(), *((t, n) for n, t in enumerate(self._targets, 1))]
        changed = [(node, names[node["id"], self._first(node["id"], n)]) for node, n in found]
        for node, name in changed:
            node["id"] = name
        return made

    def _first(self, name: str, number: int) -> int:
        while (name, number) in self._same:
            number = self._same[name, number]
        return number

    def _join(self, name: str, numbers: frozenset[int]) -> int:
        """Make assignments ones to the same variable; return one of them."""
        first, *rest = sorted({self._first(name, number) for number in numbers})
        for other in rest:
            self._same[name, other] = first
        return first

    def _use(self, node: Node, reaching: dict[str, frozenset[int]]) -> None:
        name = node["id"]
        numbers = reaching[name]
        if _ENTRY in numbers:
            self._from_entry.add(name)
        self._uses[id(node)] = (node, self._join(name, numbers))

    def _read(self, tree: Any, reaching: dict[str, frozenset[int]]) -> None:
        for node in _expressions(tree):
            if node["e"] == "name" and node["id"] in self._names:
                self._use(node, reaching)

    def _set(self, target: Node, reaching: dict[str, frozenset[int]]) -> dict[str, frozenset[int]]:
        """What reaches behind an assignment; the parts of a target are set one after the other."""
        kind = target["t"]
        if kind == "name" and target["id"] not in self._names:
            return reaching
        if kind == "name":
            return {**reaching, target["id"]: frozenset([self._number(target)])}
        if kind == "item":
            self._read([target["o"], target["i"]], reaching)
            return reaching
        for part in target["v"] if kind == "tuple" else [target["v"]]:
            reaching = self._set(part, reaching)
        return reaching

    def _number(self, target: Node) -> int:
        if id(target) not in self._numbers:
            self._targets.append(target)
            self._numbers[id(target)] = len(self._targets)
        return self._numbers[id(target)]

    def _statement(self, node: Node, reaching: dict[str, frozenset[int]]) -> Reaching:
        kind = node["s"]
        if kind == "if":
            self._read(node["c"], reaching)
            return _both(self.block(node["a"], reaching), self.block(node["b"], reaching))
        if kind in ("for", "while"):
            return self._loop(node, reaching)
        if kind == "try":
            return self._try(node, reaching)
        if kind == "aug" and node["id"] in self._names:
            self._read(node["v"], reaching)
            # It is read and set.
            self._use(node, reaching)
            self._join(node["id"], reaching[node["id"]] | {self._number(node)})
            return {**reaching, node["id"]: frozenset([self._number(node)])}
        self._read([value for key, value in node.items() if key != "t"], reaching)
        if kind == "assign":
            return self._set(node["t"], reaching)
        if kind in ("break", "continue"):
            loop = self._loops[-1]
            (loop.exit if kind == "break" else loop.next).append(reaching)
        return None if kind in ("break", "continue", "return", "raise", "deopt") else reaching

    def _loop(self, node: Node, reaching: dict[str, frozenset[int]]) -> Reaching:
        walks = node["s"] == "for"
        if walks:
            self._read(node["iter"], reaching)
        head: Reaching = reaching
        while True:
            loop = _Loop()
            self._loops.append(loop)
            if not walks:
                self._read(node["c"], head or {})
            begin = self._set(node["t"], head or {}) if walks else head
            again = self.block(node["body"], begin)
            self._loops.pop()
            for each in (again, *loop.next):
                again = _both(again, each)
            after = _both(head, again)
            if after == head:
                break
            head = after
        behind = self.block(node["else"], head)
        for each in loop.exit:
            behind = _both(behind, each)
        return behind

    def _try(self, node: Node, reaching: dict[str, frozenset[int]]) -> Reaching:
        """An error may come behind any assignment; so may what runs on every way out."""
        caught = self._with_all(reaching, node["body"])
        done = self.block(node["else"], self.block(node["body"], reaching))
        for handler in node["handlers"]:
            done = _both(done, self.block(handler["body"], caught))
        if not node["final"]:
            return done
        inner = [*node["body"], *node["else"], *(s for h in node["handlers"] for s in h["body"])]
        behind = self.block(node["final"], self._with_all(reaching, inner))
        return None if done is None else behind

    def _with_all(
        self, reaching: dict[str, frozenset[int]], statements: list[Node]
    ) -> dict[str, frozenset[int]]:
        found = dict(reaching)
        for target in _targets(statements):
            name = target["id"]
            if name in self._names:
                found[name] = found[name] | {self._number(target)}
        return found


def _both(one: Reaching, other: Reaching) -> Reaching:
    if one is None or other is None:
        return one if other is None else other
    return {name: numbers | other[name] for name, numbers in one.items()}


def _targets(tree: Any) -> Iterator[Node]:
    """Yield the nodes that set a variable of this function, those in expressions too."""
    if isinstance(tree, list):
        for item in tree:
            yield from _targets(item)
    elif isinstance(tree, dict) and tree.get("e") != "func":
        if tree.get("t") == "name" or tree.get("s") == "aug" or tree.get("e") == "walrus":
            yield tree
        for value in tree.values():
            yield from _targets(value)


def _expressions(tree: Any) -> Iterator[Node]:
    """Yield the nodes of expressions, without those of functions within."""
    if isinstance(tree, list):
        for item in tree:
            yield from _expressions(item)
    elif isinstance(tree, dict) and tree.get("e") != "func":
        if "e" in tree:
            yield tree
        for value in tree.values():
            yield from _expressions(value)


def _seen_elsewhere(tree: Any, scope: int) -> Iterator[str]:
    """Yield the names that functions within read, and those set within expressions or `finally`."""
    if isinstance(tree, list):
        for item in tree:
            yield from _seen_elsewhere(item, scope)
    elif isinstance(tree, dict):
        if tree.get("e") == "outer" and tree["scope"] == scope:
            yield tree["id"]
        if tree.get("e") == "walrus":
            yield tree["id"]
        if tree.get("s") == "try":
            yield from (target["id"] for target in _targets(tree["final"]))
        for value in tree.values():
            yield from _seen_elsewhere(value, scope)
