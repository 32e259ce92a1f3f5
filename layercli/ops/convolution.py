"""Convolutions over one, two or three axes, channels last or first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.op import Op
from layercli.core.spec import Shape, Spec
from layercli.errors import ShapeError
from layercli.lazy import F
from layercli.ops.elementwise import promoted
from layercli.ops.window import Window, windows


@dataclass(frozen=True)
class Convolution(Op):
    """out[n, p, o] = sum over taps t and channels c of x[n, p * stride + t * dilation, c] kernel[t, c, o] + bias[o].

    x is (batch, *spatial, channels), or (batch, channels, *spatial) where ``channels_first``; kernel is
    (*size, channels / groups, filters). One size, stride and dilation per spatial axis.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    dilation: tuple[int, ...] | None = None
    groups: int = 1
    channels_first: bool = False

    def spec(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return (batch, *places, filters), or channels first."""
        batch, spatial, channels = split(x, len(self.strides), self.channels_first)
        *_, group, filters = kernel.shape
        if not dims.may_equal(channels, group * self.groups):
            raise ShapeError(f"expects x with {group * self.groups} channels, got {channels} (x = {x})")
        places = tuple(window.output(size) for window, size in zip(self.windows, spatial, strict=True))
        return Spec(joined(batch, places, filters, self.channels_first), promoted(x, kernel))

    def macs(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Size:
        """Return batch x places x the kernel's size."""
        batch, places, _ = split(self.spec(x, kernel, bias), len(self.strides), self.channels_first)
        return batch * dims.product(places) * kernel.size

    def run(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """Return torch's convolution of x in its channels-last memory format; what has to be padded unevenly is copied."""
        rank = len(self.strides)
        if not self.channels_first:
            x = to_channels_first(x)
        x, padding = padded(x, self.windows)
        weight = kernel.permute(rank + 1, rank, *range(rank))
        out = convolve(x, weight, bias, self.strides, padding, self.dilation or (1,) * rank, self.groups)
        return out if self.channels_first else to_channels_last(out)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        return windows(self.size, self.strides, self.padding, self.dilation)


def convolve(x: Any, weight: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Return torch's convolution of the rank of ``strides``; one axis goes as two, where torch keeps channels last."""
    if len(strides) == 1:
        x, weight = x.unsqueeze(2), weight.unsqueeze(2)
        out = F.conv2d(x, weight, bias, (1, *strides), (0, *padding), (1, *dilation), groups)
        return out.squeeze(2)
    convolution = F.conv2d if len(strides) == 2 else F.conv3d
    return convolution(x, weight, bias, strides, padding, dilation, groups)


def split(x: Spec, axes: int, channels_first: bool) -> tuple[Size, Shape, Size]:
    """Return the batch, the spatial sizes and the channels of ``x``; ShapeError where its rank is another."""
    if x.rank != axes + 2:
        raise ShapeError(f"expects x with {axes + 2} axes, got {x.rank} (x = {x})")
    batch, *rest = x.shape
    return (batch, tuple(rest[1:]), rest[0]) if channels_first else (batch, tuple(rest[:-1]), rest[-1])


def joined(batch: Size, spatial: Shape, channels: Size, channels_first: bool) -> Shape:
    """Return the shape of these sizes: the inverse of ``split``."""
    return (batch, channels, *spatial) if channels_first else (batch, *spatial, channels)


def to_channels_first(x: Any) -> Any:
    """Return the view of a channels-last tensor that torch calls channels first in channels-last memory format."""
    return x.permute(0, -1, *range(1, x.ndim - 1))


def to_channels_last(x: Any) -> Any:
    """Return the view of torch's result with the channels last again."""
    return x.permute(0, *range(2, x.ndim), 1)


def padded(x: Any, along: tuple[Window, ...]) -> tuple[Any, tuple[int, ...]]:
    """Return x (channels first) and the even padding left for torch; x is copied only where the padding is uneven."""
    pads = [window.pads(size) for window, size in zip(along, x.shape[2:], strict=False)]
    if all(before == after for before, after in pads):
        return x, tuple(before for before, _ in pads)
    return F.pad(x, [n for pair in reversed(pads) for n in pair]), (0,) * len(pads)
