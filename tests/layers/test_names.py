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


def required_first(name):
    return [p.name for p in inspect.signature(getattr(keras.layers, name)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]


BY_POSITION = [name for name in layers.MODULES if name[0].isupper() and name not in ("Layer", "Input", "Conv3DTranspose")]


@pytest.mark.parametrize("name", BY_POSITION)
def test_settings_are_keras_own_in_its_order(name):
    unknown = {"name", "activity_regularizer", "dtype"}
    ours, theirs = list(getattr(layers, name)._fields), [word for word in required_first(name) if word not in unknown]
    assert ours == theirs[: len(ours)]


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
