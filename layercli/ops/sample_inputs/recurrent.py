"""Sample inputs of recurrence."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.ops.nn.rnn import FullLikeBatch, FusedRecurrence, GruStep, LstmStep, Select
from layercli.ops.nn.rnn_loop import RNNLoop
from layercli.ops.numpy.elementwise import Binary, Unary
from layercli.ops.numpy.linear import Linear
from layercli.ops.sample_inputs import SampleInput, spec

TANH, SIGMOID = Unary("tanh"), Unary("sigmoid")
X, STATE = spec("B T 3"), spec("B 4")


def cell(x: Tensor, states: Any, kernel: Tensor | None = None) -> Any:
    """Return a simple RNN's step without recurrent weights, for the sake of its shapes."""
    projected = Linear()(x, kernel, None)
    out = TANH(Binary("add")(projected, states[0]))
    return out, [out]


def nested(x: Any, states: Any, kernel: Any = None) -> Any:
    """Return two cells on top of each other."""
    first, inner = cell(x, states[0], kernel)
    out = Binary("multiply")(first, states[1][0])
    return out, [inner, [out]]


CASES = [
    SampleInput(FusedRecurrence("lstm"), (X, spec("3 16"), spec("4 16"), spec("16"))),
    SampleInput(FusedRecurrence("lstm", True, True), (X, spec("3 16"), spec("4 16"), None, STATE, STATE)),
    SampleInput(FusedRecurrence("gru", False, True), (X, spec("3 12"), spec("4 12"), spec("2 12"))),
    SampleInput(FusedRecurrence("gru", True), (X, spec("3 12"), spec("4 12"), None, STATE)),
    SampleInput(FusedRecurrence("tanh"), (X, spec("3 4"), spec("4 4"), spec("4"), STATE)),
    SampleInput(FusedRecurrence("relu", sequences=True), (X, spec("3 4"), spec("4 4"), None)),
    SampleInput(LstmStep(TANH, SIGMOID), (spec("B 16"), STATE)),
    SampleInput(LstmStep(TANH, SIGMOID, 1), (spec("B 16 H W"), spec("B 4 H W"))),
    SampleInput(GruStep(TANH, SIGMOID), (spec("B 12"), STATE, STATE, spec("4 12"), spec("12"))),
    SampleInput(GruStep(TANH, SIGMOID, False), (spec("B 12"), STATE, STATE, spec("4 12"), None)),
    SampleInput(FullLikeBatch(1.0, (3, 2)), (X,), differentiable=False),
    SampleInput(Select(1), (spec("2 T"),)),
    SampleInput(RNNLoop(cell), (X, None, STATE, spec("3 4"))),
    SampleInput(
        RNNLoop(cell, backwards=True, sequences=True, zeros=True), (X, spec("B T", "bool"), STATE, spec("3 4"))
    ),
    SampleInput(RNNLoop(cell, sequences=True, unrolled=True), (X, spec("B T", "bool"), STATE, spec("3 4"))),
    SampleInput(RNNLoop(nested, ((None,), (None,))), (X, spec("B T", "bool"), STATE, STATE, spec("3 4"))),
]
