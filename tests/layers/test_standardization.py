"""Normalization against Keras: what it adapts to, and what it makes of inputs."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, close, image, keras

AXES = [{}, {"axis": 1}, {"axis": (1, 2)}, {"axis": None}, {"axis": [2, -2]}, {"invert": True}]
GIVEN = [
    {"mean": 3.0, "variance": 2.0},
    {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 2.0, 3.0, 0.0]},
    {"axis": (1, 2), "mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 2.0, 3.0, 4.0], "invert": True},
    {"axis": None, "mean": np.float32(2), "variance": np.float32(3)},
]


def both(settings):
    return layers.Normalization(**settings), keras.layers.Normalization(**settings)


@pytest.mark.parametrize("settings", GIVEN, ids=str)
def test_outputs_and_gradients(settings):
    check(*both(settings), image(2, 5, 4) * 3 + 1)


@pytest.mark.parametrize("settings", AXES, ids=str)
@pytest.mark.parametrize("how", ["array", "batches", "pairs"])
def test_what_it_adapts_to(settings, how):
    x = image(6, 5, 4) * 3 + 1
    given = {"array": x, "batches": [x[:4], x[4:5], x[5:]], "pairs": [(x[:3], None), (x[3:], None)]}[how]
    ours, theirs = both(settings)
    ours.adapt(given)
    theirs.adapt(x)
    assert [weight.shape for weight in ours.get_weights()] == [weight.shape for weight in theirs.get_weights()]
    for a, b in zip(ours.get_weights()[:2], theirs.get_weights()[:2], strict=True):
        close(a, b)
    close(ours(x).detach(), theirs(x), 4e-6)


def test_whole_numbers_become_floats():
    layer = layers.Normalization(mean=127.5, variance=127.5**2)
    np.testing.assert_allclose(layer(np.array([[0, 255]], "uint8")).numpy(), [[-1, 1]], rtol=1e-6)


def test_what_was_given_is_no_variable():
    layer = layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])
    layer(np.zeros((3, 2), "float32"))
    assert (layer.variables, layer.count_params()) == ([], 0)
    assert layer.get_config()["mean"] == [1.0, 2.0]


@pytest.mark.parametrize("settings", [{}, GIVEN[1]], ids=["adapted", "given"])
@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_it_goes_through_a_file(settings, way, tmp_path):
    x = image(6, 4) * 3 + 1
    path = str(tmp_path / "m.keras")
    ours, theirs = both(settings)
    writer, reader = (ours, keras.models.load_model) if way == "ours" else (theirs, layercli.load_model)
    if not settings:
        writer.adapt(x)
    kind, inputs = (Sequential, Input) if way == "ours" else (keras.Sequential, keras.Input)
    model = kind([inputs((4,)), writer])
    model.save(path)
    close(np.asarray(reader(path).predict(x, verbose=0)), np.asarray(model.predict(x, verbose=0)))


def said(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert said(layers.Normalization, mean=1.0) == "Normalization expects mean and variance, or neither"
    own = layers.Normalization(mean=1.0, variance=1.0, name="n")
    assert said(own.adapt, np.zeros((2, 3))) == "n has a mean and a variance of its own, so there is nothing to adapt"
    assert said(layers.Normalization(name="n").adapt, []) == "n got no data to adapt to"
    assert said(layers.Normalization(axis=3, name="n"), image(2, 4)) == (
        "n (Normalization) expects x with the axes (3,), got one with 2 axes"
    )
    assert said(layers.Normalization(name="n"), Input((None,))) == (
        "n (Normalization) expects x with known sizes along (-1,), got (None, None)"
    )
    layer = layers.Normalization(name="n")
    layer(image(2, 4))
    assert said(layer, image(2, 5)) == "n (Normalization) expects x with the sizes (4,) along (1,) (x = float32[2, 5])"
    wrong = layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0], name="n")
    assert said(wrong, image(2, 5)) == "n (Normalization) expects a mean and a variance of the shape (5,), got (2,)"


def test_mean_and_variance_are_tensors_that_broadcast_once_they_are_known():
    ours, theirs = layers.Normalization(axis=1), keras.layers.Normalization(axis=1)
    x = np.random.default_rng(0).standard_normal((4, 3, 2)).astype("float32")
    assert ours.mean is ours.variance is None
    for layer in (ours, theirs):
        layer.adapt(x)
    for name in ("mean", "variance"):
        close(getattr(ours, name), getattr(theirs, name))
    assert ours.get_config()["mean"] is None
    given = layers.Normalization(mean=np.array([1.0, 2.0]), variance=2.0)
    assert given.get_config()["mean"] == given.mean == [1.0, 2.0]
    given.build((None, 2))
    assert given.mean.tolist() == [[1.0, 2.0]]
    assert given.variance.tolist() == [[2.0, 2.0]]
    assert given.get_config()["variance"] == 2.0
