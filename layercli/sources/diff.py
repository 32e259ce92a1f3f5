"""Two models of any kind opened and compared: ``layercli.diff(a, b)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from layercli.errors import LayercliError, UsageError
from layercli.inspect.diff import ComparedModel, ModelDiff, Part, diff_models
from layercli.inspect.rename_rules import RenameRule
from layercli.inspect.variable_values import ComputedValues
from layercli.inspect.variables import Variables, check_drawn, unread
from layercli.sources.resolve import open_source
from layercli.sources.source import Source


def diff(
    a: object,
    b: object,
    *,
    only: Part | None = None,
    values: bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    rename: dict[str, str] | Iterable[RenameRule] = (),
) -> ModelDiff:
    """Return how ``b`` differs from ``a``: two models, or what ``layercli.open`` takes.

    ``only`` is ``"structure"``, ``"names"`` or ``"values"``; ``values`` compares values too, which are close where
    ``|a - b| <= atol + rtol * |a|``. ``rename`` maps parts of names in ``a`` to those in ``b``. Raises what ``open`` raises.

    >>> diff("mlp", "mlp").same
    True
    """
    rules = [RenameRule(old, new) for old, new in rename.items()] if isinstance(rename, dict) else list(rename)
    return diff_sources(open_source(a), open_source(b), only=only, values=values, rtol=rtol, atol=atol, rules=rules)


def diff_sources(
    a: Source,
    b: Source,
    *,
    only: Part | None = None,
    values: bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    rules: Iterable[RenameRule] = (),
    shapes: Sequence[str] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> ModelDiff:
    """Return how ``b`` differs from ``a``, both opened; ``shapes`` are those of the inputs, as on the command line."""
    values = values or only == "values"
    mine, theirs = (compared(source, only, shapes) for source in (a, b))
    for side in (mine, theirs):
        if values and not side.holds_values:
            raise UsageError(f"{side.name} holds no values, which --values compares")
        if values:
            check_drawn(side.variables)
    if (
        mine.variables.packed != theirs.variables.packed
    ):  # one is quantized: its weights are matched with what they stand for
        mine.variables, theirs.variables = mine.variables.unpacked(), theirs.variables.unpacked()
    if only == "structure" and (mine.graph is None or theirs.graph is None):
        raise UsageError(f"{(mine if mine.graph is None else theirs).name} does not say of which modules it is made")
    found = diff_models(mine, theirs, only=only, rules=rules, values=values)
    found.notes += [note for source in (a, b) for note in source.notes]
    if values and not found.unrelated:
        from layercli.inspect.value_diff import compare_values

        found.valued = True
        found.notes += unread(side for pair in found.matching.pairs for side in (pair.a, pair.b))
        found.values = compare_values(found.matching.pairs, rtol=rtol, atol=atol, progress=progress)
    return found


def compared(source: Source, only: Part | None, shapes: Sequence[str]) -> ComparedModel:
    """Return what is compared of a source: its graph, where it describes one, and its variables."""
    graph, notes = None, source.notes
    inputs = source.inputs(shapes) if shapes and source.vocabulary else None
    if source.vocabulary and only in (None, "structure"):
        try:
            graph = source.graph(inputs)
        except LayercliError as error:
            if only == "structure":
                raise
            notes.append(f"the modules of {source.name} are not compared: {error}")
    return ComparedModel(source.name, variables_of(source, inputs), graph, source.vocabulary, source.holds_values)


def variables_of(source: Source, inputs: Any) -> Variables:
    """Return the variables of a source, those of a layer in memory with the values that it has."""
    found = source.variables(inputs)
    if not source.in_memory:
        return found
    held = source.model.named_variables()

    rows = [replace(row, values=ComputedValues(held[row.path].numpy)) for row in found.rows]
    return Variables(found.source, rows)
