"""Affine transformations of images: the coefficients of translations, rotations and zooms, and the resampling.

The coefficients are (a0, a1, a2, b0, b1, b2): the output pixel (x, y) is the input at (a0 x + a1 y + a2, b0 x + b1 y +
b2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from layercli.core import dims
from layercli.core.operation import Op
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.convolution import CHANNELS_FIRST, CHANNELS_LAST

COEFFICIENTS = 6
"""The number of coefficients of an affine map."""


@dataclass(frozen=True)
class _Map(Op):
    """Base of the operations that compute the coefficients for each image of x from its row of random numbers
    ``samples``.
    """

    channels_first: bool = False

    def spec(self, x: Spec, samples: Spec) -> Spec:
        """Return (batch, 6)."""
        check_rank(x, 4)
        return Spec((samples.shape[0], COEFFICIENTS), samples.dtype)

    def sizes(self, x: Tensor) -> tuple[int, int]:
        """Return the height and the width of the images x."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        return height, width


@dataclass(frozen=True)
class Translation(_Map):
    """Coefficients that move images down and right by samples (batch, 2), as fractions of height and width."""

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the inverse maps: from each output pixel to its position in the input."""
        height, width = self.sizes(x)
        down, right = samples.unbind(1)
        one, zero = torch.ones_like(down), torch.zeros_like(down)
        return torch.stack([one, zero, -right * width, zero, one, -down * height], 1)


@dataclass(frozen=True)
class Rotation(_Map):
    """Coefficients that rotate images around their centres, counter-clockwise by samples (batch, 1) degrees."""

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the inverse maps: from each output pixel to its position in the input."""
        height, width = self.sizes(x)
        across, down = 0.5 * (width - 1), 0.5 * (height - 1)
        angle = samples[:, 0] * (math.pi / 180)
        cos, sin = torch.cos(angle), torch.sin(angle)
        shift_x = across - across * cos + down * sin
        shift_y = down - across * sin - down * cos
        return torch.stack([cos, -sin, shift_x, sin, cos, shift_y], 1)


@dataclass(frozen=True)
class Zoom(_Map):
    """Coefficients that zoom images around their centres by samples (batch, 2): factors of height and width; below 1
    zooms in.

    One factor, (batch, 1), is used for both.
    """

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the inverse maps: from each output pixel to its position in the input."""
        height, width = self.sizes(x)
        down, across = samples[:, 0], samples[:, -1]
        zero = torch.zeros_like(down)
        shift_x, shift_y = (width - 1) / 2 * (1 - across), (height - 1) / 2 * (1 - down)
        return torch.stack([across, zero, shift_x, zero, down, shift_y], 1)


@dataclass(frozen=True)
class Shear(_Map):
    """Coefficients that shear images by samples (batch, 3): a sign, positive up to 0.5, and factors across and down."""

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the inverse maps: from each output pixel to its position in the input."""
        sign = torch.where(samples[:, 0] > 0.5, -1, 1)
        across, down = sign * samples[:, 1], sign * samples[:, 2]
        one, zero = torch.ones_like(across), torch.zeros_like(across)
        return torch.stack([one, across, zero, down, one, zero], 1)


