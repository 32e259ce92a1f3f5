"""Convolutions."""

from __future__ import annotations

from layercli.layers.convolutional.base_conv import BaseConv
from layercli.layers.validators import CausalPadding


class Conv1D(BaseConv):
    """Conv over one axis: x (batch, steps, channels) to (batch, steps', filters).

    ``causal`` pads before only: no output depends on a later step.
    """

    padding: CausalPadding = "valid"
    axes = 1


class Conv2D(BaseConv):
    """Conv over two axes: x (batch, height, width, channels) to (batch, height', width', filters)."""

    axes = 2


class Conv3D(BaseConv):
    """Conv over three axes: x (batch, depth, height, width, channels) to (batch, depth', height', width', filters)."""

    axes = 3
