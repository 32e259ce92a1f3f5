"""Layers that move, add, cut or repeat values, against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import layers
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, image, keras

CASES = [
    ("Flatten", {}, (2, 3, 4)),
    ("Flatten", {}, (2,)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3, 4, 5)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3)),
    ("Reshape", {"target_shape": (4, 3)}, (2, 3, 4)),
    ("Reshape", {"target_shape": (-1, 2)}, (2, 3, 4)),
    ("Reshape", {"target_shape": (2, -1, 1)}, (2, 3, 4)),
    ("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    ("Permute", {"dims": (3, 1, 2)}, (2, 3, 4, 5)),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("ZeroPadding1D", {}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": (2, 0)}, (2, 5, 3)),
    ("ZeroPadding1D", {"padding": (1, 2), "data_format": "channels_first"}, (2, 5, 3)),
    ("ZeroPadding2D", {}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": (2, 0)}, (2, 5, 4, 3)),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3)), "data_format": "channels_first"}, (2, 5, 4, 3)),
    ("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (3, 1))}, (2, 4, 3, 5, 2)),
    ("ZeroPadding3D", {"padding": (1, 0, 2), "data_format": "channels_first"}, (2, 4, 3, 5, 2)),
    ("Cropping1D", {}, (2, 5, 3)),
    ("Cropping1D", {"cropping": (0, 3)}, (2, 5, 3)),
    ("Cropping2D", {}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": (2, 1)}, (2, 5, 4, 3)),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3)), "data_format": "channels_first"}, (2, 3, 5, 4)),
    ("Cropping3D", {}, (2, 4, 3, 5, 2)),
    ("Cropping3D", {"cropping": ((0, 1), (2, 0), (1, 1)), "data_format": "channels_first"}, (2, 2, 4, 3, 5)),
    ("UpSampling1D", {}, (2, 5, 3)),
    ("UpSampling1D", {"size": 3}, (2, 5, 3)),
    ("UpSampling2D", {}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": (3, 1), "data_format": "channels_first"}, (2, 3, 5, 4)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (2, 5, 4, 3)),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear", "data_format": "channels_first"}, (2, 3, 5, 4)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bicubic"}, (2, 5, 4, 3)),
    ("UpSampling3D", {}, (2, 2, 3, 4, 3)),
    ("UpSampling3D", {"size": (1, 3, 2), "data_format": "channels_first"}, (2, 3, 2, 3, 4)),
    ("Identity", {}, (2, 3)),
    ("Rescaling", {"scale": 1 / 127.5, "offset": -1}, (2, 5, 4, 3)),
    ("Rescaling", {"scale": [1.0, 2.0, 3.0], "offset": [0.5, 0.0, -1.0]}, (2, 5, 4, 3)),
]


@pytest.mark.parametrize(("name", "settings", "shape"), CASES, ids=str)
def test_layer(name, settings, shape):
    check(getattr(layers, name)(**settings), getattr(keras.layers, name)(**settings), image(*shape))


def test_rescaling_makes_floats_of_pixels():
    pixels = np.arange(24, dtype="uint8").reshape(2, 3, 4)
    check(layers.Rescaling(1 / 255), keras.layers.Rescaling(1 / 255), pixels, gradients=False)


FORMULAS = [
    (layers.Flatten(), ("T", 4), "float32[None, 4*T]"),
    (layers.Flatten(), (None, 4), "float32[None, None]"),
    (layers.Reshape((-1, 2)), ("T", 4), "float32[None, 2*T, 2]"),
    (layers.Reshape((2, -1)), ("T", 4), "float32[None, 2, 2*T]"),
    (layers.Permute((2, 1)), ("T", 4), "float32[None, 4, T]"),
    (layers.ZeroPadding2D(((1, 0), (2, 2))), ("H", None, 3), "float32[None, H + 1, None, 3]"),
    (layers.Cropping1D((1, 2)), ("T", 4), "float32[None, T - 3, 4]"),
    (layers.UpSampling2D(3), ("H", 5, 3), "float32[None, 3*H, 15, 3]"),
    (layers.Conv2DTranspose(8, 3, 2, "same"), ("H", "W", 3), "float32[None, 2*H, 2*W, 8]"),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), FORMULAS, ids=lambda x: getattr(x, "name", None))
def test_a_size_not_known_gives_a_formula(layer, shape, expected):
    assert str(layer(layers.Input(shape)).spec) == expected


MESSAGES = [
    (layers.Reshape((2, 3)), (2, 5), "expects x with 6 values in each sample, got 5 (x = float32[2, 5])"),
    (
        layers.Reshape((2, -1)),
        (2, 5),
        "expects x with a multiple of 2 values in each sample, got 5 (x = float32[2, 5])",
    ),
    (layers.Permute((2, 1)), (2, 5), "expects x with 3 axes, got 2 (x = float32[2, 5])"),
    (layers.RepeatVector(2), (2, 5, 4), "expects x with 2 axes, got 3 (x = float32[2, 5, 4])"),
    (layers.ZeroPadding2D(), (2, 5, 4), "expects x with 4 axes, got 3 (x = float32[2, 5, 4])"),
    (layers.Cropping1D(3), (2, 6, 4), "expects more than 6 along axis 1, got 6 (x = float32[2, 6, 4])"),
    (layers.UpSampling1D(), (2, 6), "expects x with 3 axes, got 2 (x = float32[2, 6])"),
    (layers.UpSampling2D(), (2, 6, 4), "expects x with 4 axes, got 3 (x = float32[2, 6, 4])"),
    (layers.UpSampling3D(), (2, 6, 4), "expects x with 5 axes, got 3 (x = float32[2, 6, 4])"),
    (layers.Rescaling([1, 2]), (2, 5), "expects shapes that broadcast, got [2, 5] and [2]"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), MESSAGES, ids=lambda x: getattr(x, "name", None))
def test_an_input_that_does_not_fit(layer, shape, message):
    for x in (image(*shape), layers.Input(batch_shape=shape)):
        with pytest.raises(ShapeError) as error:
            layer(x)
        assert str(error.value) == f"{layer.name} ({type(layer).__name__}) {message}"


SETTINGS = [
    (lambda: layers.Reshape((-1, -1)), "Reshape expects integers, at most one of them -1, got (-1, -1)"),
    (lambda: layers.Permute((2, 3)), "Permute expects each number from 1 to 2 once, got (2, 3)"),
    (lambda: layers.RepeatVector(0), "RepeatVector expects n to be a positive integer, got 0"),
    (
        lambda: layers.ZeroPadding2D(-1),
        "ZeroPadding2D expects padding to be an integer from 0 or a pair of them, or 2 of them, got -1",
    ),
    (
        lambda: layers.Cropping1D((1, 2, 3)),
        "Cropping1D expects cropping to be an integer from 0 or a pair of them, got (1, 2, 3)",
    ),
    (
        lambda: layers.UpSampling2D(interpolation="lanczos3"),
        "UpSampling2D cannot interpolate by lanczos3: torch has no such kernel",
    ),
    (
        lambda: layers.UpSampling2D(interpolation="linear"),
        "UpSampling2D expects interpolation to be one of nearest, bilinear, bicubic, lanczos3, lanczos5, got 'linear'",
    ),
    (lambda: layers.Rescaling("half"), "Rescaling expects scale to be a number or one per channel, got 'half'"),
]


@pytest.mark.parametrize(("make", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(make, message):
    with pytest.raises(UsageError) as error:
        make()
    assert str(error.value) == message
