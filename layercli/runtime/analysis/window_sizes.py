"""How many positions a window of torch's has along each axis: (size + offset) // stride, for the formulas of open sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

AxisRule = tuple[int, int, int]
"""An axis of the first operand and of the result, the offset and the stride."""
Arguments = dict[str, Any]


def axis_rules(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[AxisRule, ...]:
    """Return the rules of the axes that an operation slides a window along; none for any other operation."""
    rule = RULES.get(func.name().partition(".")[0].partition("::")[2])
    if rule is None:
        return ()
    names = [argument.name for argument in func._schema.arguments]
    defaults = {each.name: each.default_value for each in func._schema.arguments if each.has_default_value()}
    return rule({**defaults, **dict(zip(names, args, strict=False)), **kwargs})


def each_axis(value: Any, count: int) -> list[int]:
    """Return a number for each axis, of which one may stand for all."""
    found = [value] if isinstance(value, int) else list(value)
    return found * count if len(found) == 1 else found


def of_convolution(given: Arguments) -> tuple[AxisRule, ...]:
    """Return the rules of a convolution; a transposed one multiplies sizes instead."""
    rank = given["weight"].dim() - 2
    if given["transposed"] or given["input"].dim() != rank + 2:
        return ()
    sizes = list(given["weight"].shape[2:])
    return windows(rank, sizes, given["stride"], given["padding"], given["dilation"])


def of_pool(given: Arguments) -> tuple[AxisRule, ...]:
    """Return the rules of a pooling. One that rounds up has none where its last window may begin in the padding."""
    sizes = list(given["kernel_size"])
    rank = len(sizes)
    strides = each_axis(list(given["stride"]) or sizes, rank)
    found = windows(rank, sizes, strides, given["padding"], given.get("dilation", 1))
    if given["ceil_mode"]:
        inside = zip(sizes, strides, each_axis(given["padding"], rank), strict=True)
        if any(stride > size - pad for size, stride, pad in inside):
            return ()
        found = tuple((axis, offset + stride - 1, stride) for axis, offset, stride in found)
    first = given["self"].dim() - rank
    return tuple((first + axis - 2, offset, stride) for axis, offset, stride in found)


def of_resize(given: Arguments) -> tuple[AxisRule, ...]:
    """Return the rules of a resizing to a half, a third, ... of each size."""
    scales = [given.get(name) for name in ("scales_d", "scales_h", "scales_w", "scales") if name in given]
    strides = [round(1 / scale) if scale else 0 for scale in scales]
    if any(not scale or scale * stride != 1 for scale, stride in zip(scales, strides, strict=True)):
        return ()
    first = given["self"].dim() - len(strides)
    return tuple((first + i, 0, stride) for i, stride in enumerate(strides))


def windows(rank: int, sizes: list[int], strides: Any, padding: Any, dilation: Any) -> tuple[AxisRule, ...]:
    """Return the rules of windows along the last ``rank`` axes, after those of the batch and the channels."""
    found = []
    each = zip(sizes, *(each_axis(value, rank) for value in (strides, padding, dilation)), strict=True)
    for axis, (size, stride, pad, step) in enumerate(each):
        found.append((2 + axis, 2 * pad - step * (size - 1) - 1 + stride, stride))
    return tuple(found)


def of_slice(given: Arguments) -> tuple[AxisRule, ...]:
    """Return the rule of every second, third, ... element from some start to the end."""
    start, end = given["start"] or 0, given["end"]
    if start < 0 or (end is not None and end < WHOLE):
        return ()
    return ((given["dim"] % given["self"].dim(), given["step"] - 1 - start, given["step"]),)


WHOLE = 1 << 62
"""An end of a slice that is at least this is the end of the axis."""

RULES: dict[str, Callable[[Arguments], tuple[AxisRule, ...]]] = {
    "convolution": of_convolution,
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), of_pool),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), of_pool),
    "slice": of_slice,
    **dict.fromkeys(
        (
            *(f"upsample_nearest{rank}d" for rank in (1, 2, 3)),
            *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
        ),
        of_resize,
    ),
}
