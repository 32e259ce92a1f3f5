"""Convolutions over one, two or three spatial axes, channels last or first."""

from __future__ import annotations

import math
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property, spec_of
from layercli.core.spec import Shape, Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.core import kernel_overrides
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.window_arguments import Sizes, channels_first, checked_padding, each
from layercli.ops.nn.window_geometry import Window, windows
from layercli.ops.numpy.elementwise import promoted
from layercli.ops.numpy.linear import multiplied

CHANNELS_FIRST = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}
"""The permutation to channels first by rank; of a channels-last tensor it is a view in torch's channels-last memory."""


CHANNELS_LAST = {3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
"""The inverse permutation."""


TORCH_KERNEL = {3: (2, 1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}
"""The permutation from (*size, channels, filters) to torch's order of weights, by rank."""


FEW = 512
"""The most positions at which a pointwise convolution is a matrix product: oneDNN reorders the kernel in each call."""


@dataclass(frozen=True)
class _Convolution(Op):
    """Base of the convolutions: size, stride and dilation per spatial axis."""

    promotes = True

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    dilation: tuple[int, ...] | None = None
    channels_first: bool = False

    def macs(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Size:
        """Return batch x output positions x the kernel's size."""
        batch, positions, _ = split(self.spec(x, kernel, bias), len(self.strides), self.channels_first)
        return batch * dims.product(positions) * kernel.size

    def convolved(self, x: Tensor, weight: Tensor, bias: Any, groups: int) -> Tensor:
        """Return torch's convolution of x in channels-last memory; x is copied only for uneven padding."""
        if x.ndim != len(self.strides) + 2:  # torch takes a tensor with one axis less for an unbatched image
            check_rank(x, len(self.strides) + 2)
        if not self.channels_first:
            x = x.permute(*CHANNELS_FIRST[x.ndim])
        padding = self.even_pads
        if padding is None:
            x, padding = padded(x, self.windows)
        out = convolve(x, weight, bias, self.strides, padding, self.steps, groups)
        return out if self.channels_first else out.permute(*CHANNELS_LAST[out.ndim])

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        return windows(self.size, self.strides, self.padding, self.dilation)

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The dilation of each axis, 1 by default."""
        return self.dilation or (1,) * len(self.strides)

    @cached_property
    def even_pads(self) -> tuple[int, ...] | None:
        """The padding at both ends of each axis, or None where it depends on the input size."""
        pads = [window.even_pad for window in self.windows]
        return tuple(pad for pad in pads if pad is not None) if None not in pads else None

    def positions(self, x: Spec) -> tuple[Size, Shape, Size]:
        """Return the batch, the output sizes and the channels of x."""
        batch, spatial, channels = split(x, len(self.strides), self.channels_first)
        return batch, tuple(window.output(n) for window, n in zip(self.windows, spatial, strict=True)), channels


@dataclass(frozen=True)
class Convolution(_Convolution):
    """out[n, p, o] = sum over taps t and channels c of x[n, p * stride + t * dilation, c] kernel[t, c, o] + bias[o].

    x: (batch, *spatial, channels), or (batch, channels, *spatial) for ``channels_first``; kernel: (*size, channels /
    groups, filters).
    """

    groups: int = 1

    def spec(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return (batch, *sizes, filters), or channels first."""
        batch, positions, channels = self.positions(x)
        *_, group, filters = kernel.shape
        check_channels(x, channels, group * self.groups)
        return Spec(joined(batch, positions, filters, self.channels_first), promoted(x, kernel))

    def run(self, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return torch's convolution, or a matrix product for a pointwise kernel at few positions."""
        if self.pointwise and kernel_overrides.active.conv2d is None and x.ndim == kernel.ndim and self.few(x):
            return self.product(x, kernel, bias)
        return self.convolved(x, kernel.permute(*TORCH_KERNEL[kernel.ndim]), bias, self.groups)

    @cached_property
    def pointwise(self) -> bool:
        """Whether the kernel has size 1 and no groups: a matrix product at each position."""
        return {*self.size} == {1} and self.groups == 1 and not self.channels_first

    def few(self, x: Tensor) -> bool:
        """Whether there are so few positions that reordering the kernel dominates on a CPU.

        False while a graph is traced or exported, which keeps the convolution.
        """
        if type(x) is not torch.Tensor or not x.is_cpu or torch.compiler.is_compiling():
            return False
        return 0 < x.numel() <= FEW * x.shape[-1] * math.prod(self.strides)

    def product(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """Return the strided positions of x times the kernel, without reordering it."""
        if self.pointwise_steps:
            x = x[self.pointwise_steps].contiguous()
        return multiplied(x, kernel.view(kernel.shape[-2:]), bias)

    @cached_property
    def pointwise_steps(self) -> tuple[slice, ...]:
        """The slices of the strided positions of x; () for stride 1."""
        steps = (slice(None), *(slice(None, None, stride) for stride in self.strides))
        return steps if {*self.strides} != {1} else ()


@dataclass(frozen=True)
class DepthwiseConvolution(_Convolution):
    """out[n, p, c * m + j] = sum over taps t of x[n, p * stride + t * dilation, c] kernel[t, c, j] + bias[c * m + j].

    Each channel is convolved separately to m channels; kernel: (*size, channels, m).
    """

    def spec(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return (batch, *sizes, channels * m), or channels first."""
        batch, positions, channels = self.positions(x)
        *_, wanted, multiplier = kernel.shape
        check_channels(x, channels, wanted)
        return Spec(joined(batch, positions, wanted * multiplier, self.channels_first), promoted(x, kernel))

    def run(self, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return torch's convolution with one group per channel; the weight is a view of the kernel."""
        *size, channels, multiplier = kernel.shape
        axes = len(size)
        weight = kernel.permute(axes, axes + 1, *range(axes)).reshape(channels * multiplier, 1, *size)
        return self.convolved(x, weight, bias, channels)


def convolve(x: Tensor, weight: Tensor, bias: Tensor, strides: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    """Return torch's convolution over as many axes as ``strides``; one axis is computed as two, as torch then keeps
    channels last.
    """
    if len(strides) == 2:
        given = x, weight, bias, strides, padding, dilation, groups
        override = kernel_overrides.active.conv2d
        out = None if override is None else override(*given)
        return F.conv2d(*given) if out is None else out
    if len(strides) == 3:
        return F.conv3d(x, weight, bias, strides, padding, dilation, groups)
    given = x.unsqueeze(2), weight.unsqueeze(2), bias, (1, *strides), (0, *padding), (1, *dilation), groups
    return convolve(*given).squeeze(2)


def check_channels(x: Spec, channels: Size, wanted: Size) -> None:
    """Raise ShapeError where x's channels are known to differ from ``wanted``."""
    if not dims.may_equal(channels, wanted):
        raise ShapeError(f"expects x with {wanted} channels, got {channels} (x = {x})")


def split(x: Spec, axes: int, channels_first: bool) -> tuple[Size, Shape, Size]:
    """Return the batch, the spatial sizes and the channels of ``x``; ShapeError for another rank."""
    check_rank(x, axes + 2)
    batch, *rest = x.shape
    return (batch, tuple(rest[1:]), rest[0]) if channels_first else (batch, tuple(rest[:-1]), rest[-1])


def joined(batch: Size, spatial: Shape, channels: Size, channels_first: bool) -> Shape:
    """Return the shape with this batch, spatial sizes and channels: the inverse of ``split``."""
    return (batch, channels, *spatial) if channels_first else (batch, *spatial, channels)


def padded(x: Tensor, along: tuple[Window, ...]) -> tuple[Any, tuple[int, ...]]:
    """Return x (channels first) and the padding that torch adds; x is padded here, with a copy, only where it is
    uneven.
    """
    _, _, *spatial = x.shape
    pads = [window.pads(size) for window, size in zip(along, spatial, strict=True)]
    if all(before == after for before, after in pads):
        return x, tuple(before for before, _ in pads)
    return F.pad(x, [n for pair in reversed(pads) for n in pair]), (0,) * len(pads)


def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the convolution of ``inputs`` (batch, *spatial, channels) with ``kernel`` (*size, channels / groups,
    filters).

    The number of groups is the inputs' channels / the kernel's. Raises ShapeError where they do not divide.
    """
    x, weights = _checked(inputs, kernel)
    first = channels_first(data_format)
    size, group = weights.shape[:-2], weights.shape[-2]
    channels = x.shape[1 if first else -1]
    groups = 1
    if isinstance(channels, int) and isinstance(group, int):
        groups = max(channels // group, 1)
        check_channels(x, channels, group * groups)
    settings = _settings(size, strides, dilation_rate)
    return Convolution(settings[0], settings[1], checked_padding(padding, ("causal",)), settings[2], first, groups)(
        inputs, kernel
    )


def depthwise_conv(
    inputs: object,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return each channel of ``inputs`` (batch, *spatial, channels) convolved separately.

    ``kernel``: (*size, channels, multiplier).
    """
    _, weights = _checked(inputs, kernel)
    size, steps, dilation = _settings(weights.shape[:-2], strides, dilation_rate)
    return DepthwiseConvolution(size, steps, checked_padding(padding), dilation, channels_first(data_format))(
        inputs, kernel
    )


def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return ``depthwise_conv`` of the inputs followed by a pointwise convolution with (1, ..., channels, filters)."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


def _checked(inputs: object, kernel: object) -> tuple[Spec, Spec]:
    """Return the specs of inputs and kernel; ShapeError where they do not have 3 to 5 axes each, and equally many."""
    x, weights = spec_of(inputs), spec_of(kernel)
    if weights.rank not in (3, 4, 5):
        raise ShapeError(f"expects kernel with 3 to 5 axes, got {weights.rank} (kernel = {weights})")
    if x.rank != weights.rank:
        raise ShapeError(f"expects x with {weights.rank} axes, got {x.rank} (x = {x})")
    return x, weights


def _settings(size: tuple[Size, ...], strides: Sizes, dilation_rate: Sizes) -> tuple[Any, Any, Any]:
    """Return the size, the strides and the dilation, one number per axis each."""
    axes = len(size)
    dilation = each(dilation_rate, axes, "dilation_rate")
    return tuple(map(int, size)), each(strides, axes, "strides"), None if {*dilation} == {1} else dilation
