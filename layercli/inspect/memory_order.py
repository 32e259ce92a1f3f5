"""The order in which the axes of a value lie in memory, from the outermost to the innermost: (0, 1, 2) if it is contiguous.

After ``transpose(x, (0, 2, 1, 3))`` it is (0, 2, 1, 3): the steps of all heads lie beside each other. GAP stands before an axis
of which only a part is taken, as by ``split``: what lies between the parts belongs to other values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.spec import Shape

Order = tuple[int, ...]
GAP = -1
STEPS_FIRST: Order = (1, 0, 2)
"""The order of the outputs of a recurrence."""
RECURRENCE = "FusedRecurrence"
SAME_ORDER = frozenset(
    "Absolute Add ApplyDropout Cast Clip Divide Elu Exp Gelu LeakyRelu Log Maximum Minimum Multiply Negative Power Relu "  # noqa: SIM905
    "ReluInPlace ReverseTime Selu Sigmoid Silu Sqrt Square Subtract Tanh".split()
)
"""Operations whose result lies in memory as their first input of its shape does, without gaps."""
SPLITS = frozenset({"ArraySplit", "Split"})
MOVES = SPLITS | {"ExpandDims", "GetItem", "Select", "Squeeze", "Transpose", "Unstack"}
"""Operations whose result may lie otherwise than contiguous though their input is contiguous."""


def contiguous(rank: int) -> Order:
    """Return the order of a value that lies in memory as its axes are written."""
    return tuple(range(rank))


def order_after(
    operation: str, arguments: Mapping[str, Any], before: Order, given: Shape, shape: Shape
) -> Order | None:
    """Return the order of the results of an operation whose input lies in the order ``before``; None: they are contiguous.

    ``given`` is the shape of the input, ``shape`` that of a result.
    """
    taken = len(given)
    if operation == RECURRENCE:
        return STEPS_FIRST if len(shape) == len(STEPS_FIRST) else None
    if operation in SAME_ORDER:
        return tuple(axis for axis in before if axis != GAP)
    if operation in SPLITS and "axis" in arguments and taken:
        return with_gap(before, arguments["axis"] % taken)
    if operation == "ReshapeTensor":
        return reshaped(before, given, shape)
    if operation == "GetItem" and "parts" in arguments:
        return tidied(indexed(before, arguments["parts"], taken))
    kept = axes_kept(operation, arguments, taken)
    return None if kept is None else tidied(rearranged(before, kept))


def reshaped(before: Order, given: Shape, shape: Shape) -> Order:
    """Return the order of a reshaped value: the gaps stay that stand after axes which keep their sizes; a copy has none."""
    found = contiguous(len(shape))
    if [axis for axis in before if axis != GAP] == sorted({*before} - {GAP}):
        for gap, axis in pairwise(before):
            if gap == GAP and given[:axis] == shape[:axis] and axis < len(shape):
                found = with_gap(found, axis)
    return found


def with_gap(before: Order, axis: int) -> Order:
    """Return the order of a part of a value along an axis."""
    place = before.index(axis)
    return tidied((*before[:place], GAP, *before[place:]))


def axes_kept(operation: str, arguments: Mapping[str, Any], rank: int) -> list[int | None] | None:
    """Return the axis of the input that each axis of a view is, None for a new one; None: no view that moves axes."""
    axes: list[int | None] = list(range(rank))
    if operation == "Transpose" and "axes" in arguments:
        return [axis % rank for axis in arguments["axes"] or range(rank)[::-1]]
    if operation == "ExpandDims" and isinstance(arguments.get("axis"), int):
        axis = arguments["axis"]
        axes.insert(axis % (rank + 1), None)
        return axes
    if operation == "Squeeze" and isinstance(arguments.get("axis"), tuple):
        removed = {axis % rank for axis in arguments["axis"]}
        return [axis for axis in axes if axis not in removed]
    if operation == "Unstack":
        return [axis for axis in axes if axis != arguments["axis"] % rank]
    return axes[1:] if operation == "Select" else None


def indexed(before: Order, parts: Sequence[Any], rank: int) -> Order:
    """Return the order of ``x[parts]``: an integer removes an axis, None adds one, a slice that is not whole leaves a gap."""
    missing = rank - sum(part is not None and part is not ... for part in parts)
    spelled = list(parts if ... in parts else (*parts, ...))
    place = spelled.index(...)
    kept: list[int | None] = []
    axis = 0
    for part in [*spelled[:place], *[slice(None)] * missing, *spelled[place + 1 :]]:
        if part is None:
            kept.append(None)
            continue
        if not isinstance(part, int):
            kept.append(axis)
            if not getattr(part, "whole", True):
                before = with_gap(before, axis)
        axis += 1
    return rearranged(before, kept)


def rearranged(before: Order, kept: Sequence[int | None]) -> Order:
    """Return the order of a view whose axes are the axes ``kept`` of a value; those that are left out are gaps."""
    place = {axis: i for i, axis in enumerate(kept) if axis is not None}
    new = [i for i, axis in enumerate(kept) if axis is None]
    return (*new, *(place.get(axis, GAP) for axis in before))


def tidied(order: Order) -> Order:
    """Return an order without a gap that is the outermost or follows another."""
    return tuple(axis for i, axis in enumerate(order) if axis != GAP or (i and order[i - 1] != GAP))


def more_than_one(size: Size) -> Size:
    """Return 1 for a size that is greater than 1, else 0."""
    return dims.least(size - 1, 1)


def is_expanded(shape: Shape, lead: Shape) -> bool:
    """Whether the leading axes of a value are fewer or smaller than ``lead``."""
    own = (*(1,) * (len(lead) - (len(shape) - 2)), *shape[:-2])
    return any(size == 1 and whole != 1 for size, whole in zip(own, lead, strict=True))


def is_scattered(shape: Shape, order: Order, lead: Shape) -> Size:
    """Return 1 if the leading axes of a value, expanded to ``lead``, are not one axis in memory, else 0."""
    count = len(lead)
    own = (*(1,) * (count - (len(shape) - 2)), *shape[:-2])
    kept = [more_than_one(size) for size in own]
    expanded = [more_than_one(whole) if size == 1 else 0 for whole, size in zip(lead, own, strict=True)]
    terms: list[Size] = []
    missing = count + 2 - len(shape)
    for j in range(count):
        for i in range(j):
            apart = is_apart(shape, order, i - missing, j - missing)
            terms += [kept[i] * kept[j] * apart, kept[i] * expanded[j], expanded[i] * kept[j]]
    found = [term for term in terms if term != 0]
    return found[0] if len(found) == 1 else dims.least(dims.total(found), 1)


def is_apart(shape: Shape, order: Order, one: int, other: int) -> Size:
    """Return 1 if something else than the axes between two leading axes lies between them in memory, or they lie the other way."""
    if one < 0 or other < 0:
        return 0  # an axis that the value does not have
    start, stop = order.index(one), order.index(other)
    if start > stop:
        return 1
    between = [axis for axis in order[start + 1 : stop] if not one < axis < other]
    return 1 if GAP in between else more_than_one(dims.product(shape[axis] for axis in between))
