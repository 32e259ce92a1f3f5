"""The names of layercli.layers."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from layercli import layers
from layercli.core.layer import Layer
from tests.oracle import keras


def test_every_name_is_there_and_is_keras_own():
    for name in layers.__all__:
        found = getattr(layers, name)
        assert inspect.isfunction(found) or issubclass(found, Layer)
        assert hasattr(keras.layers, name), name
    assert layers.__all__ == sorted(set(layers.__all__)) == dir(layers)


@pytest.mark.parametrize("name", sorted(layers.ALIASES))
def test_second_names_are_keras_second_names(name):
    theirs = getattr(keras.layers, name)
    assert getattr(layers, name) is getattr(layers, theirs.__name__)


def settings_of(name):
    parameters = inspect.signature(getattr(keras.layers, name)).parameters.values()
    of_every_layer = {"name", "activity_regularizer", "dtype"}
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in of_every_layer]


WINDOWS = ("convolution", "transposed_convolution", "depthwise", "pooling", "global_pooling", "adaptive_pooling")
SHAPES = ("reshaping", "padding", "upsampling", "rescaling", "merging")
BY_POSITION = [
    name
    for name, module in layers.MODULES.items()
    if module in WINDOWS + SHAPES and name[0].isupper() and name != "Conv3DTranspose"  # whose order is one of its own
]


@pytest.mark.parametrize("name", BY_POSITION)
def test_settings_are_keras_own_in_its_order(name):
    assert list(getattr(layers, name)._fields) == settings_of(name)


def test_neither_torch_nor_numpy_is_imported_for_the_names():
    program = (
        "import sys; sys.modules['torch'] = sys.modules['numpy'] = None\n"
        "from layercli import layers\n"
        "[getattr(layers, name) for name in layers.__all__]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError) as error:
        layers.Convolve  # noqa: B018
    assert str(error.value) == "layercli.layers has no 'Convolve'"
