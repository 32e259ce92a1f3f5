"""Scales of products in float8."""

from layercli.ops.nn.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize

__all__ = ["compute_float8_amax_history", "compute_float8_scale", "quantize_and_dequantize"]
