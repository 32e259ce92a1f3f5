"""Space to depth and depth to space (pixel shuffle)."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.nn.convolution import joined, split
from layercli.ops.nn.pooling import with_channels_first
from layercli.ops.nn.window_arguments import channels_first


@dataclass(frozen=True)
class SpaceToDepth(Op):
    """out[n, i, j, (a, b, c)] = x[n, i * block + a, j * block + b, c]; with channels first in the order (c, a, b)."""

    block: int
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, height / block, width / block, channels * block^2), or channels first."""
        batch, sizes, channels = split(x, 2, self.channels_first)
        if any(isinstance(size, int) and size % self.block for size in sizes):
            raise ShapeError(f"expects x with a height and a width divisible by {self.block} (x = {x})")
        spatial = tuple(size // self.block for size in sizes)
        return Spec(joined(batch, spatial, channels * self.block**2, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return x reshaped, permuted and copied."""
        return with_channels_first(self._moved, x, 2, self.channels_first)

    def _moved(self, x: Any) -> Tensor:
        x = x.unflatten(3, (-1, self.block)).unflatten(2, (-1, self.block))
        order = (0, 1, 3, 5, 2, 4) if self.channels_first else (0, 3, 5, 1, 2, 4)
        out: Tensor = x.permute(order).flatten(1, 3)
        return out


@dataclass(frozen=True)
class DepthToSpace(Op):
    """out[n, i * block + a, j * block + b, c] = x[n, i, j, (a, b, c)]; with channels first in the order (c, a, b)."""

    block: int
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, height * block, width * block, channels / block^2), or channels first."""
        batch, sizes, channels = split(x, 2, self.channels_first)
        if isinstance(channels, int) and channels % self.block**2:
            raise ShapeError(
                f"expects x with a number of channels divisible by {self.block**2}, got {channels} (x = {x})"
            )
        spatial = tuple(size * self.block for size in sizes)
        return Spec(joined(batch, spatial, channels // self.block**2, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return x reshaped, permuted and copied."""
        return with_channels_first(self._moved, x, 2, self.channels_first)

    def _moved(self, x: Any) -> Tensor:
        parts = (-1, self.block, self.block) if self.channels_first else (self.block, self.block, -1)
        x = x.unflatten(1, parts)
        x = x if self.channels_first else x.permute(0, 3, 1, 2, 4, 5)
        out: Tensor = x.permute(0, 1, 4, 2, 5, 3).flatten(4).flatten(2, 3)
        return out


def space_to_depth(x: TensorLike, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Return x (batch, height, width, channels) with each ``block_size`` x ``block_size`` block as the channels of one
    pixel.

    Raises ShapeError where ``block_size`` does not divide height and width.
    """
    return SpaceToDepth(_checked("space_to_depth", block_size), channels_first(data_format))(convert_to_tensor(x))


def depth_to_space(x: TensorLike, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Return x (batch, height, width, channels) with the channels of each pixel as a block of ``block_size`` x
    ``block_size``.

    Raises ShapeError where ``block_size``^2 does not divide the channels.
    """
    return DepthToSpace(_checked("depth_to_space", block_size), channels_first(data_format))(convert_to_tensor(x))


def _checked(name: str, block: int) -> int:
    if block < 2:
        raise UsageError(f"{name} expects a block_size of at least 2, got {block}")
    return block
