"""Errors are of the class that Keras raises for the same call, so that a script's ``except`` finds them."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import Input, Model, Sequential, layers, ops, optimizers
from layercli.errors import LayercliError

X = np.ones((2, 4), "float32")


class Empty(layers.Layer):
    """A layer without call."""


def model():
    inputs = Input((4,))
    return Model(inputs, layers.Dense(2, name="head")(inputs))


@pytest.mark.parametrize(
    ("act", "kind", "message"),
    [
        (lambda: layers.Dense(), TypeError, "Dense needs units"),
        (lambda: layers.Dense(2, foo=1), ValueError, "Dense has no argument 'foo'"),
        (lambda: layers.Dense(2)(), TypeError, "dense (Dense) takes inputs, got nothing"),
        (lambda: layers.Dense(2, dtype="foo"), ValueError, "there is no dtype 'foo'"),
        (lambda: layers.Dense(2).output, AttributeError, None),
        (lambda: optimizers.Adam(lr=1), ValueError, "Adam has no argument 'lr'"),
        (lambda: Input(), ValueError, "Input expects shape to be a tuple of sizes, got None"),
        (lambda: Input("a"), ValueError, "Input expects shape to be a tuple of sizes, got 'a'"),
        (lambda: Empty()(X), NotImplementedError, None),
        (lambda: model().get_layer("head", 1), ValueError, "get_layer takes a name or an index, got 'head' and 1"),
        (lambda: float(Input((4,))), ValueError, None),
        (lambda: list(Input((4,))), TypeError, None),
        (lambda: ops.sum(X, axis=5), IndexError, "expects x with an axis 5, got 2 axes (x = float32[2, 4])"),
        (lambda: layers.Embedding(3, 2, name="e")(X * 7), IndexError, "e (Embedding) expects indices from 0 to 2, got 7"),
        (lambda: ops.max_pool(X[..., None], 2, strides=0), ValueError, "expects strides to be at least 1, got 0"),
        (lambda: Sequential([])(X), ValueError, None),
        (lambda: ops.cast(X, "foo"), ValueError, "there is no dtype 'foo'"),
        (lambda: layercli.utils.set_random_seed("a"), ValueError, "a seed is an integer, got 'a'"),
        (lambda: model().save("/nowhere/m.keras"), FileNotFoundError, None),
        (lambda: compiled().fit((3 for _ in range(2)), verbose=0), ValueError, None),
    ],
)  # fmt: skip
def test_it_is_of_keras_s_class(act, kind, message):
    with pytest.raises(kind) as raised:
        act()
    assert isinstance(raised.value, LayercliError)
    assert message is None or str(raised.value) == message


def test_build_without_a_shape_does_nothing():
    for layer in (Sequential([layers.Dense(2)]), layercli.Sequential([layers.LSTM(2)])):
        assert layer.build(None) is layer.build() is None
        assert not layer.built


def compiled():
    made = model()
    made.compile("sgd", "mse")
    return made
