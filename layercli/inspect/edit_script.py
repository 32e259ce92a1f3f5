"""The edit script between the modules of two models: added, removed, replaced, moved, renamed, and changed arguments.

The children of two matched modules are aligned as two sequences by dynamic programming, as Needleman and Wunsch do, and each
matched pair recursively: an insertion in the middle is one edit, whatever numbers the names after it have.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.inspect.common_subsequence import parts
from layercli.inspect.model_graph import ROOT, ModelGraph

MOVE, REPLACE, RENAME, RENUMBER = 0.5, 1.1, 0.5, 0.01
"""What edits cost beside 1 for an added or removed module or changed arguments; MOVE is either half of a move."""
LARGEST_TABLE = 1 << 18
"""The most cells of the table of an alignment; of longer sequences what is equal is aligned first, then what lies between."""

EditKind = Literal["added", "removed", "replaced", "changed", "moved", "renamed", "rewired"]


@dataclass(frozen=True)
class StructureEdit:
    """One edit of a module, or of an ``operation`` in it: ``a`` and ``b`` are its paths on both sides, None where it is not.

    ``arguments`` maps the names of arguments that changed to their texts on both sides.
    """

    kind: EditKind
    a: str | None
    b: str | None
    class_a: str | None = None
    class_b: str | None = None
    arguments: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    operation: bool = False

    def to_json(self) -> JSONObject:
        """Return the edit as JSON has it."""
        return {
            "edit": self.kind,
            "of": "operation" if self.operation else "module",
            "a": self.a,
            "b": self.b,
            "class_a": self.class_a,
            "class_b": self.class_b,
            "arguments": {name: list(texts) for name, texts in self.arguments.items()},
        }


@dataclass(frozen=True, eq=False)
class ModuleTree:
    """A module with those below it; ``content`` is equal for two that differ in their own names alone."""

    path: str
    name: str
    class_name: str | None
    arguments: Mapping[str, str]
    children: tuple[ModuleTree, ...]
    content: int
    size: int


Matched = tuple[ModuleTree | None, ModuleTree | None]


def module_tree(graph: ModelGraph, *, arguments_compared: bool = True) -> ModuleTree:
    """Return the modules of a graph as a tree; a module that several hold stands below the first.

    Unless ``arguments_compared``, they are left out.
    """
    seen: set[str] = set()

    def tree(path: str) -> ModuleTree:
        seen.add(path)
        node = graph.modules[path]
        children = tuple(tree(child) for child in graph.children.get(path, ()) if child not in seen)
        given = node.arguments if arguments_compared else {}
        arguments = {name: text_of(value) for name, value in given.items() if name != "name"}
        below = tuple((child.name, child.content) for child in children)
        content = hash((node.class_name, tuple(sorted(arguments.items())), below))
        name = path.rpartition("/")[2]
        return ModuleTree(
            path, name, node.class_name, arguments, children, content, 1 + sum(child.size for child in children)
        )

    return tree(ROOT)


def text_of(value: object) -> str:
    """Return an argument as text that is the same in every process.

    >>> text_of(len), text_of([1, "a"]), text_of(object())
    ('len', "[1, 'a']", 'object')
    """
    if isinstance(value, (list, tuple)):
        left, right = "[]" if isinstance(value, list) else "()"
        return left + ", ".join(map(text_of, value)) + right
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {text_of(item)}" for key, item in value.items()) + "}"
    if (name := getattr(value, "__name__", None)) is not None:
        return str(name)
    text = repr(value)
    return type(value).__name__ if " at 0x" in text or len(text) > 200 else text


def structure_edits(a: ModuleTree, b: ModuleTree) -> tuple[list[StructureEdit], dict[str, str]]:
    """Return the edits that turn the modules of ``a`` into those of ``b``, and the paths on both sides of those that stay."""
    found = list(_Alignment().pairs(a, b))
    matched = [(x, y) for x, y in found if x is not None and y is not None]
    moved = list(moves([x for x, y in found if y is None and x], [y for x, y in found if x is None and y]))
    gone = {id(x) for x, _ in moved} | {id(y) for _, y in moved}
    staying = [(x, y) for x, y in matched if x.class_name == y.class_name]
    paths = {x.path: y.path for pair in [*staying, *moved] for x, y in same_below(*pair)}
    edits = [edit for x, y in matched if (edit := edit_of(x, y)) is not None]
    edits += [StructureEdit("moved", x.path, y.path, x.class_name, y.class_name) for x, y in moved]
    for x, y in found:
        if y is None and x is not None and id(x) not in gone:
            edits.append(StructureEdit("removed", x.path, None, class_a=x.class_name))
        elif x is None and y is not None and id(y) not in gone:
            edits.append(StructureEdit("added", None, y.path, class_b=y.class_name))
    return edits, paths


def same_below(x: ModuleTree, y: ModuleTree) -> Iterator[tuple[ModuleTree, ModuleTree]]:
    """Yield a matched pair, and where the two have the same content the pairs below them, which were not aligned."""
    yield x, y
    if x.content == y.content:
        for child, other in zip(x.children, y.children, strict=True):
            yield from same_below(child, other)


def moves(removed: list[ModuleTree], added: list[ModuleTree]) -> Iterator[tuple[ModuleTree, ModuleTree]]:
    """Return each removed module with an added one of the same content, of the same name if there is one."""
    found: dict[int, ModuleTree] = {}
    for named in True, False:
        taken = {id(y) for y in found.values()}
        left: defaultdict[object, list[ModuleTree]] = defaultdict(list)
        for y in reversed(added):
            if id(y) not in taken:
                left[y.content, named and y.name].append(y)
        for x in removed:
            if id(x) not in found and (same := left[x.content, named and x.name]):
                found[id(x)] = same.pop()
    return ((x, found[id(x)]) for x in removed if id(x) in found)


def edit_of(x: ModuleTree, y: ModuleTree) -> StructureEdit | None:
    """Return the edit that turns a module alone, without those below it, into the one it is matched with."""
    classes = x.class_name, y.class_name
    if x.class_name != y.class_name:
        return StructureEdit("replaced", x.path, y.path, *classes)
    if x.arguments != y.arguments:
        names = dict.fromkeys([*x.arguments, *y.arguments])
        pairs = {name: (x.arguments.get(name), y.arguments.get(name)) for name in names}
        return StructureEdit("changed", x.path, y.path, *classes, {k: v for k, v in pairs.items() if v[0] != v[1]})
    if x.path and y.path and without_numbers(x.name) != without_numbers(y.name):
        return StructureEdit("renamed", x.path, y.path, *classes)
    return None


def without_numbers(name: str) -> str:
    """Return a name without the number that tells it from others: an insertion before it changes that."""
    return re.sub(r"_?\d+", "", name)


class _Alignment:
    """Aligns modules and remembers what it cost, as blocks of one kind are compared again and again."""

    def __init__(self) -> None:
        self.costs: dict[tuple[int, int], float] = {}
        self.aligned: dict[tuple[int, int], list[Matched]] = {}

    def pairs(self, a: ModuleTree, b: ModuleTree) -> Iterator[Matched]:
        """Yield the matched pair of two modules and those below, and the subtrees that only one side has."""
        yield a, b
        if a.content == b.content:
            return
        for x, y in self.children(a, b):
            if x is None or y is None:
                yield x, y
            else:
                yield from self.pairs(x, y)

    def children(self, a: ModuleTree, b: ModuleTree) -> list[Matched]:
        """Return how the modules directly below two matched ones are aligned."""
        key = id(a), id(b)
        if key not in self.aligned:
            self.aligned[key] = self.align(list(a.children), list(b.children))
        return self.aligned[key]

    def match(self, x: ModuleTree, y: ModuleTree) -> float:
        """Return the cost of the edits that turn ``x`` into ``y``."""
        key = x.content, y.content
        if key not in self.costs:
            self.costs[key] = 0.0 if x.content == y.content else self.own(x, y) + self.below(x, y)
        if x.name == y.name:
            return self.costs[key]
        if x.class_name != y.class_name:
            return self.costs[key] + RENUMBER
        return self.costs[key] + (RENUMBER if without_numbers(x.name) == without_numbers(y.name) else RENAME)

    def own(self, x: ModuleTree, y: ModuleTree) -> float:
        """Return the cost of what differs in two modules themselves."""
        return REPLACE if x.class_name != y.class_name else float(x.arguments != y.arguments)

    def below(self, x: ModuleTree, y: ModuleTree) -> float:
        """Return the cost of what differs in the modules below."""
        mine, theirs = (Counter(child.content for child in each.children) for each in (x, y))
        return sum(
            self.match(p, q) if p and q else single(p, theirs) if p else single(q, mine) for p, q in self.children(x, y)
        )

    def align(self, xs: list[ModuleTree], ys: list[ModuleTree]) -> list[Matched]:
        """Return the cheapest alignment of two sequences: pairs, where None stands for what one side lacks."""
        start, stop = common_ends(xs, ys)
        inner_x, inner_y = xs[start : len(xs) - stop], ys[start : len(ys) - stop]
        fits = len(inner_x) * len(inner_y) <= LARGEST_TABLE
        middle = self.table(inner_x, inner_y) if fits else self.by_parts(inner_x, inner_y)
        head: list[Matched] = list(zip(xs[:start], ys[:start], strict=True))
        return head + middle + list(zip(xs[len(xs) - stop :], ys[len(ys) - stop :], strict=True))

    def by_parts(self, xs: list[ModuleTree], ys: list[ModuleTree]) -> list[Matched]:
        """Return an alignment of long sequences: what is equal, and what lies between by tables, where those are not large."""
        found: list[Matched] = []
        for equal, mine, theirs in parts([x.content for x in xs], [y.content for y in ys]):
            left, right = xs[mine.start : mine.stop], ys[theirs.start : theirs.stop]
            if equal:
                found += zip(left, right, strict=True)
            elif len(left) * len(right) <= LARGEST_TABLE:
                found += self.table(left, right)
            else:
                found += [(x, None) for x in left]
                found += [(None, y) for y in right]
        return found

    def table(self, xs: list[ModuleTree], ys: list[ModuleTree]) -> list[Matched]:
        """Return the cheapest alignment, from the table of the costs of all beginnings."""
        theirs, mine = Counter(y.content for y in ys), Counter(x.content for x in xs)
        removal, insertion = [single(x, theirs) for x in xs], [single(y, mine) for y in ys]
        costs = [[0.0] * (len(ys) + 1) for _ in range(len(xs) + 1)]
        for i in range(1, len(xs) + 1):
            costs[i][0] = costs[i - 1][0] + removal[i - 1]
        for j in range(1, len(ys) + 1):
            costs[0][j] = costs[0][j - 1] + insertion[j - 1]
        for i, x in enumerate(xs, 1):
            for j, y in enumerate(ys, 1):
                costs[i][j] = min(
                    costs[i - 1][j - 1] + self.match(x, y),
                    costs[i - 1][j] + removal[i - 1],
                    costs[i][j - 1] + insertion[j - 1],
                )
        return self.walk(xs, ys, costs, removal)

    def walk(
        self, xs: list[ModuleTree], ys: list[ModuleTree], costs: list[list[float]], removal: list[float]
    ) -> list[Matched]:
        """Return the alignment that a table of costs tells, from its end to its beginning."""
        found: list[Matched] = []
        i, j = len(xs), len(ys)
        while i or j:
            if i and j and costs[i][j] == costs[i - 1][j - 1] + self.match(xs[i - 1], ys[j - 1]):
                i, j = i - 1, j - 1
                found.append((xs[i], ys[j]))
            elif i and costs[i][j] == costs[i - 1][j] + removal[i - 1]:
                i -= 1
                found.append((xs[i], None))
            else:
                j -= 1
                found.append((None, ys[j]))
        return found[::-1]


def single(x: ModuleTree | None, others: Mapping[int, int]) -> float:
    """Return the cost of a module that stands alone: half a move where the other side has the same one elsewhere."""
    assert x is not None
    return MOVE if others.get(x.content) else float(x.size)


def common_ends(xs: list[ModuleTree], ys: list[ModuleTree]) -> tuple[int, int]:
    """Return how many modules at the beginning, and of the rest at the end, are the same and have the same name."""
    shorter, start, stop = min(len(xs), len(ys)), 0, 0
    while start < shorter and same(xs[start], ys[start]):
        start += 1
    while stop < shorter - start and same(xs[-1 - stop], ys[-1 - stop]):
        stop += 1
    return start, stop


def same(x: ModuleTree, y: ModuleTree) -> bool:
    """Whether two modules are the same, their names included."""
    return x.content == y.content and x.name == y.name
