"""Recurrent layers against Keras, and against our own loop where the fused kernel does the work."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import ops
from layercli.core import tree
from layercli.core.layer import Layer
from layercli.errors import ShapeError, UsageError
from layercli.layers.core.embedding import Embedding
from layercli.layers.core.input_layer import Input
from layercli.layers.rnn.gru import GRU, GRUCell
from layercli.layers.rnn.lstm import LSTM, LSTMCell
from layercli.layers.rnn.rnn import RNN
from layercli.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from layercli.layers.rnn.stacked_rnn_cells import StackedRNNCells
from tests.keras_parity import check, close, image, keras, randomized

X = image(3, 6, 4)
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]], bool)
LAYERS = [(LSTM, keras.layers.LSTM), (GRU, keras.layers.GRU), (SimpleRNN, keras.layers.SimpleRNN)]
SETTINGS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"use_bias": False},
    {"activation": "relu"},
    {"activation": "softsign", "return_sequences": True, "go_backwards": True},
    {"unroll": True},
    {"activation": None},
]

each_layer = pytest.mark.parametrize(("ours", "theirs"), LAYERS, ids=["lstm", "gru", "simple"])
each_settings = pytest.mark.parametrize("settings", SETTINGS, ids=str)


@each_layer
@each_settings
def test_against_keras(ours, theirs, settings):
    check(ours(5, **settings), theirs(5, **settings), X)


@each_layer
@each_settings
def test_with_a_mask(ours, theirs, settings):
    check(ours(5, **settings), theirs(5, **settings), X, call={"mask": MASK})


@each_layer
@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_from_an_initial_state(ours, theirs, mask, unroll):
    states = [image(3, 5, seed=i) for i in range(2 if ours is LSTM else 1)]
    call = {"initial_state": states} | ({} if mask is None else {"mask": mask})
    settings = {"return_sequences": True, "return_state": True, "unroll": unroll}
    check(ours(5, **settings), theirs(5, **settings), X, call=call)


@pytest.mark.parametrize("settings", [{}, {"recurrent_activation": "hard_sigmoid"}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_gru_that_resets_before(settings, mask):
    settings = {"reset_after": False, "return_sequences": True, **settings}
    check(GRU(5, **settings), keras.layers.GRU(5, **settings), X, call={} if mask is None else {"mask": mask})


def test_lstm_with_other_gates():
    settings = {"recurrent_activation": "hard_sigmoid"}
    check(LSTM(5, **settings), keras.layers.LSTM(5, **settings), X)


def test_the_bias_of_the_forget_gate_starts_at_1():
    for unit, expected in ((True, [0, 1, 0, 0]), (False, [0, 0, 0, 0])):
        layer = LSTM(2, unit_forget_bias=unit)
        layer(X)
        assert layer.cell.bias.numpy().reshape(4, 2).tolist() == [[n, n] for n in expected]


@each_layer
def test_the_fused_kernel_is_the_loop(ours, theirs):
    fused = ours(5, return_sequences=True, return_state=True, go_backwards=True)
    fused(X)
    assert fused._fused is not None
    loop = RNN(fused.cell, return_sequences=True, return_state=True, go_backwards=True)
    for a, b in zip(fused(X), loop(X), strict=True):
        close(a.detach(), b.detach())


@each_layer
def test_stateful(ours, theirs):
    layer, whole = ours(5, stateful=True), ours(5)
    first, second = X[:, :3], X[:, 3:]
    layer(first)
    whole(X)
    whole.set_weights(layer.get_weights())
    layer.reset_state()
    layer(first)
    close(layer(second).detach(), whole(X).detach())
    layer.reset_state()
    close(layer(first).detach(), whole(first).detach())
    assert len(layer.variables) == 3
    assert len(layer.module.state_dict()) == 3


def check_stacked(stacked, settings):
    """Compare a layer of two cells, called with a mask, with a layer of each, one after the other."""
    first, last = RNN(LSTMCell(5), return_sequences=True, return_state=True), RNN(GRUCell(4), **settings)
    stacked(X, mask=MASK)
    sequence, *states = first(X, mask=MASK)
    last(sequence, mask=MASK)
    randomized(stacked)
    weights = stacked.get_weights()
    first.set_weights(weights[:3])
    last.set_weights(weights[3:])
    found = tree.flatten(stacked(X, mask=MASK))
    sequence, *states = first(X, mask=MASK)
    output, *state = tree.flatten(last(sequence, mask=MASK))
    expected = [output, *(states if state else []), *state]
    for one, other in zip(found, expected, strict=True):
        close(one.detach(), other.detach())


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize(
    "settings", [{}, {"return_sequences": True, "return_state": True}, {"zero_output_for_mask": True}], ids=str
)
@pytest.mark.parametrize(
    "make",
    [
        lambda layers: layers.LSTMCell(5),
        lambda layers: [layers.LSTMCell(5), layers.GRUCell(4)],
        lambda layers: [layers.LSTMCell(5), layers.LSTMCell(3)],
        lambda layers: layers.SimpleRNNCell(5, activation="relu"),
    ],
)
def test_rnn_of_cells(make, settings, mask):
    class Ours:
        LSTMCell, GRUCell, SimpleRNNCell = LSTMCell, GRUCell, SimpleRNNCell

    if mask is not None and isinstance(make(Ours), list) and isinstance(make(Ours)[-1], GRUCell):
        check_stacked(RNN(make(Ours), **settings), settings)  # Keras takes a row of the one state for the output before
        return
    call = {} if mask is None else {"mask": mask}
    check(RNN(make(Ours), **settings), keras.layers.RNN(make(keras.layers), **settings), X, call=call)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(LSTMCell, keras.layers.LSTMCell), (GRUCell, keras.layers.GRUCell)], ids=["lstm", "gru"]
)
def test_a_cell_by_itself(ours, theirs):
    states = [image(3, 5, seed=i) for i in range(2 if ours is LSTMCell else 1)]
    check(ours(5), theirs(5), image(3, 4), states)


class Minimal(Layer):
    """A cell as Keras's users write it."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, self.units))

    def call(self, inputs, states):
        out = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel)
        return out, [out]


