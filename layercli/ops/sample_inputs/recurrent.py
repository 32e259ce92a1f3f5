"""Cases of recurrence."""

from __future__ import annotations

from typing import Any

from layercli.ops.nn.rnn import Filled, FusedRecurrence, GruStep, LstmStep, Pick
from layercli.ops.nn.rnn_loop import Scan
from layercli.ops.numpy.elementwise import Binary, Unary
from layercli.ops.numpy.linear import Dense
from layercli.ops.sample_inputs import Case, spec

TANH, SIGMOID = Unary("tanh"), Unary("sigmoid")
X, STATE = spec("B T 3"), spec("B 4")


def cell(x: Any, states: Any, kernel: Any = None) -> Any:
    """Return a simple RNN's step without recurrent weights, for the sake of its shapes."""
    projected = Dense()(x, kernel, None)
    out = TANH(Binary("add")(projected, states[0]))
    return out, [out]


def nested(x: Any, states: Any, kernel: Any = None) -> Any:
    """Return two cells on top of each other."""
    first, inner = cell(x, states[0], kernel)
    out = Binary("multiply")(first, states[1][0])
    return out, [inner, [out]]


CASES = [
    Case(FusedRecurrence("lstm"), (X, spec("3 16"), spec("4 16"), spec("16"))),
    Case(FusedRecurrence("lstm", True, True), (X, spec("3 16"), spec("4 16"), None, STATE, STATE)),
    Case(FusedRecurrence("gru", False, True), (X, spec("3 12"), spec("4 12"), spec("2 12"))),
    Case(FusedRecurrence("gru", True), (X, spec("3 12"), spec("4 12"), None, STATE)),
    Case(FusedRecurrence("tanh"), (X, spec("3 4"), spec("4 4"), spec("4"), STATE)),
    Case(FusedRecurrence("relu", sequences=True), (X, spec("3 4"), spec("4 4"), None)),
    Case(LstmStep(TANH, SIGMOID), (spec("B 16"), STATE)),
    Case(LstmStep(TANH, SIGMOID, 1), (spec("B 16 H W"), spec("B 4 H W"))),
    Case(GruStep(TANH, SIGMOID), (spec("B 12"), STATE, STATE, spec("4 12"), spec("12"))),
    Case(GruStep(TANH, SIGMOID, False), (spec("B 12"), STATE, STATE, spec("4 12"), None)),
    Case(Filled(1.0, (3, 2)), (X,), differentiable=False),
    Case(Pick(1), (spec("2 T"),)),
    Case(Scan(cell), (X, None, STATE, spec("3 4"))),
    Case(Scan(cell, backwards=True, sequences=True, zeros=True), (X, spec("B T", "bool"), STATE, spec("3 4"))),
    Case(Scan(cell, sequences=True, unrolled=True), (X, spec("B T", "bool"), STATE, spec("3 4"))),
    Case(Scan(nested, ((None,), (None,))), (X, spec("B T", "bool"), STATE, STATE, spec("3 4"))),
]