@dataclass(frozen=True)
class Resample(Op):
    """out[y, x] = image at (a0 x + a1 y + a2, b0 x + b1 y + b2), interpolated ``bilinear`` or ``nearest``.

    x: (batch, height, width, channels), or channels first; maps: (batch, 6). ``fill_mode`` gives values outside the
    image: ``fill_value`` (constant), the nearest edge pixel (nearest), the image repeated (wrap), or mirrored with
    (reflect) or without (mirror) its edge pixels. Integer results are rounded, halves away from 0.
    """

    coefficients = COEFFICIENTS

    interpolation: str = "bilinear"
    fill_mode: str = "constant"
    fill_value: float = 0.0
    channels_first: bool = False

    def spec(self, x: Spec, maps: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        wanted = (x.shape[0], self.coefficients)
        if maps.rank != 2 or not all(map(dims.may_equal, maps.shape, wanted)):
            raise ShapeError(f"expects maps of the shape {show_shape(wanted)}, got {maps}")
        return x

    def run(self, x: Tensor, maps: object) -> Tensor:
        """Return the weighted sum of the pixels around each position."""
        images = x.permute(*CHANNELS_LAST[4]) if self.channels_first else x
        height, width = images.shape[1:3]
        rows, columns = self._positions(images, maps)
        around = around_of if self.interpolation == "bilinear" else nearest_of
        total: int = 0
        for row, by_row in around(rows):
            for column, by_column in around(columns):
                total = total + (by_row * by_column).unsqueeze(-1) * self._pixels(images, row, column, height, width)
        out = in_dtype(total, x.dtype)
        return out.permute(*CHANNELS_FIRST[4]) if self.channels_first else out

    def _positions(self, images: Tensor, maps: Any) -> tuple[Tensor, Tensor]:
        """Return the input row and column, each (batch, height, width), of every output pixel."""
        a0, a1, a2, b0, b1, b2 = (value[:, None, None] for value in maps.unbind(1))
        down = torch.arange(images.shape[1], device=images.device, dtype=maps.dtype)[:, None]
        across = torch.arange(images.shape[2], device=images.device, dtype=maps.dtype)
        return down * b1 + across * b0 + b2, down * a1 + across * a0 + a2

    def _pixels(self, images: Tensor, row: Any, column: Any, height: int, width: int) -> Tensor:
        """Return the pixels (batch, height, width, channels) at integer positions; outside the image by the fill mode."""
        inside = INSIDE[self.fill_mode]
        flat = inside(row, height) * width + inside(column, width)
        batch = torch.arange(images.shape[0], device=images.device)[:, None, None]
        found = images.flatten(1, 2)[batch, flat]
        if self.fill_mode != "constant":
            return found
        valid = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return torch.where(valid.unsqueeze(-1), found, found.new_full((), self.fill_value))


def in_dtype(x: Any, dtype: Any) -> Tensor:
    """Return x cast to ``dtype``; for integer dtypes rounded, halves away from 0."""
    return x.to(dtype) if dtype.is_floating_point else (torch.sign(x) * torch.floor(torch.abs(x) + 0.5)).to(dtype)


def around_of(position: Tensor) -> list[tuple[Any, Any]]:
    """Return the integers below and above each position, with their interpolation weights."""
    lower = torch.floor(position)
    beyond = position - lower
    index = lower.to(torch.int64)
    return [(index, 1 - beyond), (index + 1, beyond)]


def nearest_of(position: Tensor) -> list[tuple[Any, Any]]:
    """Return the nearest integer to each position, halves away from 0, with weight 1."""
    whole = torch.trunc(position)
    nearest = whole + torch.sign(position) * ((position - whole).abs() >= 0.5)
    return [(nearest.to(torch.int64), torch.ones_like(position))]


def _clipped(index: Tensor, size: int) -> Tensor:
    return index.clamp(0, size - 1)


def _wrapped(index: Tensor, size: int) -> Tensor:
    return index.remainder(size)


def _mirrored(index: Tensor, size: int) -> Tensor:
    """Return the index reflected into [0, size) with the edges repeated: ... 1 0 0 1 ... n-1 n-1 n-2 ..."""
    turn = index.remainder(2 * size)
    return torch.where(turn < size, turn, 2 * size - 1 - turn)


def _mirrored_inside(index: Tensor, size: int) -> Tensor:
    """Return the index reflected into [0, size) without repeating the edges: ... 2 1 0 1 ... n-1 n-2 ..."""
    turn = max(2 * size - 2, 1)
    return size - 1 - (index.remainder(turn) - (size - 1)).abs()


INSIDE: dict[str, Callable[[Any, int], Any]] = {
    "constant": _clipped,
    "nearest": _clipped,
    "wrap": _wrapped,
    "reflect": _mirrored,
    "mirror": _mirrored_inside,
}
"""By fill mode, the function of (index, size) that returns an index inside the axis."""
