"""A model that is called many times runs as a graph: the same results to the bit, and none where more than tensors counts."""

import numpy as np
import pytest
import torch

from layercli import Input, Model, Sequential, layers, ops
from layercli.core import tree
from layercli.models.transformer import EncoderBlock
from layercli.runtime.inference import onednn_kernels, prediction_loop
from layercli.runtime.inference.prepacked_weights import PrepackedCall
from layercli.runtime.inference.repeated_call import TRACED_AFTER, RepeatedCall

pytestmark = pytest.mark.skipif(not onednn_kernels.available(), reason="this torch was built without oneDNN's kernels")


def traced(model, x):
    """The call of a model, announced to be made many times, after two of them."""
    model(x)
    call = RepeatedCall(model, model, calls=1000)
    with torch.inference_mode():
        call(x)
        call(x)
    return call


def functional():
    x = Input((6, 6, 3))
    y = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    return Model(x, {"sum": ops.relu(y + x), "mean": layers.GlobalAveragePooling2D()(layers.BatchNormalization()(y))})


def twice():
    x = Input((4,))
    y = layers.Dense(6)(x)
    return Model(x, y + y)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (twice, (3, 4)),
        (lambda: EncoderBlock(16, 4, 32), (2, 5, 16)),
        (functional, (2, 6, 6, 3)),
    ],
)
def test_the_graph_gives_what_the_layers_give_to_the_bit(make, shape, library):
    model, x = make(), torch.randn(shape)
    call, layer_by_layer = traced(model, x), PrepackedCall(model, many=True)
    assert call._graph is not None
    for given in (x, torch.randn(shape), torch.randn(shape)[:1]):
        with torch.inference_mode():
            expected, found = layer_by_layer(given), call(given)
        assert all(map(torch.equal, tree.flatten(found), tree.flatten(expected)))


def test_products_of_one_input_are_one_product(library):
    model = EncoderBlock(16, 4, 32)
    assert "split_with_sizes" in traced(model, torch.randn(2, 5, 16))._graph.func.__code__.co_names


def test_it_waits_for_as_many_calls_as_a_trace_pays_for():
    model, x = Sequential([layers.Dense(3)]), torch.randn(2, 4)
    model(x)
    call = RepeatedCall(model, model)
    with torch.inference_mode():
        for _ in range(TRACED_AFTER - 1):
            call(x)
        call(x[:1])  # other shapes begin anew
        for _ in range(TRACED_AFTER - 1):
            call(x)
        assert call._graph is None
        call(x)
    assert call._graph is not None


class Doubled(layers.Layer):
    """A layer of a user."""

    def call(self, inputs):
        return inputs * 2


def with_activation_set_later():
    dense = layers.Dense(2)
    dense.activation = lambda x: x * 2
    return Sequential([dense])


def with_own_function():
    x = Input((4,))
    return Model(x, ops.map(lambda row: row * 2, x))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([Doubled()]),
        lambda: Sequential([layers.Lambda(lambda x: x * 2)]),
        lambda: Sequential([layers.Dense(2, activation=lambda x: x * 2)]),
        with_activation_set_later,
        with_own_function,
        lambda: Sequential([layers.Reshape((4, 1)), layers.LSTM(2, stateful=True)]),
    ],
)
def test_code_of_the_user_and_changes_of_state_are_left_to_the_layers(make):
    assert traced(make(), torch.randn(2, 4))._graph is None


def test_predict_takes_batches_of_text():
    model = Sequential([layers.StringLookup(vocabulary=["a", "b"])])
    found = model.predict(np.array([["a", "b"], ["b", "b"], ["c", "a"]]), batch_size=2, verbose=0)
    np.testing.assert_array_equal(found, [[1, 2], [2, 2], [0, 1]])


def test_hooks_gradients_and_changed_weights_are_the_layers():
    model, x = Sequential([layers.Dense(3)]), torch.randn(2, 4)
    call = traced(model, x)
    assert call._graph is not None
    seen = []
    handle = model.layers[0].module.register_forward_hook(lambda *_: seen.append(1))
    with torch.inference_mode():
        call(x)
    handle.remove()
    assert seen == [1]
    assert call(x).requires_grad
    with torch.no_grad():
        model.layers[0].kernel.assign(np.ones((4, 3)))
    with torch.inference_mode():
        assert torch.equal(call(x), model(x))


def test_predict_traces_models_with_keras_predict_step_only(monkeypatch):
    made = []
    monkeypatch.setattr(
        prediction_loop, "RepeatedCall", lambda *args, **how: made.append(how) or RepeatedCall(*args, **how)
    )
    model, x = Sequential([layers.Dense(3)]), np.random.rand(450, 4).astype(np.float32)
    np.testing.assert_array_equal(model.predict(x, batch_size=1, verbose=0), model(x).detach().numpy())
    assert made == [{"calls": 450}]
    model.predict_step = lambda data: model(data)
    model.predict(x, batch_size=100, verbose=0)
    assert len(made) == 1
