"""Which variables of a table are shown, in which order, and rolled up to which depth."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest
from layercli.formats.json_numbers import json_number
from layercli.inspect.statistics import Statistics, TensorMoments
from layercli.inspect.variables import APART, STATISTICS, VariableRow, Variables, natural

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "==": operator.eq, "<": operator.lt, ">": operator.gt,
    "=": operator.eq,
}  # fmt: skip
NUMBERS = ("size", "bytes", "rank", *STATISTICS)
TEXTS = ("name", "dtype", "initializer", "trainable", "kind")
"""The keys of a variable that can be compared and sorted by."""

ALIASES = {"path": "name", "parameters": "size"}
"""The names of columns that are a key too."""


@dataclass(frozen=True)
class Condition:
    """A comparison of a key of a variable with a number or a text."""

    key: str
    symbol: str
    value: float | str

    def holds(self, row: VariableRow) -> bool:
        """Whether it holds; of what is not known nothing does."""
        found = value_of(row, self.key)
        return found is not None and OPERATORS[self.symbol](found, self.value)


def key_of(name: str) -> str:
    """Return the key of that name; UsageError if there is none."""
    key = ALIASES.get(name, name)
    if key not in (*NUMBERS, *TEXTS):
        raise UsageError(f"a variable has no {name!r}", hint=nearest(name, [*NUMBERS, *TEXTS], "its properties"))
    return key


def value_of(row: VariableRow, key: str) -> Any:
    """Return what is known of a variable, or None."""
    match key:
        case "name":
            return row.path
        case "size":
            return row.parameters
        case "rank":
            return len(row.shape)
        case "trainable":
            return None if row.trainable is None else "yes" if row.trainable else "no"
        case _ if key in STATISTICS:
            return getattr(row.statistics, key, None)
    return getattr(row, key)


def conditions_of(texts: Iterable[str]) -> list[Condition]:
    """Return the conditions that texts state, each with ``and`` between; nothing in them is executed.

    >>> conditions_of(["nonfinite>0 and dtype=float16"])
    [Condition(key='nonfinite', symbol='>', value=0.0), Condition(key='dtype', symbol='=', value='float16')]
    """
    return [condition_of(each) for text in texts for each in re.split(r"\s+and\s+", text)]


def condition_of(text: str) -> Condition:
    """Return the condition that a text states: a key, an operator, a number or a word."""
    found = re.fullmatch(r"\s*([a-z_]+)\s*(<=|>=|!=|==|<|>|=)\s*(\S+)\s*", text)
    if found is None:
        raise UsageError(f"cannot read the condition {text!r}", hint="as in: --where 'nonfinite>0 and size>=1e6'")
    key, symbol, word = key_of(found[1]), found[2], found[3]
    if key in TEXTS:
        if symbol not in ("=", "==", "!="):
            raise UsageError(f"{found[1]} is a text: compare it with = or !=, not {symbol}")
        return Condition(key, symbol, word)
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise UsageError(f"{found[1]} is compared with a number, got {word!r}")
    return Condition(key, symbol, number)


def measures(conditions: Iterable[Condition], sort: str | None) -> bool:
    """Whether statistics of values are asked for."""
    return any(key in STATISTICS for key in (*(each.key for each in conditions), sort))


def where(variables: Variables, conditions: list[Condition]) -> Variables:
    """Return the variables for which all conditions hold."""
    rows = [row for row in variables.rows if all(each.holds(row) for each in conditions)]
    return replace(variables, rows=rows)


def ordered(variables: Variables, key: str) -> Variables:
    """Return the variables by a key: numbers from the greatest on, texts by the alphabet, numbers within names as such."""
    return replace(variables, rows=sorted(variables.rows, key=lambda row: place_of(value_of(row, key), key)))


def place_of(found: Any, key: str) -> Any:
    """Return what sorts values of a key; what is not known comes last."""
    if found is None:
        return (1, 0, "")
    return (0, -found, "") if key in NUMBERS else (0, 0, natural(str(found)))


def ordered_groups(groups: list[VariableGroup], key: str) -> list[VariableGroup]:
    """Return the modules by a key, as variables are."""

    def place(group: VariableGroup) -> Any:
        held = {"size": group.parameters, "bytes": group.bytes, "name": group.path, "dtype": " ".join(group.dtypes)}
        return place_of(held.get(key, getattr(group.statistics, key, None)), key)

    return sorted(groups, key=place)


@dataclass
class VariableGroup:
    """The variables of one module, rolled up; statistics are of all their values together."""

    path: str
    variables: int
    parameters: int
    bytes: int
    dtypes: tuple[str, ...]
    statistics: Statistics | None = None

    def to_json(self) -> JSONObject:
        """Return the group as JSON data."""
        document = {**asdict(self), "dtypes": list(self.dtypes)}
        del document["statistics"]
        if self.statistics is not None:
            found = asdict(self.statistics)
            document["statistics"] = {name: json_number(found[name]) for name in STATISTICS}
        return document


def rolled_up(variables: Variables, depth: int) -> list[VariableGroup]:
    """Return a group for the variables of each module down to ``depth`` levels, in the order of the variables.

    A variable that shares the values of an earlier one counts among the variables, not in sizes.
    """
    rows: dict[str, list[VariableRow]] = {}
    for row in variables.rows:
        rows.setdefault(module_of(row.path, depth), []).append(row)
    seen: set[str] = set()
    return [group_of(path, found, seen) for path, found in rows.items()]


def module_of(path: str, depth: int) -> str:
    """Return the module that holds a variable, at most ``depth`` levels deep; a variable of no module is its own.

    >>> module_of("encoder.0.attn.weight", 2), module_of("head.weight", 2), module_of("scale", 1)
    ('encoder.0', 'head', 'scale')
    """
    ends = [found.start() for found in re.finditer(r"[./]", path)]
    return path[: ends[min(depth, len(ends)) - 1]] if ends else path


def group_of(path: str, rows: list[VariableRow], seen: set[str]) -> VariableGroup:
    """Return the group of these variables; ``seen`` are those that are counted already."""
    counted = []
    for row in rows:
        if (name := row.same_as or row.path) not in seen:
            seen.add(name)
            counted.append(row)
    dtypes = tuple(dict.fromkeys(row.dtype for row in rows))
    size = sum(row.parameters for row in counted if row.kind not in APART)
    held = sum(row.bytes for row in counted)
    measured = [row.statistics for row in rows if row.statistics is not None]
    return VariableGroup(path, len(rows), size, held, dtypes, merged(measured) if measured else None)


def merged(found: list[Statistics]) -> Statistics:
    """Return the statistics of all the values that each of ``found`` is of."""
    moments = TensorMoments()
    for each in found:
        if each.mean is not None and each.std is not None:
            count = each.count - each.nonfinite
            moments = moments.merge(TensorMoments(count, each.mean, each.std**2 * count))
    known = bool(moments.count)
    return Statistics(
        minimum=min((each.minimum for each in found if each.minimum is not None), default=None),
        maximum=max((each.maximum for each in found if each.maximum is not None), default=None),
        mean=moments.mean if known else None,
        std=math.sqrt(moments.squares / moments.count) if known else None,
        zeros=sum(each.zeros for each in found),
        nonfinite=sum(each.nonfinite for each in found),
        count=sum(each.count for each in found),
    )
