"""Embedding and Masking against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Layer
from layercli.core import masking
from layercli.errors import ShapeError, UsageError
from layercli.layers.core.embedding import Embedding
from layercli.layers.core.input_layer import Input
from layercli.layers.core.masking import Masking
from tests.keras_parity import check, image, keras

INDICES = np.array([[1, 0, 4], [2, 2, 0]])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)], ids=str)
def test_embedding(shape, dtype):
    check(Embedding(5, 4), keras.layers.Embedding(5, 4), INDICES.reshape(shape).astype(dtype))


def test_embedding_masks_zero():
    check(Embedding(5, 4, mask_zero=True), keras.layers.Embedding(5, 4, mask_zero=True), INDICES)
    out = Embedding(5, 4, mask_zero=True)(INDICES)
    assert masking.mask_of(out).tolist() == (INDICES != 0).tolist()
    assert masking.mask_of(Embedding(5, 4)(INDICES)) is None
    assert str(masking.mask_of(Embedding(5, 4, mask_zero=True)(Input(("T",), dtype="int64"))).spec) == "bool[None, T]"


def test_embedding_starts_from_weights():
    table = image(5, 4)
    for given in (table, [table]):
        assert np.array_equal(Embedding(5, 4, weights=given)(INDICES).detach(), table[INDICES])


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_masking(value):
    x = image(3, 4, 5)
    x[1, 2:] = value
    x[2, 0, :2] = value
    check(Masking(value), keras.layers.Masking(value), x)
    assert masking.mask_of(Masking(value)(x)).tolist() == (x != value).any(-1).tolist()


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_out_of_range_is_named(index):
    assert message(Embedding(5, 4, name="e"), [[1, index]]) == f"e (Embedding) expects indices from 0 to 4, got {index}"


def test_messages():
    assert message(Embedding, 0, 4) == "Embedding expects input_dim to be a positive integer, got 0"
    assert message(Embedding, 3, 4, quantization_config="int8") == (
        "Embedding expects quantization_config to be a QuantizationConfig or None, got 'int8'"
    )
    assert (
        message(Masking(name="m"), torch.zeros(())) == "m (Masking) expects x with an axis -1, got 0 axes (x = bool[])"
    )


class Tokens(Layer):
    """A layer of a user's that makes a mask, as in Keras's guide to masking."""

    def build(self, input_shape):
        self.table = self.add_weight("table", (5, 4))

    def call(self, inputs):
        return torch.nn.functional.embedding(inputs, self.table.value)

    def compute_mask(self, inputs, mask=None):
        return inputs != 0


class Witness(Layer):
    def call(self, inputs, mask=None):
        self.seen = mask
        return inputs


def test_a_mask_that_a_users_layer_makes_travels():
    tokens, witness = Tokens(), Witness()
    for _ in range(2):
        witness(tokens(torch.tensor(INDICES)))
        assert witness.seen.tolist() == (INDICES != 0).tolist()
    assert str(masking.mask_of(tokens(Input(("T",), dtype="int64"))).spec) == "bool[None, T]"


def test_where_no_mask_comes_a_call_is_as_short_as_ever(monkeypatch):
    layer = Witness()
    x = torch.ones(2, 3)
    layer(x)
    monkeypatch.setattr(Layer, "_call", None)
    assert layer(x) is x
    masked = torch.ones(2, 3)
    masking.set_mask(masked, torch.ones(2))
    with pytest.raises(TypeError):
        layer(masked)
