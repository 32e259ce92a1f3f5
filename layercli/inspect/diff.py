"""The difference of two models as data: structure, variables, values, totals. Every view of ``layercli diff`` reads this."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from layercli.core.backend import get_backend
from layercli.dataclass import dataclass
from layercli.formats.stored import is_quantized
from layercli.inspect.edit_script import StructureEdit
from layercli.inspect.layouts import show_order
from layercli.inspect.operation_edits import graph_edits
from layercli.inspect.rename_rules import RenameRule
from layercli.inspect.variable_matching import VariableMatching, VariablePair, match_variables

if TYPE_CHECKING:
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.value_diff import ValueDiff
    from layercli.inspect.variables import Variables

Part = Literal["structure", "names", "values"]


@dataclass
class ComparedModel:
    """One side: its variables, and its graph where it says what it computes, in the words of ``vocabulary``."""

    name: str
    variables: Variables
    graph: ModelGraph | None = None
    vocabulary: str = ""
    holds_values: bool = True

    def totals(self) -> dict[str, Any]:
        """Return parameters, buffers included, bytes and MACs; None for what is not known."""
        buffers = self.variables.buffers
        macs = None if self.graph is None or self.graph.incomplete else self.graph.macs()
        return {
            "parameters": self.variables.parameters + buffers[0],
            "bytes": self.variables.bytes + buffers[1],
            "macs": macs if macs is None or isinstance(macs, int) else str(macs),
        }


@dataclass
class ModelDiff:
    """How ``b`` differs from ``a``. ``only`` is the part that was asked for; ``values`` maps names in ``a`` to results.

    ``unrelated`` is True for two models that have no variable and no module in common.
    """

    a: ComparedModel
    b: ComparedModel
    edits: list[StructureEdit] = field(default_factory=list)
    matching: VariableMatching = field(default_factory=VariableMatching)
    values: dict[str, ValueDiff] = field(default_factory=dict)
    tied: list[tuple[str, ...]] = field(default_factory=list)
    untied: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    only: Part | None = None
    valued: bool = False
    unrelated: bool = False

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)

    @property
    def same(self) -> bool:
        """Whether nothing counts as a difference.

        Other names, another order of axes and a tied variable that is stored once or twice do not count; nor does a cast
        whose values were compared and are all equal.
        """
        return not (self.unrelated or self.counted_edits or self.different or self.matching.added or self.removed)

    @property
    def counted_edits(self) -> list[StructureEdit]:
        """The edits of the structure, but for names."""
        return [edit for edit in self.edits if edit.kind != "renamed"]

    @property
    def removed(self) -> list[Any]:
        """The variables that only ``a`` has."""
        return self.matching.removed

    @property
    def different(self) -> list[VariablePair]:
        """The matched variables that differ in shape, dtype or values."""
        return [pair for pair in self.matching.pairs if self.counts(pair)]

    @property
    def worst_first(self) -> list[str]:
        """The names in ``a`` of the variables whose values differ, the largest relative difference first."""
        apart = {name: found.relative for name, found in self.values.items() if not found.equal}
        return sorted(apart, key=lambda name: -math.inf if math.isnan(apart[name]) else -apart[name])

    def counts(self, pair: VariablePair) -> bool:
        """Whether a matched variable differs by more than its name and the order of its axes."""
        found = self.values.get(pair.a.path)
        if found is not None and not pair.reshaped:
            return not found.close
        return (pair.reshaped or pair.cast) and self.only != "structure"

    def changes(self, pair: VariablePair) -> list[str]:
        """Return what differs in a matched variable, in words, but for its name and values."""
        found = []
        if pair.reshaped:
            found.append("reshaped" if pair.a.parameters == pair.b.parameters else "other shape")
        if pair.layout and pair.order is not None:
            found.append(show_order(pair.order))
        if pair.cast:
            quantized = is_quantized(pair.b.dtype) and not is_quantized(pair.a.dtype)
            found.append(f"{'quantized' if quantized else 'cast'} {pair.a.dtype} -> {pair.b.dtype}")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the document that ``layercli diff --format json`` prints."""
        from layercli.inspect.diff_verdict import verdict

        return {
            "schema": "layercli.diff/1",
            "a": self.a.name,
            "b": self.b.name,
            "same": self.same,
            "verdict": verdict(self),
            "unrelated": self.unrelated,
            "structure": [edit.to_json() for edit in self.edits],
            "variables": {
                "matched": [self.pair_json(pair) for pair in self.matching.pairs],
                "removed": [row_json(row) for row in self.matching.removed],
                "added": [row_json(row) for row in self.matching.added],
                "tied": [list(paths) for paths in self.tied],
                "untied": [list(paths) for paths in self.untied],
            },
            "rules": [{"old": rule.old, "new": rule.new, "count": rule.count} for rule in self.matching.rules],
            "totals": {"a": self.a.totals(), "b": self.b.totals()},
            "notes": self.notes,
        }

    def pair_json(self, pair: VariablePair) -> dict[str, object]:
        """Return a matched variable as JSON has it."""
        found = self.values.get(pair.a.path)
        return {
            "a": pair.a.path,
            "b": pair.b.path,
            "matched_by": pair.how,
            "shape_a": list(pair.a.shape),
            "shape_b": list(pair.b.shape),
            "order": None if pair.order is None else list(pair.order),
            "dtype_a": pair.a.dtype,
            "dtype_b": pair.b.dtype,
            "different": self.counts(pair),
            **({} if found is None else {"values": found.to_json()}),
        }


