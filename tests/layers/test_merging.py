"""Layers that merge a list of inputs, against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import layers
from layercli.core import masking
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, close, image, keras, value_of

FOLDS = ["Add", "Multiply", "Average", "Maximum", "Minimum"]


def inputs(*shapes):
    return [image(*shape, seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    "shapes",
    [[(2, 3)] * 2, [(2, 3, 4)] * 3, [(2, 3, 4), (2, 1, 4)], [(2, 4), (2, 3, 4)], [(2, 3, 5, 4), (2, 4), (2, 5, 4)]],
    ids=str,
)
@pytest.mark.parametrize("name", FOLDS)
def test_fold(name, shapes):
    check(getattr(layers, name)(), getattr(keras.layers, name)(), inputs(*shapes))


@pytest.mark.parametrize("shapes", [[(2, 3)] * 2, [(2, 4), (2, 3, 4)]], ids=str)
def test_subtract(shapes):
    check(layers.Subtract(), keras.layers.Subtract(), inputs(*shapes))


@pytest.mark.parametrize(
    ("axis", "shapes"), [(-1, [(2, 3), (2, 4), (2, 1)]), (1, [(2, 3, 4), (2, 5, 4)]), (2, [(2, 3, 4, 5)] * 2)]
)
def test_concatenate(axis, shapes):
    check(layers.Concatenate(axis), keras.layers.Concatenate(axis), inputs(*shapes))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        (1, [(2, 4), (2, 4)]),
        (-1, [(2, 3, 4), (2, 5, 4)]),
        ((2, 1), [(2, 3, 4), (2, 4, 5)]),
        ((1, 2), [(2, 4), (2, 3, 4)]),
        ((1, 1), [(2, 4, 5, 6), (2, 4, 7)]),
        ((3, 2), [(2, 4, 5, 6), (2, 4, 6, 7)]),
    ],
    ids=str,
)
def test_dot(axes, shapes, normalize):
    check(layers.Dot(axes, normalize), keras.layers.Dot(axes, normalize), inputs(*shapes))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"])
def test_function(name):
    both = inputs((2, 3), (2, 3))
    close(getattr(layers, name)(both), getattr(keras.layers, name)(both))


def test_functions_take_settings_after_the_inputs():
    both = inputs((2, 3, 4), (2, 5, 4))
    close(layers.concatenate(both, axis=1), keras.layers.concatenate(both, axis=1))
    close(layers.dot(both, axes=2, normalize=True), keras.layers.dot(both, axes=2, normalize=True))
    assert str(layers.add([layers.Input((3,)), layers.Input((3,))]).spec) == "float32[None, 3]"


FIRST, SECOND = np.array([[1, 1, 0], [1, 0, 1]], bool), np.array([[0, 1, 0], [1, 1, 0]], bool)


@pytest.mark.parametrize("masks", [(FIRST, SECOND), (FIRST, None), (None, SECOND), (None, None)], ids=range(4))
@pytest.mark.parametrize(
    ("name", "settings"), [("Add", {}), ("Concatenate", {}), ("Concatenate", {"axis": 1}), ("Dot", {"axes": 2})]
)
def test_masks_merge_as_in_keras(name, settings, masks):
    arrays = inputs((2, 3, 4), (2, 3, 4))
    tensors = [torch.from_numpy(x) for x in arrays]
    for x, mask in zip(tensors, masks, strict=True):
        if mask is not None:
            masking.set_mask(x, torch.from_numpy(mask))
    ours = masking.mask_of(getattr(layers, name)(**settings)(tensors))
    given = [keras.ops.convert_to_tensor(x) for x in arrays]
    theirs = value_of(getattr(keras.layers, name)(**settings).compute_mask(given, list(masks)))
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert np.array_equal(ours.numpy(), np.asarray(theirs))


MESSAGES = [
    (layers.Add(), [(2, 3), (2, 4)], "expects shapes that broadcast, got [2, 3] and [2, 4]"),
    (layers.Add(), (2, 3), "expects a list of at least 1 input, got one tensor"),
    (layers.Subtract(), [(2, 3)] * 3, "expects a list of 2 inputs, got 3"),
    (
        layers.Concatenate(),
        [(2, 3, 4), (2, 2, 4)],
        "expects inputs of one shape but for axis 2, got float32[2, 3, 4] and float32[2, 2, 4]",
    ),
    (
        layers.Concatenate(),
        [(2, 3, 4), (2, 3)],
        "expects inputs of one shape but for axis 2, got float32[2, 3, 4] and float32[2, 3]",
    ),
    (layers.Concatenate(3), [(2, 3), (2, 3)], "expects x with an axis 3, got 2 axes (x = float32[2, 3])"),
    (
        layers.Dot(1),
        [(2, 3), (2, 4)],
        "expects axis 1 of x and axis 1 of y of one size, and one batch size (x = float32[2, 3], y = float32[2, 4])",
    ),
    (layers.Dot((2, 1)), [(2, 3), (2, 4)], "expects inputs with an axis 2 after the batch (x = float32[2, 3])"),
]


@pytest.mark.parametrize(("layer", "shapes", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_inputs_that_do_not_fit(layer, shapes, message):
    single = isinstance(shapes, tuple)
    for make in (lambda shape: image(*shape), lambda shape: layers.Input(batch_shape=shape)):
        with pytest.raises(ShapeError) as error:
            layer(make(shapes) if single else list(map(make, shapes)))
        assert str(error.value) == f"{layer.name} ({type(layer).__name__}) {message}"


def test_settings_that_cannot_be_meant():
    with pytest.raises(UsageError) as error:
        layers.Dot((1, 2, 3))
    assert str(error.value) == "Dot expects axes to be an integer or two of them, got (1, 2, 3)"
