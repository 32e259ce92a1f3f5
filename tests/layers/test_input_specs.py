"""What ``input_spec`` says of every layer, as made and as built, and of a model: Keras's text of it."""

from __future__ import annotations

import pytest

import layercli
from layercli import Input, Model, Sequential, layers
from layercli.core.input_spec import InputSpec
from tests.keras_parity import keras
from tests.layers.test_config import settings_of, simple

NEED_TENSORFLOW = {"HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"}
"""What Keras makes with TensorFlow alone."""
CLASS = {"GroupedQueryAttention": "GroupQueryAttention"}
OTHERS = [
    ("GroupNormalization", {"groups": 2}, (None, 5, 4)),
    ("BatchNormalization", {}, (None, 5, 4)),
    ("BatchNormalization", {"axis": 1}, (None, 5, 4)),
    ("PReLU", {}, (None, 5, 4)),
    ("PReLU", {"shared_axes": [1]}, (None, 5, 4)),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 3)}, (None, 5, 4)),
    ("LayerNormalization", {}, (None, 5, 4)),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, (None, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (None, 3, 6, 6)),
    ("Permute", {"dims": (2, 1, 3)}, (None, 5, 4, 3)),
]
"""Layers that need other settings, or whose specs say nothing before they are built."""


def of(module, name, settings):
    return getattr(module.layers, name)(**settings)


def built_by_rank(layer):
    """Return the layer built for an input that its spec allows."""
    (spec,) = layer.input_spec if isinstance(layer.input_spec, list) else [layer.input_spec]
    layer.build(shape := (None, *[6] * ((spec.ndim or spec.min_ndim) - 2), 4)[: spec.ndim])
    return layer, shape


def test_layers():
    for name in sorted({*simple()} - NEED_TENSORFLOW):
        ours, theirs = of(layercli, name, settings_of(name)), of(keras, CLASS.get(name, name), settings_of(name))
        assert str(ours.input_spec) == str(theirs.input_spec), name
        if ours.input_spec is not None:
            ours, shape = built_by_rank(ours)
            theirs.build(shape)
            assert str(ours.input_spec) == str(theirs.input_spec), name
    for name, settings, shape in OTHERS:
        ours, theirs = of(layercli, name, settings), of(keras, name, settings)
        ours.build(shape)
        theirs.build(shape)
        assert str(ours.input_spec) == str(theirs.input_spec), name


def test_wrappers_and_a_built_cell():
    for name, held, settings in (
        ("SpectralNormalization", "Dense", {"units": 3}),
        ("Bidirectional", "SimpleRNN", {"units": 3}),
        ("Bidirectional", "GRU", {"units": 3}),
        ("TimeDistributed", "Dense", {"units": 3}),
    ):
        specs = []
        for module in (layercli, keras):
            layer = getattr(module.layers, name)(of(module, held, settings))
            before = str(layer.input_spec)
            layer.build((None, 5, 4))
            specs.append((before, str(layer.input_spec)))
        assert specs[0] == specs[1], name


def test_models():
    specs = []
    for module in (layercli, keras):
        a, b = module.Input((3, None), name="a"), module.Input((4,), batch_size=2, name="b")
        outputs = [module.layers.Flatten()(b)]
        models = [module.Model(inputs, outputs) for inputs in (b, [a, b], {"b": b, "a": a}, {"a": [a, b]})]
        models.append(module.Sequential([b, module.layers.Dense(2)]))
        specs.append([str(model.input_spec) for model in models])
        specs[-1] += [str(x.name) for x in models[2].input_spec]
    assert specs[0] == specs[1]


def test_a_spec_that_is_set_is_the_only_one_that_refuses():
    """The spec of a built-in layer says no more than what the layer refuses by itself, so its calls are not checked twice."""
    dense = layers.Dense(3)
    dense.build((None, 4))
    assert dense._input_spec is None
    dense.input_spec = InputSpec(ndim=2)
    assert str(dense.input_spec) == "InputSpec(ndim=2)"
    dense.input_spec = None
    assert dense.input_spec is None
    model = Sequential([Input((4,)), layers.Dense(1)])
    same = Model(model.inputs, model.outputs)
    same.input_spec = InputSpec(shape=(None, 4))
    with pytest.raises(layercli.errors.ShapeError) as error:
        same(dense.kernel[None])
    assert error.value.message == "expects an input with 2 axes, got 3 (shape (1, 4, 3))"
