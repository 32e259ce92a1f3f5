"""Windows of images laid side by side, each as one column, and columns added up to images again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layercli.core.dims import Size
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F
from layercli.ops.axes import check_rank
from layercli.ops.conversion import convert_to_tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class _Columns(Op):
    """Windows of ``size`` on images with ``padding`` pixels of 0 around them, ``strides`` apart, their pixels ``dilation`` apart."""

    size: Pair
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)
    strides: Pair = (1, 1)

    def places(self, sizes: Sequence[Size]) -> tuple[Size, ...]:
        """Return how many windows there are along each axis of images of such sizes."""
        return tuple(
            (n + 2 * pad - step * (window - 1) - 1) // stride + 1
            for n, window, step, pad, stride in zip(
                sizes, self.size, self.dilation, self.padding, self.strides, strict=True
            )
        )

    @property
    def _settings(self) -> tuple[Pair, ...]:
        return self.size, self.dilation, self.padding, self.strides


@dataclass(frozen=True)
class Unfold(_Columns):
    """out[n, :, p] = the window p of x (batch, channels, height, width), its channels, rows and columns in a row."""

    def spec(self, x: Spec) -> Spec:
        """Return (batch, channels x window, windows); ShapeError where no window fits."""
        check_rank(x, 4)
        batch, channels, *sizes = x.shape
        down, across = self.places(sizes)
        if any(isinstance(n, int) and n < 1 for n in (down, across)):
            raise ShapeError(f"expects x with room for a window of {self.size}, got {x}")
        return Spec((batch, channels * self.size[0] * self.size[1], down * across), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's unfold."""
        check_rank(x, 4)
        return F.unfold(x, *self._settings)


@dataclass(frozen=True)
class AddPatches(_Columns):
    """out[n] = the sum of the windows x[n, :, p] (batch, channels x window, windows) at their places in images of ``output``."""

    output: Pair = (1, 1)

    def spec(self, x: Spec) -> Spec:
        """Return (batch, channels, *output); ShapeError where there are not as many windows as places."""
        check_rank(x, 3)
        batch, values, count = x.shape
        down, across = self.places(self.output)
        window = self.size[0] * self.size[1]
        if isinstance(values, int) and values % window:
            raise ShapeError(f"expects x with windows of a multiple of {window} values, got {values} (x = {x})")
        if isinstance(count, int) and count != down * across:
            raise ShapeError(f"expects x with {down * across} windows, got {count} (x = {x})")
        return Spec((batch, values // window, *self.output), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's fold."""
        check_rank(x, 3)
        return F.fold(x, self.output, *self._settings)


def unfold(
    x: Any, kernel_size: int | Pair, dilation: int | Pair = 1, padding: int | Pair = 0, stride: int | Pair = 1
) -> Any:
    """Return the windows of x (batch, channels, height, width) side by side: (batch, channels x window, windows)."""
    return Unfold(*_pairs(kernel_size, dilation, padding, stride))(convert_to_tensor(x))


def fold(
    x: Any,
    output_size: int | Pair,
    kernel_size: int | Pair,
    dilation: int | Pair = 1,
    padding: int | Pair = 0,
    stride: int | Pair = 1,
) -> Any:
    """Return the sum of windows (batch, channels x window, windows) at their places: (batch, channels, *output_size)."""
    settings = _pairs(kernel_size, dilation, padding, stride)
    return AddPatches(*settings, output=_pairs(output_size)[0])(convert_to_tensor(x))


def _pairs(*values: int | Pair) -> tuple[Pair, ...]:
    pairs = [(value, value) if isinstance(value, int) else tuple(value) for value in values]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(f"expects one number or two, got {pairs}")
    return tuple((down, across) for down, across in pairs)
