"""Images under affine maps: the maps of translations, rotations and zooms, and the resampling of images by them.

A map is (a0, a1, a2, b0, b1, b2): the pixel (x, y) of the result is that of the image at (a0 x + a1 y + a2, b0 x + b1 y + b2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.operation import Op
from layercli.core.spec import Spec, show_shape
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.convolution import CHANNELS_FIRST, CHANNELS_LAST

COEFFICIENTS = 6
"""How many numbers a map is."""


@dataclass(frozen=True)
class _Map(Op):
    """The map of each image of x for its row of ``drawn``."""

    channels_first: bool = False

    def spec(self, x: Spec, drawn: Spec) -> Spec:
        """Return (batch, 6)."""
        check_rank(x, 4)
        return Spec((drawn.shape[0], COEFFICIENTS), drawn.dtype)

    def sizes(self, x: Any) -> tuple[int, int]:
        """Return the height and the width of the images x."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        return height, width


@dataclass(frozen=True)
class Translation(_Map):
    """The maps that move images down and right by drawn (batch, 2): parts of their height and of their width."""

    def run(self, x: Any, drawn: Any) -> Any:
        """Return the maps, to where each pixel comes from."""
        height, width = self.sizes(x)
        down, right = drawn.unbind(1)
        one, zero = torch.ones_like(down), torch.zeros_like(down)
        return torch.stack([one, zero, -right * width, zero, one, -down * height], 1)


@dataclass(frozen=True)
class Rotation(_Map):
    """The maps that turn images around their centres, counter-clockwise by drawn (batch, 1) degrees."""

    def run(self, x: Any, drawn: Any) -> Any:
        """Return the maps, to where each pixel comes from."""
        height, width = self.sizes(x)
        across, down = 0.5 * (width - 1), 0.5 * (height - 1)
        angle = drawn[:, 0] * (math.pi / 180)
        cos, sin = torch.cos(angle), torch.sin(angle)
        shift_x = across - across * cos + down * sin
        shift_y = down - across * sin - down * cos
        return torch.stack([cos, -sin, shift_x, sin, cos, shift_y], 1)


@dataclass(frozen=True)
class Zoom(_Map):
    """The maps that show drawn (batch, 2) times the height and the width around the centres of images: below 1 is nearer.

    Of drawn (batch, 1) both are that.
    """

    def run(self, x: Any, drawn: Any) -> Any:
        """Return the maps, to where each pixel comes from."""
        height, width = self.sizes(x)
        down, across = drawn[:, 0], drawn[:, -1]
        zero = torch.zeros_like(down)
        shift_x, shift_y = (width - 1) / 2 * (1 - across), (height - 1) / 2 * (1 - down)
        return torch.stack([across, zero, shift_x, zero, down, shift_y], 1)


@dataclass(frozen=True)
class Resample(Op):
    """out[y, x] = image at (a0 x + a1 y + a2, b0 x + b1 y + b2), between pixels ``bilinear``, or that of the ``nearest`` one.

    x is (batch, height, width, channels), or channels first, the maps (batch, 6). Outside of the image is ``fill_value``
    (constant), the pixel at the edge (nearest), or the image again, as it is (wrap) or mirrored, with its edge (reflect) or
    without (mirror). Integers are rounded, halves away from 0.
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

    def run(self, x: Any, maps: Any) -> Any:
        """Return the weighted sum of the pixels around each place."""
        images = x.permute(*CHANNELS_LAST[4]) if self.channels_first else x
        height, width = images.shape[1:3]
        rows, columns = self._places(images, maps)
        around = around_of if self.interpolation == "bilinear" else nearest_of
        total: Any = 0
        for row, by_row in around(rows):
            for column, by_column in around(columns):
                total = total + (by_row * by_column).unsqueeze(-1) * self._pixels(images, row, column, height, width)
        out = in_dtype(total, x.dtype)
        return out.permute(*CHANNELS_FIRST[4]) if self.channels_first else out

    def _places(self, images: Any, maps: Any) -> tuple[Any, Any]:
        """Return the row and the column, each (batch, height, width), where each pixel comes from."""
        a0, a1, a2, b0, b1, b2 = (value[:, None, None] for value in maps.unbind(1))
        down = torch.arange(images.shape[1], device=images.device, dtype=maps.dtype)[:, None]
        across = torch.arange(images.shape[2], device=images.device, dtype=maps.dtype)
        return down * b1 + across * b0 + b2, down * a1 + across * a0 + a2

    def _pixels(self, images: Any, row: Any, column: Any, height: int, width: int) -> Any:
        """Return the pixels (batch, height, width, channels) at whole places, those outside by the fill mode."""
        inside = INSIDE[self.fill_mode]
        flat = inside(row, height) * width + inside(column, width)
        batch = torch.arange(images.shape[0], device=images.device)[:, None, None]
        found = images.flatten(1, 2)[batch, flat]
        if self.fill_mode != "constant":
            return found
        valid = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return torch.where(valid.unsqueeze(-1), found, found.new_full((), self.fill_value))


def in_dtype(x: Any, dtype: Any) -> Any:
    """Return x in a dtype, rounded where that is one of integers, halves away from 0."""
    return x.to(dtype) if dtype.is_floating_point else (torch.sign(x) * torch.floor(torch.abs(x) + 0.5)).to(dtype)


def around_of(place: Any) -> list[tuple[Any, Any]]:
    """Return the integers before and after each place, with what each counts."""
    lower = torch.floor(place)
    beyond = place - lower
    index = lower.to(torch.int64)
    return [(index, 1 - beyond), (index + 1, beyond)]


def nearest_of(place: Any) -> list[tuple[Any, Any]]:
    """Return the nearest integer to each place, halves away from 0, which counts once."""
    whole = torch.trunc(place)
    nearest = whole + torch.sign(place) * ((place - whole).abs() >= 0.5)
    return [(nearest.to(torch.int64), torch.ones_like(place))]


def _clipped(index: Any, size: int) -> Any:
    return index.clamp(0, size - 1)


def _wrapped(index: Any, size: int) -> Any:
    return index.remainder(size)


def _mirrored(index: Any, size: int) -> Any:
    """Return where an index is in an image and its mirror image, edge to edge: ... 1 0 0 1 ... n-1 n-1 n-2 ..."""
    turn = index.remainder(2 * size)
    return torch.where(turn < size, turn, 2 * size - 1 - turn)


def _mirrored_inside(index: Any, size: int) -> Any:
    """Return where an index is in an image and its mirror image, which share their edges: ... 2 1 0 1 ... n-1 n-2 ..."""
    turn = max(2 * size - 2, 1)
    return size - 1 - (index.remainder(turn) - (size - 1)).abs()


INSIDE: dict[str, Callable[[Any, int], Any]] = {
    "constant": _clipped,
    "nearest": _clipped,
    "wrap": _wrapped,
    "reflect": _mirrored,
    "mirror": _mirrored_inside,
}
"""By fill mode, which pixel of an axis of some size an index outside of it stands for."""
