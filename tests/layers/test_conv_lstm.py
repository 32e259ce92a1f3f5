"""ConvLSTM1D, 2D and 3D against Keras, their dropout by its laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, layers
from layercli.core import tree
from layercli.core.graph import Node
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, close, image, keras

SHAPES = {1: (2, 4, 6, 3), 2: (2, 4, 5, 4, 3), 3: (2, 3, 3, 4, 3, 2)}
MASKS = {n: np.array([[1, 1, 1, 0], [0, 1, 0, 1]], bool)[:, : SHAPES[n][1]] for n in SHAPES}
SETTINGS = [
    {},
    {"padding": "same", "strides": 2},
    {"dilation_rate": 2, "return_sequences": True, "padding": "same"},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"use_bias": False, "kernel_size": 3, "padding": "same"},
    {"activation": "relu", "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False},
]
each_rank = pytest.mark.parametrize("axes", [1, 2, 3])
each_settings = pytest.mark.parametrize("settings", SETTINGS, ids=str)


def both(axes, settings):
    settings = {"filters": 2, "kernel_size": 2, **settings}
    return getattr(layers, f"ConvLSTM{axes}D")(**settings), getattr(keras.layers, f"ConvLSTM{axes}D")(**settings)


@each_rank
@each_settings
def test_against_keras(axes, settings):
    check(*both(axes, settings), image(*SHAPES[axes]))


@each_rank
def test_channels_first(axes):
    x = np.ascontiguousarray(np.moveaxis(image(*SHAPES[axes]), -1, 2))
    settings = {"data_format": "channels_first", "return_sequences": True, "padding": "same"}
    check(*both(axes, settings), x)


@pytest.mark.parametrize("settings", [{}, {"return_sequences": True, "return_state": True}], ids=str)
@each_rank
def test_with_a_mask_step_by_step(axes, settings):
    check(*both(axes, {**settings, "unroll": True}), image(*SHAPES[axes]), call={"mask": MASKS[axes]})


@pytest.mark.parametrize(
    "settings", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True}], ids=str
)
@pytest.mark.parametrize("zeros", [False, True])
def test_with_a_mask_it_is_lstm_where_there_is_one_pixel(settings, zeros):
    """Keras on JAX has no loop over masked images that is not unrolled: it fails; LSTM's masks are tested against it."""
    settings = {**settings, "zero_output_for_mask": zeros}
    x = image(2, 4, 1, 3)
    layer, plain = layers.ConvLSTM1D(5, 1, **settings), layers.LSTM(5, **settings)
    layer(x)
    plain(x[:, :, 0])
    plain.set_weights([value.reshape(value.shape[-2:]) if value.ndim > 1 else value for value in layer.get_weights()])
    expected = tree.flatten(plain(x[:, :, 0], mask=MASKS[1]))
    for found, wanted in zip(tree.flatten(layer(x, mask=MASKS[1])), expected, strict=True):
        close(found.detach().numpy().squeeze(-2), wanted.detach())


def test_from_an_initial_state():
    states = [image(2, 4, 3, 2, seed=i) for i in range(2)]
    check(*both(2, {"return_state": True}), image(*SHAPES[2]), call={"initial_state": states})


def test_stateful():
    layer, whole = both(2, {"stateful": True})[0], both(2, {})[0]
    x = image(*SHAPES[2])
    layer(x[:, :2])
    whole(x)
    whole.set_weights(layer.get_weights())
    layer.reset_state()
    layer(x[:, :2])
    close(layer(x[:, 2:]).detach(), whole(x).detach())
    layer.reset_state()
    close(layer(x[:, :2]).detach(), whole(x[:, :2]).detach())
    assert len(layer.variables) == len(layer.module.state_dict()) == 3


@pytest.mark.parametrize("unit", [True, False])
def test_the_bias_of_the_forget_gate_starts_at_1(unit):
    layer = layers.ConvLSTM1D(2, 2, unit_forget_bias=unit)
    layer(image(2, 3, 4, 3))
    assert layer.cell.bias.numpy().tolist() == [0, 0, int(unit), int(unit), 0, 0, 0, 0]


@pytest.mark.parametrize(
    "rates", [{"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.3, "recurrent_dropout": 0.2}]
)
@pytest.mark.parametrize("seed", [None, 3])
def test_dropout_in_training(rates, seed):
    x = torch.tensor(image(*SHAPES[2]))
    layer = layers.ConvLSTM2D(2, 2, seed=seed, **rates)
    plain = layers.ConvLSTM2D(2, 2)
    plain(x)
    close(layer(x).shape, plain(x).shape)
    plain.set_weights(layer.get_weights())
    close(layer(x).detach(), plain(x).detach())
    draws = [layer(x, training=True).detach() for _ in range(2)]
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], plain(x).detach())
    if seed is not None:
        again = layers.ConvLSTM2D(2, 2, seed=seed, **rates)
        again(x)
        again.set_weights(layer.get_weights())
        assert all(torch.equal(again(x, training=True), draw) for draw in draws)


