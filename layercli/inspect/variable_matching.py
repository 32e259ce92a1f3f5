"""Which variable of one model is which of another, from strict to loose: the name, a rule, the module, values, the shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from difflib import SequenceMatcher
from functools import cache
from math import prod
from typing import Literal

from layercli.dataclass import dataclass
from layercli.inspect.layouts import Order, is_identity, orders
from layercli.inspect.rename_rules import RenameRule, renamed, rules_of, spans
from layercli.inspect.value_samples import ValueSamples
from layercli.inspect.variables import VariableRow

How = Literal["name", "rule", "module", "value", "shape"]
ROLES = {
    **dict.fromkeys(("weight", "kernel", "gamma", "embeddings", "scale", "w"), "weight"),
    **dict.fromkeys(("bias", "beta", "b"), "bias"),
    **dict.fromkeys(("running_mean", "moving_mean", "mean"), "mean"),
    **dict.fromkeys(("running_var", "moving_variance", "var"), "variance"),
}
"""What the last component of a name says of a variable, in the words of several frameworks."""
LEAST_SHARE = 0.5
"""Two models of which no name fits are matched by shape only where that explains this share of their parameters."""
MOST_PAIRS = 200_000
CONTRADICTED = 0.3
"""A cosine of samples below which values speak against a pair that shapes alone suggest."""


@dataclass(slots=True)
class VariablePair:
    """A variable on both sides, found by ``how``; ``order`` is that of the axes: ``b = a.transpose(order)``.

    ``order`` is None where the shapes differ otherwise.
    """

    a: VariableRow
    b: VariableRow
    how: How
    order: Order | None = None

    @property
    def renamed(self) -> bool:
        """Whether the two have other names."""
        return self.a.path != self.b.path

    @property
    def layout(self) -> bool:
        """Whether the axes have another order."""
        return self.order is not None and not is_identity(self.order)

    @property
    def reshaped(self) -> bool:
        """Whether the shapes differ in more than the order of the axes."""
        return self.order is None

    @property
    def cast(self) -> bool:
        """Whether the dtypes differ."""
        return self.a.dtype != self.b.dtype


@dataclass
class VariableMatching:
    """The variables that both have, those that one has, and the rules that the names show."""

    pairs: list[VariablePair] = field(default_factory=list)
    removed: list[VariableRow] = field(default_factory=list)
    added: list[VariableRow] = field(default_factory=list)
    rules: list[RenameRule] = field(default_factory=list)


def match_variables(
    a: Iterable[VariableRow],
    b: Iterable[VariableRow],
    *,
    modules: Mapping[str, str] | None = None,
    rules: Iterable[RenameRule] = (),
    values: bool = False,
) -> VariableMatching:
    """Return which variables of ``a`` are which of ``b``.

    ``modules`` maps paths of modules of ``a`` to those they are matched with; ``rules`` are tried first. ``values`` says that
    a few values of both may be read where names and shapes leave a choice.
    """
    matcher = _Matcher(list(a), list(b), values)
    if modules:
        matcher.by_name("module", lambda name: moved(name, modules))
    matcher.by_name("name", lambda name: name)
    matcher.by_name("rule", lambda name: renamed(name, rules))
    matcher.by_name("name", lambda name: name.replace("/", "."), both=True)
    matcher.by_names_alike()
    return matcher.result()


def moved(name: str, modules: Mapping[str, str]) -> str:
    """Return the name that a variable has in the module which its own is matched with."""
    path, separator, key = re.fullmatch(r"(?s)(?:(.*)([./]))?([^./]*)", name).groups("")  # type: ignore[union-attr]  # matches any text
    module = modules.get(path.replace(".", "/"))
    if module is None or not separator:
        return "" if module is None else name
    return f"{module.replace('/', separator)}{separator}{key}".lstrip("./")


class _Matcher:
    """What is not matched yet, in the order of the files, and the pairs found."""

    def __init__(self, a: list[VariableRow], b: list[VariableRow], values: bool) -> None:
        self.a = {row.path: row for row in a}
        self.b = {row.path: row for row in b}
        self.places = {row.path: i for i, row in enumerate(a)}
        self.samples = ValueSamples() if values else None
        self.pairs: list[VariablePair] = []
        self.loose = False

    def add(self, x: VariableRow, y: VariableRow, how: How) -> None:
        """Match two."""
        found = orders(x.shape, y.shape)
        self.pairs.append(VariablePair(x, y, how, found[0] if found else None))
        del self.a[x.path], self.b[y.path]

    def by_name(self, how: How, change: Callable[[str], str], *, both: bool = False) -> None:
        """Match those whose name, changed so, is a name on the other side, changed too if ``both``."""
        theirs: dict[str, list[VariableRow]] = {}
        for y in self.b.values():
            theirs.setdefault(change(y.path) if both else y.path, []).append(y)
        for x in list(self.a.values()):
            found = theirs.get(change(x.path))
            if found:
                self.add(x, y := found.pop(0), "name" if x.path == y.path else how)

    def by_names_alike(self) -> None:
        """Match the rest by shapes, from strict to loose, and of those that fit by values and by names."""
        self.known = bool(self.pairs)
        start = len(self.pairs)
        for signature in (with_numbers, sorted_shape, squeezed_shape):
            self.in_groups(signature)
        if not self.known and not self.plausible():
            for pair in self.pairs[start:]:
                self.a[pair.a.path], self.b[pair.b.path] = pair.a, pair.b
            del self.pairs[start:]

    def plausible(self) -> bool:
        """Whether pairs found without a name explain enough of both models to be no coincidence."""
        if any(pair.how == "value" and pair.a.parameters > 8 for pair in self.pairs):
            return True
        held = sum(pair.a.parameters for pair in self.pairs)
        rest = [sum(row.parameters for row in side.values()) for side in (self.a, self.b)]
        return held > LEAST_SHARE * (held + max(rest))

    def in_groups(self, signature: Callable[[VariableRow], object]) -> None:
        """Match within groups of one signature, the best pairs first."""
        groups: dict[object, tuple[list[VariableRow], list[VariableRow]]] = {}
        for side, rows in enumerate((self.a, self.b)):
            for row in rows.values():
                groups.setdefault(signature(row), ([], []))[side].append(row)
        for xs, ys in groups.values():
            if xs and ys and len(xs) * len(ys) <= MOST_PAIRS:
                self.in_group(xs, ys)

    def in_group(self, xs: list[VariableRow], ys: list[VariableRow]) -> None:
        """Match what may fit each other, the best pairs first; of equally good ones those in the same place of the order."""
        scored = []
        ranks = [{row.path: i for i, row in enumerate(rows)} for rows in (xs, ys)]
        alone = len(xs) == len(ys) == 1
        for x in xs:
            for y in ys:
                alike = likeness(without_digits(x.path), without_digits(y.path))
                agreement = self.agreement(x, y) if alike >= 0 else 0.0
                if alike < 0 or (agreement < CONTRADICTED and agreement and not alone):
                    continue
                apart = abs(ranks[0][x.path] - ranks[1][y.path])
                scored.append((-(2.0 * (agreement > 1)) - alike, apart, x, y, agreement))
        for _, _, x, y, agreement in sorted(scored, key=lambda found: found[:2]):
            if x.path in self.a and y.path in self.b:
                self.add(x, y, "value" if agreement > 1 else "shape")

    def agreement(self, x: VariableRow, y: VariableRow) -> float:
        """Return how well samples of the values agree in the best order of axes; 0 if that is unknown."""
        if self.samples is None:
            return 0.0
        return max((self.samples.agreement(x, y, order) for order in orders(x.shape, y.shape)[:2]), default=0.0)

    def result(self) -> VariableMatching:
        """Return what was found, its layouts settled and its rules named."""
        self.pairs.sort(key=lambda pair: self.places[pair.a.path])
        self.settle_layouts()
        rules = rules_of((pair.a.path, pair.b.path) for pair in self.pairs if pair.renamed and pair.how != "module")
        shown = {rule for rule in rules if rule.count > 1}
        known = {(rule.old, rule.new): (place, rule) for place, rule in enumerate(rules)}
        for pair in self.pairs if rules else ():
            own = shown_in(pair, known)
            if own and shown.issuperset(own) and renamed(pair.a.path, own) == pair.b.path:
                pair.how = "rule"
        return VariableMatching(self.pairs, list(self.a.values()), list(self.b.values()), rules)

    def settle_layouts(self) -> None:
        """Where shapes allow several orders of axes, take the one of the values, else the one that most others have."""
        usual: dict[int, Counted] = {}
        for pair in self.pairs:
            found = orders(pair.a.shape, pair.b.shape)
            if len(found) == 1 and len(pair.a.shape) > 1:
                usual.setdefault(len(pair.a.shape), Counted()).add(found[0])
        for pair in self.pairs:
            found = orders(pair.a.shape, pair.b.shape)
            if len(found) < 2 or (pair.how == "name" and is_identity(found[0]) and len(pair.a.shape) not in usual):
                continue
            if len(pair.a.shape) in usual and (most := usual[len(pair.a.shape)].most()) in found:
                pair.order = most
            if self.samples is not None and self.samples.agreement(pair.a, pair.b, pair.order or found[0]) <= 1:
                equal = [order for order in found[:4] if self.samples.agreement(pair.a, pair.b, order) > 1]
                pair.order = equal[0] if equal else pair.order


class Counted(dict[Order, int]):
    """How often each order of axes was seen."""

    def add(self, order: Order) -> None:
        """Count one more."""
        self[order] = self.get(order, 0) + 1

    def most(self) -> Order:
        """Return the one seen most often."""
        return max(self, key=lambda order: self[order])


def shown_in(pair: VariablePair, rules: Mapping[tuple[str, str], tuple[int, RenameRule]]) -> list[RenameRule]:
    """Return the rules, out of all with their places, that the two names of a pair show, in their order."""
    shown = set(spans(pair.a.path, pair.b.path))
    return [rule for _, rule in sorted((rules[span] for span in shown if span in rules), key=lambda each: each[0])]


def with_numbers(row: VariableRow) -> object:
    """Return the shape in any order of axes, and the numbers in the name: of the layer, of the block."""
    return sorted_shape(row), tuple(re.findall(r"\d+", re.sub(r"vars/\d+$", "", row.path)))


def sorted_shape(row: VariableRow) -> object:
    """Return the shape in any order of axes."""
    return tuple(sorted(row.shape))


def squeezed_shape(row: VariableRow) -> object:
    """Return the number of values, for variables of more than one axis."""
    return prod(row.shape), sum(size > 1 for size in row.shape) > 1


def without_digits(name: str) -> str:
    """Return a name without its numbers, so that the blocks of a model have one."""
    return re.sub(r"\d+", "", name)


@cache
def likeness(a: str, b: str) -> float:
    """Return how alike two names are, from 0 to 1.5; -1 where their last components say that they are other things."""
    mine, theirs = re.split(r"[./_]", a.lower()), re.split(r"[./_]", b.lower())
    roles = ROLES.get(last(a)), ROLES.get(last(b))
    if roles[0] and roles[1] and roles[0] != roles[1]:
        return -1.0
    different = [(x, y) for x, y in zip(reversed(mine), reversed(theirs), strict=False) if x != y]
    initials = {x[:1] for x in mine} - {""}, {y[:1] for y in theirs} - {""}
    shared = len(initials[0] & initials[1]) / max(1, len(initials[0] | initials[1]))
    first = 0.25 if different and different[0][0][:1] == different[0][1][:1] else 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio() + 0.25 * shared + first


def last(name: str) -> str:
    """Return the last component of a name."""
    return re.split(r"[./]", name)[-1]
