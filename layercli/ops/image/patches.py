"""Extraction of patches (im2col) and their sum back into images (col2im)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.image.batching import as_batch
from layercli.ops.nn.convolution import joined, split
from layercli.ops.nn.pooling import with_channels_first
from layercli.ops.nn.window_arguments import channels_first, checked_padding, each
from layercli.ops.nn.window_geometry import Window, windows

Pair = tuple[int, int]


@dataclass(frozen=True)
class _Im2Col(Op):
    """Base of Unfold and Col2Im: windows of ``size`` with ``dilation``, at ``strides``, on images with zero
    ``padding``.
    """

    size: Pair
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)
    strides: Pair = (1, 1)

    def positions(self, sizes: Sequence[Size]) -> tuple[Size, ...]:
        """Return the number of windows along each axis of images of ``sizes``."""
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
class Unfold(_Im2Col):
    """out[n, :, p] = window p of x (batch, channels, height, width), flattened by channel, row and column."""

    def spec(self, x: Spec) -> Spec:
        """Return (batch, channels x window, windows); ShapeError where no window fits."""
        check_rank(x, 4)
        batch, channels, *sizes = x.shape
        down, across = self.positions(sizes)
        if any(isinstance(n, int) and n < 1 for n in (down, across)):
            raise ShapeError(f"expects x with room for a window of {self.size}, got {x}")
        return Spec((batch, channels * self.size[0] * self.size[1], down * across), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's unfold."""
        check_rank(x, 4)
        return F.unfold(x, *self._settings)


@dataclass(frozen=True)
class Col2Im(_Im2Col):
    """out[n] = the sum of the windows x[n, :, p] (batch, channels x window, windows) at their positions in an image of
    ``output``.
    """

    output: Pair = (1, 1)

    def spec(self, x: Spec) -> Spec:
        """Return (batch, channels, *output); ShapeError where the number of windows does not fit."""
        check_rank(x, 3)
        batch, values, count = x.shape
        down, across = self.positions(self.output)
        window = self.size[0] * self.size[1]
        if isinstance(values, int) and values % window:
            raise ShapeError(f"expects x with windows of a multiple of {window} values, got {values} (x = {x})")
        if isinstance(count, int) and count != down * across:
            raise ShapeError(f"expects x with {down * across} windows, got {count} (x = {x})")
        return Spec((batch, values // window, *self.output), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's fold."""
        check_rank(x, 3)
        return F.fold(x, self.output, *self._settings)


@dataclass(frozen=True)
class ExtractPatches(Op):
    """out[n, p, :] = the window of x (batch, *spatial, channels) at p * stride, flattened by position and channel.

    Channels may come first in both.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    dilation: tuple[int, ...] | None = None
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *windows, window x channels), or channels first."""
        batch, spatial, channels = split(x, len(self.size), self.channels_first)
        positions = tuple(window.output(n) for window, n in zip(self.windows, spatial, strict=True))
        return Spec(joined(batch, positions, channels * math.prod(self.size), self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's unfolded views along each axis, copied into rows."""
        return with_channels_first(self._windowed, x, len(self.size), self.channels_first)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        return windows(self.size, self.strides, self.padding, self.dilation)

    def _windowed(self, x: Tensor) -> Tensor:
        axes = len(self.size)
        pads = [window.pads(n) for window, n in zip(self.windows, x.shape[2:], strict=True)]
        x = F.pad(x, [n for pair in reversed(pads) for n in pair])
        for axis, window in enumerate(self.windows, start=2):
            x = x.unfold(axis, window.effective_kernel_size, window.stride)[..., :: window.dilation]
        taps = range(2 + axes, 2 + 2 * axes)
        return x.permute(0, *taps, 1, *range(2, 2 + axes)).flatten(1, 1 + axes)


def extract_patches(
    images: TensorLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the patches of ``size`` of an image or a batch, ``strides`` apart (None: not overlapping), each flattened.

    Three sizes extract patches of volumes, as ``extract_patches_3d`` does.
    """
    axes = 2 if isinstance(size, int) else len(size)
    return _patches("extract_patches", axes, images, size, strides, dilation_rate, padding, data_format)


def extract_patches_3d(
    volumes: TensorLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the patches of ``size`` of a volume or a batch, ``strides`` apart (None: not overlapping), each flattened."""
    return _patches("extract_patches_3d", 3, volumes, size, strides, dilation_rate, padding, data_format)


def _patches(
    name: str, axes: int, x: TensorLike, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None
) -> Tensor:
    if axes not in (2, 3):
        raise UsageError(f"{name} expects a size of 2 or 3 numbers, got {size}")
    window = each(size, axes, "size")
    steps = window if not strides else each(strides, axes, "strides")
    apart = each(dilation, axes, "dilation_rate")
    op = ExtractPatches(
        window, steps, checked_padding(padding), None if {*apart} == {1} else apart, channels_first(data_format)
    )
    return as_batch(op, convert_to_tensor(x), axes=axes + 2)


def unfold(
    x: TensorLike, kernel_size: int | Pair, dilation: int | Pair = 1, padding: int | Pair = 0, stride: int | Pair = 1
) -> Tensor:
    """Return the patches of x (batch, channels, height, width) as columns: (batch, channels x window, windows)."""
    return Unfold(*_pairs(kernel_size, dilation, padding, stride))(convert_to_tensor(x))


def fold(
    x: TensorLike,
    output_size: int | Pair,
    kernel_size: int | Pair,
    dilation: int | Pair = 1,
    padding: int | Pair = 0,
    stride: int | Pair = 1,
) -> Tensor:
    """Return the sum of windows (batch, channels x window, windows) at their positions: (batch, channels, *output_size)."""
    settings = _pairs(kernel_size, dilation, padding, stride, output_size)
    return Col2Im(*settings)(convert_to_tensor(x))


def _pairs(*values: int | Pair) -> tuple[Pair, ...]:
    pairs = [(value, value) if isinstance(value, int) else tuple(value) for value in values]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(f"expects one number or two, got {pairs}")
    return tuple((down, across) for down, across in pairs)
