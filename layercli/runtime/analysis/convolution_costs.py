"""Multiply-accumulates of convolutions as functions of shapes."""

from __future__ import annotations

from math import prod

from torch import Tensor

from layercli.runtime.analysis.cost_registry import Arguments, costs, first_of, unpacked


@costs(*(f"{space}::conv{rank}d{kind}" for space in ("quantized", "_quantized") for rank in (1, 2, 3)
         for kind in ("", "_relu", "_dynamic")))  # fmt: skip
def quantized_convolution(args: Arguments, out: Tensor) -> int | None:
    """Like the original layer before quantization; its packed weights are unpacked to get their shape."""
    return out.numel() * prod(unpacked(args[1]).shape[1:])  # type: ignore[no-any-return]


@costs("quantized::conv2d_add", "quantized::conv2d_add_relu")
def added_quantized_convolution(args: Arguments, out: Tensor) -> int | None:
    """Like the original layer; the tensor added to its result is the argument before the weights."""
    return out.numel() * prod(unpacked(args[2]).shape[1:])  # type: ignore[no-any-return]


@costs(*(f"{space}::conv_transpose{rank}d{kind}" for space in ("quantized", "_quantized") for rank in (1, 2, 3)
         for kind in ("", "_dynamic")))  # fmt: skip
def quantized_transposed_convolution(args: Arguments, out: Tensor) -> int | None:
    """Each input element contributes to a window."""
    return args[0].numel() * prod(unpacked(args[1]).shape[1:])  # type: ignore[no-any-return]


@costs("aten::cudnn_convolution", "aten::cudnn_convolution_relu", "aten::cudnn_convolution_add_relu",
       "aten::miopen_convolution", "aten::miopen_convolution_relu", "aten::miopen_convolution_add_relu",
       "aten::miopen_depthwise_convolution", "aten::_mps_convolution", "aten::_nnpack_spatial_convolution",
       "aten::mkldnn_convolution", "mkldnn::_convolution_pointwise", "aten::slow_conv3d_forward",
       "aten::_slow_conv2d_forward", "aten::slow_conv_dilated2d", "aten::slow_conv_dilated3d", "aten::_conv_depthwise2d",
       "aten::conv_depthwise3d", "aten::conv1d", "aten::conv2d", "aten::conv3d")  # fmt: skip
def windows(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over a window."""
    return first_of(out).numel() * prod(args[1].shape[1:])  # type: ignore[no-any-return]


@costs("mkldnn::_convolution_pointwise_")
def windows_added_to(args: Arguments, out: Tensor) -> int | None:
    """Like a convolution whose result is added to the first argument."""
    return out.numel() * prod(args[2].shape[1:])  # type: ignore[no-any-return]


@costs(*(f"onednn::qconv{rank}_pointwise" for rank in ("", "1d", "2d", "3d")))
def quantized_windows(args: Arguments, out: Tensor) -> int | None:
    """Like a convolution whose weights follow the input's scale and zero point."""
    return out.numel() * prod(args[3].shape[1:])  # type: ignore[no-any-return]


@costs("aten::cudnn_convolution_transpose", "aten::miopen_convolution_transpose", "aten::_mps_convolution_transpose",
       "aten::slow_conv_transpose2d", "aten::slow_conv_transpose3d", "mkldnn::_convolution_transpose_pointwise")  # fmt: skip
def transposed_windows(args: Arguments, out: Tensor) -> int | None:
    """Each input element contributes to a window."""
    x, weight = args[0], args[1]
    spatial = x.dim() - (weight.dim() - 2)
    return x.numel() * weight.numel() // x.shape[spatial - 1]  # type: ignore[no-any-return]


@costs("aten::convolution", "aten::_convolution", "aten::convolution_overrideable")
def convolution(args: Arguments, out: Tensor) -> int | None:
    """Each output element is a sum over a window; in a transposed convolution each input element contributes to a window."""
    x, weight, transposed = args[0], args[1], args[6]
    return (x if transposed else first_of(out)).numel() * prod(weight.shape[1:])  # type: ignore[no-any-return]


@costs("aten::convolution_backward", "aten::convolution_backward_overrideable")
def convolution_gradients(args: Arguments, out: Tensor) -> int | None:
    """The gradient of the input and that of the weights each take as many products as the convolution."""
    # The first has arguments between the weights and the strides that the second has not.
    gradient, x, weight = args[:3]
    transposed, mask = (args[7], args[10]) if len(args) > 10 else (args[6], args[9])
    once = (x if transposed else gradient).numel() * prod(weight.shape[1:])
    return once * (bool(mask[0]) + bool(mask[1]))  # type: ignore[no-any-return]


@costs("aten::conv_tbc")
def time_convolution(args: Arguments, out: Tensor) -> int | None:
    """A convolution over time, whose weights are (window, channels, filters)."""
    window, channels, _ = args[1].shape
    return out.numel() * window * channels  # type: ignore[no-any-return]
