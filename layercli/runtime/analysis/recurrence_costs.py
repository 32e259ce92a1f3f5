"""Multiply-accumulates of recurrent layers and cells as functions of shapes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from layercli.runtime.analysis.cost_registry import Arguments, costs, unpacked


@costs("aten::mkldnn_rnn_layer")
def recurrent_layer(args: Arguments, out: Tensor) -> int | None:
    """At each step: the gates' products with the input and with the state."""
    x, weight_input, weight_state = args[:3]
    steps = x.numel() // x.shape[-1]
    return steps * (weight_input.numel() + weight_state.numel())  # type: ignore[no-any-return]


@costs("aten::_cudnn_rnn", "aten::miopen_rnn")
def cudnn_recurrence(args: Arguments, out: Tensor) -> int | None:
    """At each step: the products with the matrices of all layers."""
    x, weights = args[0], args[1]
    steps = x.numel() // x.shape[-1]
    return steps * sum(w.numel() for w in weights if w.dim() == 2)  # type: ignore[no-any-return]


@costs("aten::_lstm_mps")
def metal_recurrence(args: Arguments, out: Tensor) -> int | None:
    """Like cuDNN's recurrence; the initial state precedes the weights."""
    return cudnn_recurrence((args[0], args[2]), out)


@costs("quantized::quantized_lstm_cell_dynamic", "quantized::quantized_gru_cell_dynamic",
       "quantized::quantized_rnn_relu_cell_dynamic", "quantized::quantized_rnn_tanh_cell_dynamic")  # fmt: skip
def quantized_cell(args: Arguments, out: Tensor) -> int | None:
    """The gates' products with the input and with the state, for every row."""
    rows = args[0].numel() // args[0].shape[-1]
    return rows * sum(unpacked(packed).numel() for packed in args[2:4])  # type: ignore[no-any-return]


@costs("aten::quantized_lstm", "aten::quantized_gru")
def quantized_recurrence(args: Arguments, out: Tensor) -> int | None:
    """At each step: the products with the packed matrices of all layers."""
    x = args[0]
    steps = x.numel() // x.shape[-1]
    cells = next(a for a in args[2:4] if isinstance(a, (list, tuple)))
    packed = [each for cell in cells for each in state_of(cell)[4]]
    return steps * sum(unpacked(each).numel() for each in packed)  # type: ignore[no-any-return]


def state_of(cell: Any) -> Any:
    """Return the state of a packed cell: its kind, biases, numbers and packed weights; some give their class beside it."""
    state = cell.__getstate__()
    return state[0] if isinstance(state[0], tuple) else state
