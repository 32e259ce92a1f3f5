"""The names of layercli.layers."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from layercli import layers
from layercli.core.layer import Layer
from tests.keras_parity import real_keras as keras


def test_every_name_is_there_and_is_keras_own():
    """Or the name of Keras's class, which its files hold: GroupQueryAttention's is GroupedQueryAttention."""
    theirs = {*dir(keras.layers), *(getattr(found, "__name__", "") for found in vars(keras.layers).values())}
    for name in layers.__all__:
        found = getattr(layers, name)
        assert inspect.isfunction(found) or issubclass(found, Layer)
        assert name in theirs
    assert layers.__all__ == sorted(set(layers.__all__)) == dir(layers)


@pytest.mark.parametrize("name", sorted(layers.ALIASES))
def test_second_names_are_keras_second_names(name):
    theirs = getattr(keras.layers, name)
    assert getattr(layers, name) is getattr(layers, theirs.__name__)


OF_EVERY_LAYER = {"self", "args", "kwargs", "name", "dtype", "trainable", "weights"}
BESIDES = {name: ["zero_output_for_mask"] for name in ("LSTM", "GRU", "SimpleRNN")}  # Keras takes it among the rest
BESIDES |= {f"ConvLSTM{n}D": ["unroll", "zero_output_for_mask"] for n in (1, 2, 3)}  # as above
BESIDES["ReversibleEmbedding"] = ["lora_rank", "lora_alpha", "quantization_config"]  # Keras takes them among the rest
BESIDES |= {
    f"{conv}{n}D": ["lora_rank", "lora_alpha"] for conv in ("Conv", "Convolution") for n in (1, 2, 3)
}  # as above
BESIDES["LayerNormalization"] = ["rms_scaling"]  # Keras's configs hold it
BESIDES |= {name: ["data_format"] for name in ("RandomContrast", "RandomBrightness")}  # as above
CLASS = {"GroupedQueryAttention": "GroupQueryAttention"}
LAYERS = [name for name in layers.__all__ if name[0].isupper() and name not in ("Layer", "Input")]


def plain(default):
    """Return a default so that one number and the same one for every axis are equal."""
    if isinstance(default, (list, tuple)):
        values = [plain(value) for value in default]
        return values[0] if all(value == values[0] for value in values) else values
    return default


def settings_of(name):
    parameters = inspect.signature(getattr(keras.layers, CLASS.get(name, name)).__init__).parameters.values()
    return [(p.name, plain(p.default)) for p in parameters if p.name not in OF_EVERY_LAYER]


@pytest.mark.parametrize("name", LAYERS)
def test_settings_are_keras_own_in_its_order_with_its_defaults(name):
    cls = getattr(layers, name)
    ours = [(key, plain(cls._fields[key])) for key in cls.positional_arguments() if key not in OF_EVERY_LAYER]
    besides = BESIDES.get(name, [])
    assert [pair for pair in ours if pair[0] not in besides] == settings_of(name)
    assert {key for key, _ in ours} >= set(besides)


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
