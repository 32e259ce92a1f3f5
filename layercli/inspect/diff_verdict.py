"""The difference of two models in one sentence."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from layercli.formats.stored import is_quantized

if TYPE_CHECKING:
    from layercli.inspect.diff import ModelDiff
    from layercli.inspect.value_diff import ValueDiff
    from layercli.inspect.variable_matching import VariablePair

FINE_TUNED = 0.5
"""The share of their norm that values change by when a model is trained on, and more when it is another one."""


def verdict(diff: ModelDiff) -> str:
    """Return the answer in one sentence: the same, or what differs."""
    if diff.unrelated:
        return "different: nothing in common, no module and no variable of one is in the other"
    if diff.same:
        parts = [part for part in (compared(diff), asides(diff)) if part]
        return f"same: {'; '.join(parts)}"
    kinds = [part for part in (structure(diff), variables(diff), differences(diff)) if part]
    return f"different: {'; '.join(kinds)}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "variable"), count(1200, "variable")
    ('1 variable', '1,200 variables')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def compared(diff: ModelDiff) -> str:
    """Return what was found to be the same."""
    pairs = diff.matching.pairs
    if diff.only == "structure":
        return "every module and operation"
    every = "every value that can be read" if any(p.a.unreadable or p.b.unreadable for p in pairs) else "every value"
    values = f", {every}" if diff.valued and all(found.equal for found in diff.values.values()) else ""
    close = "" if values or not diff.valued else f", {every} within the tolerance"
    return f"{count(len(pairs), 'variable')}{values}{close}"


def asides(diff: ModelDiff) -> str:
    """Return what differs and does not count: names, the order of axes, casts that changed no value, ties."""
    pairs = diff.matching.pairs
    found = {
        "renamed": sum(pair.renamed for pair in pairs),
        "in another layout": sum(pair.layout for pair in pairs),
        "cast without a change of value": sum(pair.cast for pair in pairs),
        "tied on one side only": len(diff.tied) + len(diff.untied),
    }
    return ", ".join(f"{number:,} {what}" for what, number in found.items() if number)


def structure(diff: ModelDiff) -> str:
    """Return how many edits of each kind the structure has."""
    kinds = Counter((edit.kind, edit.operation) for edit in diff.counted_edits)
    return ", ".join(
        f"{count(number, 'operation' if operation else 'module')} {kind}" for (kind, operation), number in kinds.items()
    )


def variables(diff: ModelDiff) -> str:
    """Return how many variables were added, removed and given another shape."""
    reshaped = [diff.values.get(pair.a.path) for pair in diff.matching.pairs if pair.reshaped]
    same = sum(found is not None and found.equal for found in reshaped)
    found = {
        "added": len(diff.matching.added),
        "removed": len(diff.matching.removed),
        "of another shape with the same values": same,
        "of another shape": len(reshaped) - same,
    }
    return ", ".join(f"{count(number, 'variable')} {what}" for what, number in found.items() if number)


def differences(diff: ModelDiff) -> str:
    """Return what happened to the dtypes and the values of the variables."""
    pairs = [pair for pair in diff.different if not pair.reshaped or has_other_values(diff, pair)]
    if not pairs:
        return ""
    if all(pair.cast for pair in pairs):
        return casts(diff)
    return values(diff)


def has_other_values(diff: ModelDiff, pair: VariablePair) -> bool:
    """Whether the values of a pair were compared and are too far apart."""
    found = diff.values.get(pair.a.path)
    return found is not None and not found.close


def casts(diff: ModelDiff) -> str:
    """Return which dtypes became which, and how far that is off."""
    pairs = [pair for pair in diff.different if pair.cast and not pair.reshaped]
    kinds = Counter((pair.a.dtype, pair.b.dtype) for pair in pairs)
    parts = []
    for (old, new), number in kinds.items():
        found = [
            diff.values[p.a.path] for p in pairs if (p.a.dtype, p.b.dtype) == (old, new) and p.a.path in diff.values
        ]
        verb = "quantized" if is_quantized(new) and not is_quantized(old) else "cast"
        text = f"{count(number, 'variable')} {verb} {old} -> {new}"
        if found and verb == "quantized":
            text += f", normalised error {max(each.normalised for each in found):.2g} at most"
        elif found and all(each.rounded for each in found):
            text += ", every value rounded to the nearest"
        elif found:
            text += f", relative difference up to {max(each.relative for each in found):.2g}"
        parts.append(text)
    return "; ".join(parts)


def values(diff: ModelDiff) -> str:
    """Return how many variables have other values, how far apart, and what that looks like."""
    changed = [(pair, diff.values[pair.a.path]) for pair in diff.different if has_other_values(diff, pair)]
    worst_pair, worst = max(changed, key=lambda found: found[1].relative)
    text = f"{len(changed):,} of {count(len(diff.values), 'variable')} with other values"
    ranks = [found.rank for _, found in changed]
    if all(rank is not None for rank in ranks) and len(changed) < len(diff.values):
        return f"{text}, each a change of rank {max(r for r in ranks if r is not None)} at most, as a merged LoRA makes"
    share = overall([each for _, each in changed])
    text += f", by {share:.2g} of their norm, most in {worst_pair.b.path} (relative difference {worst.relative:.2g})"
    return text + (", as fine-tuning makes" if share < FINE_TUNED and worst.finite else "")


def overall(found: list[ValueDiff]) -> float:
    """Return the norm of all changes over the norm of all values that changed."""
    change = math.hypot(*(each.normalised * each.norm for each in found if each.norm))
    return change / norm if (norm := math.hypot(*(each.norm for each in found))) else math.inf
