"""Every layer's config makes the same layer again."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
import torch

from layercli import Input, Model, layers, load_model
from layercli.core.layer import Layer
from layercli.errors import LayercliError
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer

SETTINGS = {
    "units": 3, "filters": 4, "kernel_size": 3, "rate": 0.5, "stddev": 0.1, "n": 2, "target_shape": (2,), "dims": (2, 1),
    "axes": 1, "scale": 2.0, "input_dim": 5, "output_dim": 3, "num_heads": 2, "key_dim": 3, "head_dim": 3,
    "num_query_heads": 4, "num_key_value_heads": 2, "equation": "ab,bc->ac", "output_shape": 3, "activation": "relu",
    "output_size": 2, "pool_size": 2, "height": 4, "width": 3, "factor": 0.2, "height_factor": 0.2, "width_factor": 0.3,
    "num_tokens": 6, "bin_boundaries": [0.0, 2.0], "shape": (4,), "num_bins": 3, "max_number": 2,
}  # fmt: skip
SMALL = {
    "ContrastLimitedAdaptiveHistogramEqualization": {
        "tile_grid_size": 1
    },  # Keras on torch truncates the limit of a bin
    "RandomPosterization": {"factor": 3},
    "STFTSpectrogram": {"frame_length": 4},
    "MelSpectrogram": {"fft_length": 2, "sequence_stride": 1},
}
"""Settings of layers whose defaults are for larger inputs, or that take others than the rest."""
NEEDED = {"CategoryEncoding": ["num_tokens"], "Discretization": ["bin_boundaries"], "InputLayer": ["shape"]}
"""Settings that have a default in Keras, with which there is no layer."""
WRAPPERS = {"layer", "layers", "cell", "cells", "function", "module"}


def simple():
    for name in layers.__all__:
        kind = getattr(layers, name)
        if isinstance(kind, type) and kind is not Layer and not WRAPPERS & kind._fields.keys():
            yield name


def settings_of(name):
    """Return the settings that a layer cannot do without."""
    fields = getattr(layers, name)._fields
    needed = [
        key for key, default in fields.items() if default is inspect.Parameter.empty or key in NEEDED.get(name, ())
    ]
    return {key: SETTINGS[key] for key in needed} | SMALL.get(name, {})


@pytest.mark.parametrize("name", list(simple()))
def test_config_goes_round(name):
    kind = getattr(layers, name)
    layer = kind(**settings_of(name))
    config = layer.get_config()
    assert set(config) >= {"name", "trainable", "dtype", *kind._fields} - kind._left_out
    assert kind.from_config(json.loads(json.dumps(config))).get_config() == config


SHAPES = [(2,), (6, 4), (8, 8, 4), (8, 8, 3), (6, 6, 6, 4), (3, 4, 4, 4, 2)]
CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "InputLayer"}
"""What takes a state with its input, and is part of a layer: of RNN, whose file holds it; and what takes nothing."""


def small(name):
    """Return a model of one layer of this name, and inputs for it: of the first shape and number of inputs it takes."""
    kind = getattr(layers, name)
    settings = settings_of(name) | ({"groups": 2} if name == "GroupNormalization" else {})
    dtype = "int32" if name.endswith("Embedding") else "float32"
    for shape in [(8, 8, 3)] if issubclass(kind, BaseImagePreprocessingLayer) else SHAPES:
        for number in (1, 2):
            inputs = [Input(shape, dtype=dtype) for _ in range(number)]
            given = inputs if "Attention" in name and name.startswith(("Multi", "Group")) else [inputs[:number]]
            given = given if number == 2 else inputs
            try:
                model = Model(inputs, kind(**settings)(*given))
            except (LayercliError, TypeError, AttributeError):  # it takes other inputs
                continue
            return model, [np.ones((2, *shape), dtype) * np.arange(1, shape[-1] + 1, dtype=dtype) % 5 for _ in inputs]
    raise AssertionError(f"no input that {name} takes")


TEXT = {"StringLookup", "TextVectorization", "HashedCrossing"}
"""What takes text or columns; tests/layers/test_text.py saves them."""


@pytest.mark.parametrize("name", [name for name in simple() if name not in CELLS | TEXT])
def test_a_file_holds_it(name, tmp_path):
    model, inputs = small(name)
    expected = model(inputs, training=False)
    model.save(tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]
    torch.testing.assert_close(loaded(inputs, training=False), expected, rtol=0, atol=0, equal_nan=True)