def test_a_cell_of_ones_own():
    layer = RNN(Minimal(5), return_sequences=True)
    out = layer(X)
    kernel, recurrent = layer.get_weights()
    h = np.zeros((3, 5), "float32")
    for t in range(6):
        h = X[:, t] @ kernel + h @ recurrent
        close(out[:, t].detach(), h)
    described = RNN(Minimal(5))(Input(("T", 4)))
    assert str(described.spec) == "float32[None, 5]"
    scan = described.node.calls[-1]
    assert str(scan.target.macs(*scan.specs)) == "45*B*T"


@each_layer
def test_cost_counts_every_step(ours, theirs):
    out = ours(5)(Input(("T", 4)))
    gates = {LSTM: 4, GRU: 3, SimpleRNN: 1}[ours]
    [call] = out.node.calls
    assert str(call.target.macs(*call.specs)) == f"{gates * 5 * (4 + 5)}*B*T"
    masked = ours(5)(Embedding(9, 4, mask_zero=True)(Input(("T",), dtype="int64")))
    [call] = masked.node.calls[-1:]
    assert str(call.target.macs(*call.specs)) == f"{gates * 5 * (4 + 5)}*B*T"


@each_layer
@pytest.mark.parametrize("seed", [None, 3])
def test_dropout_is_one_decision_for_the_whole_sequence(ours, theirs, seed):
    for settings in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}):
        layer = ours(5, seed=seed, **settings)
        x = torch.from_numpy(X)
        assert torch.equal(layer(x), layer(x))
        first, second = layer(x, training=True), layer(x, training=True)
        assert not torch.equal(first, second)
    layer = ours(5, dropout=0.5, seed=seed)
    x = torch.ones(1, 6, 4, requires_grad=True)
    layer(x, training=True).sum().backward()
    zero = x.grad == 0
    assert torch.equal(zero, zero[:, :1].expand_as(zero))


def test_a_mask_from_an_embedding_reaches_the_lstm():
    tokens = torch.tensor([[3, 1, 0, 0], [2, 2, 4, 0]])
    embedding, layer = Embedding(5, 4, mask_zero=True), LSTM(5)
    x = embedding(tokens)
    expected = layer(x.detach().clone(), mask=tokens != 0)
    assert torch.allclose(layer(x), expected)
    close(layer(x[:1, :2].detach()).detach(), layer(x).detach()[:1])


@each_layer
def test_half_precision_and_other_policies(ours, theirs):
    exact, half = ours(5), ours(5, dtype="mixed_bfloat16")
    exact(X)
    half(X)
    half.set_weights(exact.get_weights())
    out = half(X)
    assert out.dtype is torch.bfloat16
    close(out.detach().float(), exact(X).detach(), 2**-5)


@each_layer
def test_it_can_be_exported(ours, theirs):
    layer = ours(5)
    x = torch.from_numpy(X)
    expected = layer(x)
    exported = torch.export.export(layer.module, (x,), strict=False).module()
    assert torch.allclose(exported(x), expected, atol=1e-6)


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    layer = LSTM(5, name="l")
    layer(X)
    assert message(layer, image(3, 6, 7)) == "l (LSTM) expects x with 4 features, got 7 (x = float32[3, 6, 7])"
    assert (
        message(layer, image(3, 4))
        == "l (LSTM) expects x with 3 axes (batch, steps, features), got 2 (x = float32[3, 4])"
    )
    assert (
        message(LSTM(5, name="l"), image(3, 4))
        == "l (LSTM) expects x with at least 3 axes (batch, steps, features), got 2"
    )
    assert message(layer, X, initial_state=[image(3, 5)]) == "l (LSTM) expects 2 initial states, got 1"
    assert message(layer, X, initial_state=[image(3, 5), image(3, 4)]) == (
        "l (LSTM) expects an initial state of the shape (3, 5), got (3, 4)"
    )
    assert message(layer, X, mask=MASK[:, :4]) == "l (LSTM) expects a mask of the shape (3, 6), got bool[3, 4]"
    assert (
        message(LSTM(5, stateful=True, name="s"), Input((6, 4)))
        == "s (LSTM) is stateful, so the batch size must be known"
    )
    assert message(RNN, "lstm") == "a cell is a layer with a state_size, got 'lstm'"
    assert message(StackedRNNCells, [3]) == "a cell is a layer with a state_size, got 3"