def row_json(row: Any) -> dict[str, object]:
    """Return a variable that one side has as JSON has it."""
    return {"path": row.path, "shape": list(row.shape), "dtype": row.dtype}


def diff_models(
    a: ComparedModel,
    b: ComparedModel,
    *,
    only: Part | None = None,
    rules: Iterable[RenameRule] = (),
    values: bool = False,
) -> ModelDiff:
    """Return how ``b`` differs from ``a`` in structure and variables; their values are compared by ``compare_values``."""
    found = ModelDiff(a, b, only=only)
    paths = compare_structure(found)
    samples = a.holds_values and b.holds_values and (values or not paths)
    found.matching = match_variables(
        a.variables.rows, b.variables.rows, modules=paths, rules=rules, values=samples and only != "structure"
    )
    forget_ties(found)
    held = a.variables.rows and b.variables.rows
    found.unrelated = bool(held) and not found.matching.pairs and not any(paths)
    return found


def compare_structure(found: ModelDiff) -> Mapping[str, str]:
    """Find the edits of the modules where both sides describe them in the same words; return which are matched."""
    a, b = found.a, found.b
    if a.graph is None or b.graph is None or a.vocabulary != b.vocabulary:
        if a.graph is not None or b.graph is not None:
            found.notes.append(why_no_structure(a, b))
        return {}
    edits, paths = graph_edits(a.graph, b.graph)
    if a.graph.arguments_known != b.graph.arguments_known:
        unknown = b if a.graph.arguments_known else a
        found.notes.append(f"the arguments of modules are not compared: {unknown.name} does not hold them")
    if found.only in (None, "structure"):
        found.edits = edits
    return paths


def why_no_structure(a: ComparedModel, b: ComparedModel) -> str:
    """Return why the modules of two sides are not compared."""
    if a.graph is not None and b.graph is not None:
        return f"modules are not compared: {a.name} has {a.vocabulary}, {b.name} {b.vocabulary}"
    weights = a if a.graph is None else b
    return f"modules are not compared: {weights.name} says nothing of what is computed"


def forget_ties(found: ModelDiff) -> None:
    """Take variables that only one side has, as it stores a tied one twice, out of the added and removed ones."""
    pairs = {pair.a.path: pair.b.path for pair in found.matching.pairs}
    back = {y: x for x, y in pairs.items()}
    removed, found.matching.removed = found.matching.removed, []
    for row in removed:
        if row.same_as is not None and row.same_as in pairs:
            found.untied.append((row.same_as, row.path))
        else:
            found.matching.removed.append(row)
    added, found.matching.added = found.matching.added, []
    for row in added:
        if row.same_as is not None and row.same_as in back:
            found.tied.append((row.same_as, row.path))
        else:
            found.matching.added.append(row)
    for pair in found.matching.pairs:
        mine = pairs.get(pair.a.same_as or "")
        if pair.a.same_as is not None and pair.b.same_as is None and mine is not None:
            found.untied.append((pair.a.same_as, pair.a.path))
        elif pair.a.same_as is None and pair.b.same_as is not None:
            found.tied.append((pair.b.same_as, pair.b.path))
