"""Transposed convolution."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import F
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.convolution import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    TORCH_KERNEL,
    _checked,
    _settings,
    check_channels,
    joined,
    split,
)
from layercli.ops.nn.window_arguments import Sizes, channels_first, checked_padding, each
from layercli.ops.nn.window_geometry import TransposedWindow
from layercli.ops.numpy.elementwise import promoted


def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the transposed convolution of ``inputs`` (batch, *spatial, channels) with ``kernel`` (*size, filters,
    channels).

    Arguments as in ``keras.ops.conv_transpose``; sizes are one number or one per spatial axis.
    """
    _, weights = _checked(inputs, kernel)
    size, steps, dilation = _settings(weights.shape[:-2], strides, dilation_rate)
    extra = None if output_padding is None else each(output_padding, len(size), "output_padding", 0)
    first = channels_first(data_format)
    return TransposedConvolution(size, steps, checked_padding(padding), dilation, extra, first)(inputs, kernel)


@dataclass(frozen=True)
class TransposedConvolution(Op):
    """out[n, p * stride + t * dilation - before, o] = sum over p, t and c of x[n, p, c] kernel[t, o, c], + bias[o].

    x: (batch, *spatial, channels), or channels first; kernel: (*size, filters, channels). TransposedWindow defines the
    cropping of the ends; ``output_padding`` is its ``extra``, per axis, or None.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    dilation: tuple[int, ...] | None = None
    output_padding: tuple[int, ...] | None = None
    channels_first: bool = False

    def spec(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return (batch, *sizes, filters), or channels first."""
        batch, spatial, channels = split(x, len(self.strides), self.channels_first)
        *_, filters, wanted = kernel.shape
        check_channels(x, channels, wanted)
        positions = tuple(spread.output(size) for spread, size in zip(self.spreads, spatial, strict=True))
        return Spec(joined(batch, positions, filters, self.channels_first), promoted(x, kernel))

    def macs(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Size:
        """Return batch x input positions x the kernel's size."""
        batch, spatial, _ = split(x, len(self.strides), self.channels_first)
        return batch * dims.product(spatial) * kernel.size

    def run(self, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return torch's transposed convolution; where the ends are cropped unevenly, a view without the last position."""
        if x.ndim != len(self.strides) + 2:  # torch takes a tensor with one axis less for an unbatched image
            check_rank(x, len(self.strides) + 2)
        if not self.channels_first:
            x = x.permute(*CHANNELS_FIRST[x.ndim])
        weight = kernel.permute(*TORCH_KERNEL[kernel.ndim])
        out = self._spread(x, weight, bias)
        for axis, spread in enumerate(self.spreads, start=2):
            if spread.cut > 0 and spread.cut % 2:
                out = out.narrow(axis, 0, out.shape[axis] - 1)
        return out if self.channels_first else out.permute(*CHANNELS_LAST[out.ndim])

    def _spread(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return torch's result; one spatial axis is computed as two, as torch then keeps channels last."""
        cut = tuple(spread.before for spread in self.spreads)
        added = tuple(max(-spread.cut, 0) for spread in self.spreads)
        dilation = self.dilation or (1,) * len(self.size)
        if len(self.size) == 1:
            x, weight = x.unsqueeze(2), weight.unsqueeze(2)
            settings = ((1, *self.strides), (0, *cut), (0, *added), 1, (1, *dilation))
            return F.conv_transpose2d(x, weight, bias, *settings).squeeze(2)
        transposed = F.conv_transpose2d if len(self.size) == 2 else F.conv_transpose3d
        return transposed(x, weight, bias, self.strides, cut, added, 1, dilation)

    @cached_property
    def spreads(self) -> tuple[TransposedWindow, ...]:
        """The window of each spatial axis."""
        ones, nothing = (1,) * len(self.size), (None,) * len(self.size)
        each = zip(self.size, self.strides, self.dilation or ones, self.output_padding or nothing, strict=True)
        return tuple(TransposedWindow(n, stride, self.padding, step, extra) for n, stride, step, extra in each)
