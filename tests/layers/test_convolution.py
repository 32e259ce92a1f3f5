"""Convolutions against Keras."""

from __future__ import annotations

import pytest

from layercli.layers.convolution import Conv2D
from tests.oracle import check, image, keras

SETTINGS = [
    {"filters": 6, "kernel_size": 3},
    {"filters": 6, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same"},
    {"filters": 6, "kernel_size": 3, "dilation_rate": (2, 1), "padding": "same", "use_bias": False},
    {"filters": 6, "kernel_size": 3, "groups": 2, "activation": "relu"},
    {"filters": 6, "kernel_size": 2, "data_format": "channels_first", "strides": 2},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_conv2d(settings):
    check(
        Conv2D(**settings),
        keras.layers.Conv2D(**settings),
        image(2, 8, 7, 4) if "data_format" not in settings else image(2, 4, 8, 7),
    )
