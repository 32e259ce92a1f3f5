"""Pooling against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import layers
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, image, keras

SIZES = {1: (7,), 2: (8, 7), 3: (6, 5, 7)}


def compare(name, settings, axes, **kwargs):
    shape = (2, 4, *SIZES[axes]) if settings.get("data_format") == "channels_first" else (2, *SIZES[axes], 4)
    check(getattr(layers, name)(**settings), getattr(keras.layers, name)(**settings), image(*shape), **kwargs)


WINDOWS = [
    *((1, {"pool_size": k, "strides": s, "padding": "same"}) for k in (1, 2, 3, 4, 5) for s in (None, 1, 2, 3)),
    (1, {"pool_size": 3}),
    (1, {"pool_size": 2, "data_format": "channels_first", "padding": "same", "strides": 1}),
    (2, {"pool_size": 2}),
    (2, {"pool_size": 3, "strides": 2}),
    (2, {"pool_size": 3, "strides": 2, "padding": "same"}),
    (2, {"pool_size": (2, 3), "strides": (1, 2), "padding": "same"}),
    (2, {"pool_size": (4, 2), "strides": 1, "padding": "same"}),
    (2, {"pool_size": (2, 3), "data_format": "channels_first", "padding": "same"}),
    (3, {"pool_size": 2}),
    (3, {"pool_size": 3, "strides": 2, "padding": "same"}),
    (3, {"pool_size": (2, 1, 3), "strides": 1, "padding": "same", "data_format": "channels_first"}),
]


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize(("axes", "settings"), WINDOWS, ids=str)
def test_pooling(kind, axes, settings):
    compare(f"{kind}Pooling{axes}D", settings, axes)


def test_the_padding_is_never_the_greatest_value():
    below_zero = -1 - np.abs(image(2, 7, 4))
    check(layers.MaxPooling1D(3, 2, "same"), keras.layers.MaxPooling1D(3, 2, "same"), below_zero)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_global_pooling(kind, axes, data_format, keepdims):
    compare(f"Global{kind}Pooling{axes}D", {"data_format": data_format, "keepdims": keepdims}, axes)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_masked_step_does_not_count(data_format):
    mask = np.array([[1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 1, 0, 1, 0]], bool)
    for keepdims in (False, True):
        settings = {"data_format": data_format, "keepdims": keepdims}
        compare("GlobalAveragePooling1D", settings, 1, call={"mask": mask})


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize(
    ("axes", "settings"),
    [
        (1, {"output_size": 3}),
        (1, {"output_size": 6, "data_format": "channels_first"}),
        (2, {"output_size": (3, 2)}),
        (2, {"output_size": 5}),
        (2, {"output_size": 4, "data_format": "channels_first"}),
        (3, {"output_size": (2, 3, 4)}),
        (3, {"output_size": 2, "data_format": "channels_first"}),
    ],
    ids=str,
)
def test_adaptive_pooling(kind, axes, settings):
    compare(f"Adaptive{kind}Pooling{axes}D", settings, axes)


@pytest.mark.parametrize("name", ["AdaptiveMaxPooling1D", "AdaptiveAveragePooling1D"])
def test_as_many_parts_as_places_give_the_input_back(name):  # where Keras 3.15 reads past the end and gives nan
    x = image(2, 7, 4)
    assert np.array_equal(getattr(layers, name)(7)(x).numpy(), x)


def test_pooled_images_stay_channels_last():
    for layer in (layers.MaxPooling2D(3, 2, "same"), layers.AveragePooling2D(2), layers.AdaptiveAveragePooling2D(3)):
        assert layer(image(2, 8, 8, 4)).is_contiguous()


def test_a_size_not_known_gives_a_formula():
    x = layers.Input(("H", None, 4))
    assert str(layers.MaxPooling2D(3, 2, "same")(x).spec) == "float32[None, ceil(H/2), None, 4]"
    assert str(layers.AveragePooling2D(3)(x).spec) == "float32[None, floor(H/3), None, 4]"
    assert str(layers.AdaptiveMaxPooling2D(3)(x).spec) == "float32[None, 3, 3, 4]"


MESSAGES = [
    (layers.MaxPooling2D(3), (2, 2, 8, 4), "expects at least 3 along each axis the window slides on, got 2"),
    (layers.AveragePooling1D(2), (2, 4), "expects x with 3 axes, got 2 (x = float32[2, 4])"),
    (layers.GlobalMaxPooling2D(), (2, 8, 4), "expects x with 4 axes, got 3 (x = float32[2, 8, 4])"),
    (layers.GlobalAveragePooling1D(), (2, 4), "expects x with 3 axes, got 2 (x = float32[2, 4])"),
    (layers.AdaptiveMaxPooling1D(2), (2, 4), "expects x with 3 axes, got 2 (x = float32[2, 4])"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), MESSAGES, ids=lambda x: getattr(x, "name", None))
def test_an_input_that_does_not_fit(layer, shape, message):
    with pytest.raises(ShapeError) as error:
        layer(image(*shape))
    assert str(error.value) == f"{layer.name} ({type(layer).__name__}) {message}"


SETTINGS = [
    (lambda: layers.AveragePooling2D(), "AveragePooling2D needs pool_size"),
    (
        lambda: layers.MaxPooling2D((2, 0)),
        "MaxPooling2D expects pool_size to be a positive integer, or 2 of them, got (2, 0)",
    ),
    (
        lambda: layers.MaxPooling1D(2, padding="causal"),
        "MaxPooling1D expects padding to be 'valid' or 'same', got 'causal'",
    ),
]


@pytest.mark.parametrize(("make", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(make, message):
    with pytest.raises(UsageError) as error:
        make()
    assert str(error.value) == message
