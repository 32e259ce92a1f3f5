"""Bidirectional and TimeDistributed against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import Sequential, layers
from layercli.errors import FormatError, ShapeError, UsageError
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.core.input_layer import Input
from layercli.layers.rnn.bidirectional import Bidirectional
from layercli.layers.rnn.gru import GRU
from layercli.layers.rnn.lstm import LSTM, LSTMCell
from layercli.layers.rnn.rnn import RNN
from layercli.layers.rnn.time_distributed import TimeDistributed
from layercli.models import clone_model
from tests.keras_parity import check, image, keras

X = image(3, 6, 4)
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]], bool)


HOLDERS = {
    "RNN": lambda: RNN([LSTMCell(3), LSTMCell(4)], return_sequences=True),
    "RNN of one": lambda: RNN(LSTMCell(3)),
    "StackedRNNCells": lambda: layers.StackedRNNCells([LSTMCell(3), LSTMCell(4)]),
    "Bidirectional": lambda: Bidirectional(LSTM(3), backward_layer=GRU(3, go_backwards=True)),
    "Bidirectional of cells": lambda: Bidirectional(RNN([LSTMCell(3)])),
    "TimeDistributed": lambda: TimeDistributed(Dense(4, "relu")),
    "SpectralNormalization": lambda: layers.SpectralNormalization(Dense(4)),
    "Pipeline": lambda: layers.Pipeline([layers.Rescaling(2.0), Dense(4)]),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_layer_of_layers_is_made_from_its_config(kind):
    layer = HOLDERS[kind]()
    made = type(layer).from_config(layer.get_config())
    assert made.get_config() == layer.get_config()
    if kind != "StackedRNNCells":
        model = Sequential([Input((6, 4)), layer])
        copy = clone_model(model)
        copy.set_weights(model.get_weights())
        np.testing.assert_array_equal(copy(X).detach(), model(X).detach())


def test_a_config_of_a_class_that_is_unknown_is_refused():
    with pytest.raises(FormatError, match="holds a system, which layercli does not make from a file"):
        TimeDistributed.from_config({"layer": {"module": "os", "class_name": "system", "config": {}}})


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize(
    "settings", [{}, {"return_sequences": True}, {"return_sequences": True, "return_state": True}], ids=str
)
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_bidirectional(mode, settings, mask):
    ours, theirs = (
        Bidirectional(LSTM(5, **settings), mode),
        keras.layers.Bidirectional(keras.layers.LSTM(5, **settings), mode),
    )
    check(ours, theirs, X, call={} if mask is None else {"mask": mask})


def test_bidirectional_of_other_layers():
    check(Bidirectional(GRU(5)), keras.layers.Bidirectional(keras.layers.GRU(5)), X)
    check(Bidirectional(RNN(LSTMCell(5))), keras.layers.Bidirectional(keras.layers.RNN(keras.layers.LSTMCell(5))), X)
    ours = Bidirectional(LSTM(5), backward_layer=LSTM(3, go_backwards=True))
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(5), backward_layer=keras.layers.LSTM(3, go_backwards=True))
    check(ours, theirs, X)


def test_bidirectional_from_an_initial_state():
    states = [image(3, 5, seed=i) for i in range(4)]
    check(Bidirectional(LSTM(5)), keras.layers.Bidirectional(keras.layers.LSTM(5)), X, call={"initial_state": states})


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_time_distributed(mask):
    call = {} if mask is None else {"mask": mask}
    check(TimeDistributed(Dense(5)), keras.layers.TimeDistributed(keras.layers.Dense(5)), X, call=call)


def test_time_distributed_of_images():
    check(TimeDistributed(Conv2D(3, 2)), keras.layers.TimeDistributed(keras.layers.Conv2D(3, 2)), image(2, 3, 5, 5, 2))


def test_shapes_are_known_without_values():
    x = Input(("T", 4))
    assert str(Bidirectional(LSTM(5, return_sequences=True))(x).spec) == "float32[None, T, 10]"
    assert str(TimeDistributed(Dense(5))(x).spec) == "float32[None, T, 5]"


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert message(Bidirectional, Dense(3, name="d")) == (
        "Bidirectional expects a recurrent layer, got <Dense name=d, built=False>"
    )
    assert message(Bidirectional, LSTM(3), backward_layer=LSTM(3)) == (
        "Bidirectional expects layers that go opposite ways, got two with the same go_backwards"
    )
    assert message(Bidirectional, LSTM(3), backward_layer=LSTM(3, go_backwards=True, return_state=True)) == (
        "Bidirectional expects both layers to have the same return_state"
    )
    assert message(Bidirectional(LSTM(5), name="b"), X, initial_state=[X[:, 0]]) == (
        "b (Bidirectional) expects as many initial states for each direction, got 1 in all"
    )
    assert message(TimeDistributed(Dense(5), name="t"), X[0]) == (
        "t (TimeDistributed) expects x with at least 3 axes (batch, steps, ...), got 2"
    )
    assert message(TimeDistributed(Dense(5), name="t"), X, mask=MASK[:, :4]) == (
        "t (TimeDistributed) expects a mask that begins with (3, 6), got (3, 4)"
    )
    assert message(TimeDistributed, "dense") == "TimeDistributed expects layer to be a layer, got 'dense'"
