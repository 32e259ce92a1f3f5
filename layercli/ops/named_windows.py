"""Convolutions and poolings as Keras names them, with its arguments: what a window's size says is read off the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.core.op import spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError, nearest
from layercli.ops.convolution import Convolution, DepthwiseConvolution, check_channels
from layercli.ops.pooling import AdaptivePool, Pool
from layercli.ops.transposed_convolution import TransposedConvolution

Sizes = int | Sequence[int]


def average_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the mean of each window of ``pool_size`` on ``inputs`` (batch, *spatial, channels), ``strides`` apart.

    What is padded does not count. Strides None are the window's size.
    """
    return _pooled("average", inputs, pool_size, strides, padding, data_format)


def max_pool(
    inputs: Any, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Return the greatest value of each window of ``pool_size`` on ``inputs`` (batch, *spatial, channels), ``strides`` apart.

    What is padded does not count. Strides None are the window's size.
    """
    return _pooled("max", inputs, pool_size, strides, padding, data_format)


def adaptive_average_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """Return the means of ``output_size`` parts of ``inputs`` (batch, *spatial, channels), one number or one per spatial axis."""
    return _parts("average", inputs, output_size, data_format)


def adaptive_max_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """Return the greatest of ``output_size`` parts of ``inputs`` (batch, *spatial, channels), one number or one per axis."""
    return _parts("max", inputs, output_size, data_format)


def conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Return the convolution of ``inputs`` (batch, *spatial, channels) with ``kernel`` (*size, channels / groups, filters).

    It has as many groups as the kernel's channels go into those of the inputs.
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


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Return ``inputs`` (batch, *spatial, channels) spread by ``kernel`` (*size, filters, channels), places ``strides`` apart."""
    _, weights = _checked(inputs, kernel)
    size, steps, dilation = _settings(weights.shape[:-2], strides, dilation_rate)
    extra = None if output_padding is None else each(output_padding, len(size), "output_padding")
    first = channels_first(data_format)
    return TransposedConvolution(size, steps, checked_padding(padding), dilation, extra, first)(inputs, kernel)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Return each channel of ``inputs`` (batch, *spatial, channels) convolved by itself.

    ``kernel`` is (*size, channels, multiplier).
    """
    _, weights = _checked(inputs, kernel)
    size, steps, dilation = _settings(weights.shape[:-2], strides, dilation_rate)
    return DepthwiseConvolution(size, steps, checked_padding(padding), dilation, channels_first(data_format))(
        inputs, kernel
    )


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Any:
    """Return ``depthwise_conv`` of the inputs, its channels then mixed by ``pointwise_kernel`` (1, ..., channels, filters)."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


def _parts(kind: str, inputs: Any, parts: Sizes, data_format: str | None) -> Any:
    axes = _spatial_axes(inputs)
    return AdaptivePool(kind, each(parts, axes, "output_size"), channels_first(data_format))(inputs)


def _spatial_axes(inputs: Any) -> int:
    """Return how many spatial axes the inputs have; ShapeError where they are not 1 to 3."""
    axes = len(spec_of(inputs).shape) - 2
    if axes not in (1, 2, 3):
        raise ShapeError(f"expects x with 3 to 5 axes, got {axes + 2} (x = {spec_of(inputs)})")
    return axes


def _pooled(kind: str, inputs: Any, size: Sizes, strides: Sizes | None, padding: str, data_format: str | None) -> Any:
    axes = _spatial_axes(inputs)
    window = each(size, axes, "pool_size")
    steps = window if strides is None else each(strides, axes, "strides")
    return Pool(kind, window, steps, checked_padding(padding), channels_first(data_format))(inputs)


def _checked(inputs: Any, kernel: Any) -> tuple[Spec, Spec]:
    """Return the specs of inputs and kernel; ShapeError where they have not 3 to 5 axes, as many one as the other."""
    x, weights = spec_of(inputs), spec_of(kernel)
    if weights.rank not in (3, 4, 5):
        raise ShapeError(f"expects kernel with 3 to 5 axes, got {weights.rank} (kernel = {weights})")
    if x.rank != weights.rank:
        raise ShapeError(f"expects x with {weights.rank} axes, got {x.rank} (x = {x})")
    return x, weights


def _settings(size: Any, strides: Sizes, dilation_rate: Sizes) -> tuple[Any, Any, Any]:
    """Return the size, the strides and the dilation, one number per axis each."""
    axes = len(size)
    dilation = each(dilation_rate, axes, "dilation_rate")
    return tuple(map(int, size)), each(strides, axes, "strides"), None if {*dilation} == {1} else dilation


def each(value: Sizes, axes: int, name: str) -> tuple[int, ...]:
    """Return one number for each axis."""
    sizes = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(sizes) != axes:
        raise UsageError(f"expects {name} to be one number or {axes}, got {value}")
    return sizes


def checked_padding(padding: str, more: tuple[str, ...] = ()) -> str:
    """Return the padding in lower case; UsageError for one there is not."""
    known = ["valid", "same", *more]
    if padding.lower() not in known:
        raise UsageError(f"there is no padding {padding!r}", hint=nearest(padding, known))
    return padding.lower()


def channels_first(data_format: str | None) -> bool:
    """Whether channels come before the spatial axes; None is channels last, as everywhere here."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise UsageError(f"there is no data_format {data_format!r}", hint=nearest(data_format, ["channels_last"]))
    return data_format == "channels_first"
