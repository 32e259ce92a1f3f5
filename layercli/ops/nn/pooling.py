"""Max and average pooling, with windows and adaptive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.core.operation import Op, cached_property
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import F, torch
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.convolution import CHANNELS_FIRST, CHANNELS_LAST, joined, split
from layercli.ops.nn.window_arguments import Sizes, _spatial_axes, channels_first, checked_padding, each
from layercli.ops.nn.window_geometry import Window, windows


def average_pool(
    inputs: TensorLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the mean of each window of ``pool_size`` on ``inputs`` (batch, *spatial, channels), ``strides`` apart.

    Padding is not part of the mean. ``strides`` None is the window size.
    """
    return _pooled("average", inputs, pool_size, strides, padding, data_format)


def max_pool(
    inputs: TensorLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the maximum of each window of ``pool_size`` on ``inputs`` (batch, *spatial, channels), ``strides`` apart.

    Padding is never the maximum. ``strides`` None is the window size.
    """
    return _pooled("max", inputs, pool_size, strides, padding, data_format)


def adaptive_average_pool(inputs: TensorLike, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Return the means of ``output_size`` windows that cover ``inputs`` (batch, *spatial, channels).

    ``output_size``: one number, or one per spatial axis.
    """
    return _parts("average", inputs, output_size, data_format)


def adaptive_max_pool(inputs: TensorLike, output_size: Sizes, data_format: str | None = None) -> Tensor:
    """Return the maxima of ``output_size`` windows that cover ``inputs`` (batch, *spatial, channels).

    ``output_size``: one number, or one per spatial axis.
    """
    return _parts("max", inputs, output_size, data_format)


def _parts(kind: str, inputs: Any, parts: Sizes, data_format: str | None) -> Tensor:
    axes = _spatial_axes(inputs)
    return AdaptivePool(kind, each(parts, axes, "output_size"), channels_first(data_format))(inputs)


def _pooled(
    kind: str, inputs: Any, size: Sizes, strides: Sizes | None, padding: str, data_format: str | None
) -> Tensor:
    axes = _spatial_axes(inputs)
    window = each(size, axes, "pool_size")
    steps = window if strides is None else each(strides, axes, "strides")
    return Pool(kind, window, steps, checked_padding(padding), channels_first(data_format))(inputs)


@dataclass(frozen=True)
class Pool(Op):
    """out[n, p, c] = the maximum (``max``) or the mean (``average``) of x in the window at p * stride.

    x: (batch, *spatial, channels), or channels first. Padding is ignored: never the maximum, not part of the mean.
    """

    kind: str
    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *sizes, channels), or channels first."""
        batch, spatial, channels = split(x, len(self.size), self.channels_first)
        positions = tuple(window.output(n) for window, n in zip(self.windows, spatial, strict=True))
        return Spec(joined(batch, positions, channels, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's pooling of x in channels-last memory, without a padded copy."""
        return with_channels_first(self._padded, x, len(self.size), self.channels_first)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        return windows(self.size, self.strides, self.padding)

    def _padded(self, x: Tensor) -> Tensor:
        """Pad evenly with torch: the last window may exceed the end (``ceil_mode``); at stride 1 a superfluous window
        is cut.

        torch's ``ceil_mode`` keeps a last window that exceeds the end. At stride 1 that changes nothing, so there the
        greater padding is applied at both ends, and the extra first window is cut.
        """
        if self.padding == "valid":
            return self._pooled(x, (0,) * len(self.size), False)
        _, _, *spatial = x.shape
        pads = [window.pads(n) for window, n in zip(self.windows, spatial, strict=True)]
        shifted = [
            window.stride == 1 and before < after for window, (before, after) in zip(self.windows, pads, strict=True)
        ]
        out = self._pooled(x, [pad[one] for pad, one in zip(pads, shifted, strict=True)], True)
        for axis, one in enumerate(shifted, start=2):
            if one:
                out = out.narrow(axis, 1, out.shape[axis] - 1)
        return out

    def _pooled(self, x: Tensor, pads: Sequence[int], ceil: bool) -> Tensor:
        """Return torch's result; one spatial axis is computed as two, as torch then keeps channels last."""
        if len(self.size) == 1:
            return _pool(self.kind, x.unsqueeze(2), (1, *self.size), (1, *self.strides), (0, *pads), ceil).squeeze(2)
        return _pool(self.kind, x, self.size, self.strides, pads, ceil)


@dataclass(frozen=True)
class AdaptivePool(Op):
    """out[n, i, c] = the maximum or the mean of x from floor(i * size / parts) to ceil((i + 1) * size / parts).

    ``parts``: the output size of each spatial axis; neighbouring windows may overlap.
    """

    kind: str
    parts: tuple[int, ...]
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *parts, channels), or channels first."""
        batch, _, channels = split(x, len(self.parts), self.channels_first)
        return Spec(joined(batch, self.parts, channels, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's adaptive pooling."""
        return with_channels_first(self._pooled, x, len(self.parts), self.channels_first)

    def _pooled(self, x: Tensor) -> Tensor:
        if len(self.parts) == 1:
            return ADAPTIVE[self.kind, 2](x.unsqueeze(2), (1, *self.parts)).squeeze(2)
        return ADAPTIVE[self.kind, len(self.parts)](x, self.parts)


ADAPTIVE = {
    ("max", 2): lambda x, parts: F.adaptive_max_pool2d(x, parts),
    ("max", 3): lambda x, parts: F.adaptive_max_pool3d(x, parts),
    ("average", 2): lambda x, parts: F.adaptive_avg_pool2d(x, parts),
    ("average", 3): lambda x, parts: F.adaptive_avg_pool3d(x, parts),
}
"""torch's adaptive poolings by kind and number of axes."""


def with_channels_first(function: Callable[[Tensor], Tensor], x: Tensor, axes: int, already: bool) -> Tensor:
    """Return ``function`` of x with channels first (a view), and the channels moved back."""
    if x.ndim != axes + 2:  # torch takes a tensor with one axis less for an unbatched image
        check_rank(x, axes + 2)
    if already:
        return function(x)
    return function(x.permute(*CHANNELS_FIRST[axes + 2])).permute(*CHANNELS_LAST[axes + 2])


def _pool(kind: str, x: Tensor, size: Any, strides: Any, pads: Any, ceil: bool) -> Tensor:
    if kind == "max":
        pooled = torch.max_pool2d if len(size) == 2 else torch.max_pool3d
        return pooled(x, size, strides, pads, 1, ceil)
    averaged = F.avg_pool2d if len(size) == 2 else F.avg_pool3d
    return averaged(x, size, strides, pads, ceil, False)
