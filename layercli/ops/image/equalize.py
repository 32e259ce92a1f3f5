"""Histogram equalization of images with values from 0 to 255."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.pooling import with_channels_first

LEVELS = 256


@dataclass(frozen=True)
class Equalize(Op):
    """out = the part of the batch's values of a channel up to x, times 255; x (batch, height, width, channels), or channels first.

    The values are counted in ``bins`` bins from 0 to 255; a channel all in one bin is returned unchanged.
    """

    bins: int = LEVELS
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return each channel by the table that its histogram gives."""
        return with_channels_first(self._equalized, x, 2, self.channels_first)

    def _equalized(self, x: Tensor) -> Tensor:
        channels = x.transpose(0, 1).flatten(1)
        places = (channels.float() * (self.bins - 1) / 255).to(torch.int64).clamp(0, self.bins - 1)
        counts = torch.zeros(len(channels), self.bins, device=x.device).scatter_add(
            1, places, torch.ones_like(channels).float()
        )
        reached = counts.cumsum(1)
        first = reached.masked_fill(reached == 0, float("inf")).amin(1, keepdim=True)
        rest = reached[:, -1:] - first
        table = ((reached - first) * 255 / torch.where(rest == 0, 1, rest)).round().clamp(0, 255)
        index = (channels / 255.0 * (self.bins - 1)).clamp(0, self.bins - 1).to(torch.int64)
        found = torch.where(rest == 0, channels, table.gather(1, index).to(x.dtype))
        return found.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)


@dataclass(frozen=True)
class EqualizeTiles(Op):
    """out = x by the histograms of ``grid`` tiles of each image (batch, height, width, channels), or channels first.

    Each pixel is mapped by the tables of the four nearest tiles, interpolated linearly. A bin of a histogram holds at most
    ``limit`` times the mean; what is above is spread over all. Images are padded with their flipped image to whole tiles.
    """

    grid: tuple[int, int] = (8, 8)
    limit: float = 4.0
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return each channel of each image by its tables."""
        return with_channels_first(self._equalized, x, 2, self.channels_first)

    def _equalized(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        down, across = self.grid
        tile = -(-height // down), -(-width // across)
        padded = flipped_at_end(flipped_at_end(x, 2, tile[0] * down), 3, tile[1] * across).flatten(0, 1)
        levels = padded.to(torch.int64).clamp(0, LEVELS - 1)
        tables = self._tables(levels.reshape(-1, down, tile[0], across, tile[1]).transpose(2, 3).flatten(3))
        (y, wy), (z, wz) = (nearest(size, count, x) for size, count in zip(tile, self.grid, strict=True))
        image = torch.arange(len(padded), device=x.device)[:, None, None]
        top, bottom = (
            sum(
                tables[image, rows[:, None], columns, levels] * part
                for columns, part in zip(z, (1 - wz, wz), strict=True)
            )
            for rows in y
        )
        out = top * (1 - wy[:, None]) + bottom * wy[:, None]
        result: Tensor = out[:, :height, :width].reshape(x.shape).to(x.dtype)
        return result

    def _tables(self, tiles: Tensor) -> Tensor:
        """Return the value of each level in each tile (images, down, across, levels) of pixels (images, down, across, pixels)."""
        pixels = tiles.shape[-1]
        counts = torch.zeros(*tiles.shape[:-1], LEVELS, device=tiles.device)
        counts = counts.scatter_add(-1, tiles, torch.ones(tiles.shape, device=tiles.device))
        if self.limit > 0:
            held = counts.clamp(0, self.limit * pixels / LEVELS)
            counts = held + (counts - held).sum(-1, keepdim=True) / LEVELS
        reached = counts.cumsum(-1)
        least = reached.amin(-1, keepdim=True)
        rest = pixels - least
        return ((reached - least) * 255 / torch.where(rest == 0, 1, rest)).clamp(0, 255)


def flipped_at_end(x: Tensor, axis: int, size: int) -> Tensor:
    """Return x with its end flipped along an axis, the last value twice, up to a size."""
    length = x.shape[axis]
    places = torch.arange(size, device=x.device) % (2 * length)
    return x.index_select(axis, torch.where(places < length, places, 2 * length - 1 - places))


def nearest(size: int, count: int, like: Tensor) -> tuple[tuple[Any, Any], Any]:
    """Return for each pixel along an axis of ``count`` tiles the tiles before and after, and the weight of the latter."""
    position = (torch.arange(size * count, device=like.device) - size / 2) / size
    before = position.floor()
    indices = [(before + step).to(torch.int64).clamp(0, count - 1) for step in (0, 1)]
    return (indices[0], indices[1]), position - before
