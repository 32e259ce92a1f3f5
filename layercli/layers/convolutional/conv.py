"""Conv1D, Conv2D and Conv3D."""

from __future__ import annotations

from layercli.layers.convolutional.base_conv import BaseConv
from layercli.layers.validators import CausalPadding


class Conv1D(BaseConv):
    """1D convolution: out[p] = activation(sum over taps t of x[p * strides + t * dilation_rate] @ kernel[t] + bias).

    x (batch, steps, channels) to (batch, steps', filters).

    Args:
        padding: "valid" (none), "same" (a stride of 1 keeps the size) or "causal" (only before: no output sees a later step).
    """

    padding: CausalPadding = "valid"
    axes = 1


class Conv2D(BaseConv):
    """2D convolution: out[p] = activation(sum over taps t of x[p * strides + t * dilation_rate] @ kernel[t] + bias).

    x (batch, height, width, channels) to (batch, height', width', filters).
    """

    axes = 2


class Conv3D(BaseConv):
    """3D convolution: out[p] = activation(sum over taps t of x[p * strides + t * dilation_rate] @ kernel[t] + bias).

    x (batch, depth, height, width, channels) to (batch, depth', height', width', filters).
    """

    axes = 3
