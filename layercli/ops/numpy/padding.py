"""Padding and cropping of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.core.dims import known
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ChoiceError, ShapeError, UsageError, nearest
from layercli.lazy import F, torch
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import convert_to_tensor

Pairs = tuple[tuple[int, int], ...]

MIRRORS: dict[str, Callable[[Any, int], Any]] = {
    "edge": lambda positions, size: positions.clamp(0, size - 1),
    "reflect": lambda positions, size: size - 1 - (positions.remainder(max(2 * size - 2, 1)) - (size - 1)).abs(),
    "symmetric": lambda positions, size: torch.minimum(positions % (2 * size), 2 * size - 1 - positions % (2 * size)),
}
"""Modes that repeat values of x: functions of (index, size) that return an index inside the axis."""


@dataclass(frozen=True)
class Pad(Op):
    """out = x padded before and after each axis; ``pads``: one (before, after) per axis.

    ``mode``: ``constant`` with ``value``, or a key of ``MIRRORS``, which repeats values of x.
    """

    pads: Pairs
    mode: str = "constant"
    value: float = 0

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the padding added; ShapeError where a mode has no value to repeat."""
        check_rank(x, len(self.pads))
        if self.mode != "constant" and any(n == 0 and any(p) for n, p in zip(x.shape, self.pads, strict=True)):
            raise ShapeError(f"the mode {self.mode!r} of pad expects at least one value along an axis (x = {x})")
        return Spec(tuple(n + before + after for n, (before, after) in zip(x.shape, self.pads, strict=True)), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's pad, or x indexed by the repeated indices."""
        check_rank(x, len(self.pads))
        if self.mode == "constant":
            return F.pad(x, [n for pair in reversed(self.pads) for n in pair], value=self.value)
        for axis, (before, after) in enumerate(self.pads):
            if before or after:
                positions = torch.arange(-before, x.shape[axis] + after, device=x.device)
                x = x.index_select(axis, MIRRORS[self.mode](positions, x.shape[axis]))
        return x


@dataclass(frozen=True)
class Crop(Op):
    """out = x without the values that ``crops``, one (before, after) per axis, removes: a view."""

    crops: Pairs

    def spec(self, x: Spec) -> Spec:
        """Return the cropped shape; ShapeError where nothing is left."""
        check_rank(x, len(self.crops))
        shape = tuple(n - before - after for n, (before, after) in zip(x.shape, self.crops, strict=True))
        for axis, left in enumerate(shape):
            if known(left) and left < 1 and self.crops[axis] != (0, 0):
                taken = sum(self.crops[axis])
                raise ShapeError(f"expects more than {taken} along axis {axis}, got {x.shape[axis]} (x = {x})")
        return Spec(shape, x.dtype)

    def run(self, x: Any) -> Any:
        """Return the view."""
        for axis, size in enumerate(self.spec(spec_of(x)).shape):
            x = x.narrow(axis, self.crops[axis][0], size)
        return x


def pad(x: TensorLike, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """Return x padded by ``pad_width``: a number, a (before, after), or one such pair per axis.

    ``mode``: ``constant`` with ``constant_values``, or a key of ``MIRRORS``. Raises UsageError for another mode.
    """
    if mode not in ("constant", *MIRRORS):
        raise ChoiceError(f"pad has no mode {mode!r}", hint=nearest(mode, ["constant", *MIRRORS]))
    if mode != "constant" and constant_values is not None:
        raise UsageError(f"pad takes constant_values in the mode 'constant' only, got the mode {mode!r}")
    x = convert_to_tensor(x)
    return Pad(_pairs(pad_width, len(spec_of(x).shape)), mode, constant_values or 0)(x)


def _pairs(width: int | Sequence[Any], axes: int) -> Pairs:
    if isinstance(width, int):
        return ((width, width),) * axes
    if all(isinstance(n, int) for n in width):
        before, after = width if len(width) == 2 else tuple(width) * 2
        return ((before, after),) * axes
    pairs = tuple((before, after) for before, after in width)
    return pairs * axes if len(pairs) == 1 else pairs