@pytest.mark.parametrize("seed", [None, 3])
def test_dropout_decides_by_gate_once_for_all_steps(seed):
    layer = layers.ConvLSTM2D(2, 2, dropout=0.5, recurrent_dropout=0.25, seed=seed)
    x = torch.tensor(image(40, 2, 5, 4, 3))
    layer(x)
    masks = layer.cell.masks(x[:, 0])
    assert [tuple(mask.shape) for mask in masks] == [(40, 5, 4, 3)] * 4 + [(40, 4, 3, 2)] * 4
    assert [sorted(mask.unique().tolist()) for mask in masks[:4]] == [[0, 2]] * 4
    assert all(abs(float((mask != 0).float().mean()) - 0.75) < 0.06 for mask in masks[4:])
    assert not any(torch.equal(masks[0], other) for other in masks[1:4])


def test_dropout_of_nothing_is_the_layer_itself():
    """Masks of ones through the gates' own convolutions give what one convolution gives."""
    layer = layers.ConvLSTM2D(3, 2, dropout=0.5, recurrent_dropout=0.5)
    x = torch.tensor(image(*SHAPES[2]))
    expected = layer(x).detach()
    step, states = x[:, 0], [torch.zeros(2, 4, 3, 3)] * 2
    whole, _ = layer.cell(step, states)
    ones = [torch.ones_like(step)] * 4 + [torch.ones(2, 4, 3, 3)] * 4
    close(layer.cell(step, states, *ones)[0].detach(), whole.detach())
    assert expected.shape == (2, 4, 3, 3)


@each_rank
@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_it_goes_through_a_file(axes, way, tmp_path):
    path = str(tmp_path / "m.keras")
    settings = {"filters": 2, "kernel_size": 2, "return_sequences": True, "dropout": 0.2, "seed": 4}
    api, load = (layercli, keras.models.load_model) if way == "ours" else (keras, layercli.load_model)
    inputs = api.Input(SHAPES[axes][1:])
    model = api.Model(inputs, getattr(api.layers, f"ConvLSTM{axes}D")(**settings)(inputs))
    model.save(path)
    x = image(*SHAPES[axes])
    close(np.asarray(load(path).predict(x, verbose=0)), np.asarray(model.predict(x, verbose=0)))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (lambda: layers.ConvLSTM1D(4, 3), ("T", "L", 2), "float32[None, L - 2, 4]"),
        (lambda: layers.ConvLSTM2D(4, 3, return_sequences=True), ("T", "H", 7, 2), "float32[None, T, H - 2, 5, 4]"),
        (lambda: layers.ConvLSTM2D(4, 3, 2, "same"), (None, "H", None, 2), "float32[None, ceil(H/2), None, 4]"),
        (
            lambda: layers.ConvLSTM3D(4, 1, data_format="channels_first"),
            ("T", 2, 3, 4, "D"),
            "float32[None, 4, 3, 4, D]",
        ),
    ],
)
def test_shapes_are_known_without_values(layer, shape, expected):
    assert str(layer()(Input(shape)).spec) == expected


def test_cost_is_that_of_both_convolutions_in_every_step():
    def cost(shape, **settings):
        node = layers.ConvLSTM2D(4, 3, **settings)(Input(shape), training=True).node
        assert isinstance(node, Node)
        return node.macs

    own = lambda h, w: h * w * 9 * 2 * 16 + h * w * 9 * 4 * 16  # noqa: E731
    assert str(cost((5, 8, 7, 2))) == f"{5 * own(6, 5)}*B"
    assert cost((5, 8, 7, 2), dropout=0.5, recurrent_dropout=0.5) == cost((5, 8, 7, 2))
    assert cost(("T", "H", 7, 2)).at({"T": 5, "H": 8}) == cost((5, 8, 7, 2))


def said(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert said(layers.ConvLSTM2D, 2, (3, 3, 3)) == (
        "ConvLSTM2D expects kernel_size to be a positive integer, or 2 of them, got (3, 3, 3)"
    )
    assert said(layers.ConvLSTM2D, 2, 3, strides=2, dilation_rate=2) == (
        "ConvLSTM2D expects strides or dilation_rate to be 1, got (2, 2) and (2, 2)"
    )
    assert said(layers.ConvLSTM2D(2, 3, name="c"), image(2, 4, 5, 3)) == (
        "c (ConvLSTM2D) expects x with 5 axes (batch, steps, ..., channels), got (2, 4, 5, 3)"
    )
    layer = layers.ConvLSTM2D(2, 2, name="c")
    assert said(layer, image(2, 4, 5, 4, 3), initial_state=[image(2, 5, 4, 2)] * 2) == (
        "c (ConvLSTM2D) expects an initial state of the shape (2, 4, 3, 2), got (2, 5, 4, 2)"
    )
    assert said(layers.ConvLSTM2D(2, 2, stateful=True, name="c"), Input((4, 5, 4, 3))) == (
        "c (ConvLSTM2D) is stateful, so the batch size must be known"
    )
