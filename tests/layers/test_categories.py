"""CategoryEncoding and Discretization against Keras: vectors, bins, and the boundaries found in data."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import Input, layers
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, close, image, keras

MODES = ["one_hot", "multi_hot", "count"]
WORDS = np.array([[0, 3, 3, 1], [5, 2, -1, 5], [4, 4, 4, 4]])
BOUNDS = [-0.5, 0.25, 1.0]


def both(name, settings):
    return getattr(layers, name)(**settings), getattr(keras.layers, name)(**settings)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64", "float32"])
@pytest.mark.parametrize("shape", [(3, 4), (12,), (12, 1), (3, 2, 2), (3, 4, 1)])
def test_vectors(mode, dtype, shape):
    x = (WORDS if dtype != "uint8" else np.abs(WORDS)).reshape(shape).astype(dtype)
    check(*both("CategoryEncoding", {"num_tokens": 6, "output_mode": mode}), x, gradients=False)


def test_counts_with_weights():
    call = {"count_weights": image(3, 4)}
    check(*both("CategoryEncoding", {"num_tokens": 6, "output_mode": "count"}), WORDS, call=call, gradients=False)


def test_a_second_name():
    layer = layers.CategoryEncoding(6, "binary")
    assert layer.output_mode == layer.get_config()["output_mode"] == "multi_hot"


@pytest.mark.parametrize("mode", ["int", *MODES])
@pytest.mark.parametrize("shape", [(4, 6), (24,), (24, 1), (2, 3, 4)])
def test_bins(mode, shape):
    x = image(24)
    x[:5] = [-0.5, 0.25, 1.0, np.nan, np.inf]
    settings = {"bin_boundaries": BOUNDS, "output_mode": mode}
    check(*both("Discretization", settings), x.reshape(shape), gradients=False)
    check(*both("Discretization", settings), np.arange(24, dtype="int32").reshape(shape) - 2, gradients=False)


@pytest.mark.parametrize("settings", [{"num_bins": 4}, {"num_bins": 7, "epsilon": 0.05}, {"num_bins": 1}], ids=str)
@pytest.mark.parametrize("sizes", [[500], [40], [300, 7, 50], [3, 2]], ids=str)
def test_boundaries_found_in_data(settings, sizes):
    batches = [image(n, 3, seed=i) ** 3 for i, n in enumerate(sizes)]
    ours, theirs = both("Discretization", settings)
    ours.adapt(batches[0] if len(batches) == 1 else batches)
    for batch in batches:  # adapt itself would import TensorFlow
        theirs.update_state(batch)
    theirs.finalize_state()
    close(ours.bin_boundaries, theirs.bin_boundaries)
    x = image(20, seed=9)
    np.testing.assert_array_equal(ours(x), theirs(x))


def test_only_so_many_batches():
    batches = [image(50, seed=i) for i in range(3)]
    ours, first = layers.Discretization(num_bins=4), layers.Discretization(num_bins=4)
    ours.adapt(batches, steps=1)
    first.adapt(batches[0])
    assert ours.bin_boundaries == first.bin_boundaries


def test_bins_hold_about_as_many_values_each():
    x = np.random.default_rng(0).lognormal(size=20_000)
    layer = layers.Discretization(num_bins=5)
    layer.adapt(x)
    assert np.abs(np.bincount(layer(x).numpy()) / 20_000 - 0.2).max() < 0.02


def test_what_it_adapted_to_is_in_its_config():
    layer = layers.Discretization(num_bins=4, output_mode="one_hot")
    layer.adapt(image(100))
    again = layers.Discretization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(image(5)), layer(image(5)))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("CategoryEncoding", {"num_tokens": 6, "output_mode": "one_hot"}),
        ("CategoryEncoding", {"num_tokens": 6, "output_mode": "count"}),
        ("Discretization", {"bin_boundaries": BOUNDS}),
        ("Discretization", {"num_bins": 4, "output_mode": "multi_hot"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["ours", "theirs"])
@pytest.mark.parametrize("drawn", [False, True])
def test_it_goes_through_a_file(name, settings, way, drawn, tmp_path):
    path = str(tmp_path / "m.keras")
    writing, reading = (layercli, keras) if way == "ours" else (keras, layercli)
    layer = getattr(writing.layers, name)(**settings)
    if "num_bins" in settings:
        if way == "ours":
            layer.adapt(image(50))
        else:
            layer.update_state(image(50))
            layer.finalize_state()
    inputs = writing.Input((4,))
    model = writing.Model(inputs, layer(inputs)) if drawn else writing.Sequential([inputs_of(writing), layer])
    model.save(path)
    load = reading.load_model if reading is layercli else reading.models.load_model
    x = WORDS.astype("float32")
    np.testing.assert_array_equal(np.asarray(load(path)(x)), np.asarray(model(x)))


def inputs_of(api):
    return api.Input((4,))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (lambda: layers.CategoryEncoding(6, "one_hot"), ("T",), "float32[None, T, 6]"),
        (lambda: layers.CategoryEncoding(6, "one_hot"), (1,), "float32[None, 6]"),
        (lambda: layers.CategoryEncoding(6), ("T",), "float32[None, 6]"),
        (lambda: layers.CategoryEncoding(6, "count"), ("T", 2), "float32[None, 2, 6]"),
        (lambda: layers.Discretization(BOUNDS), ("T", None), "int32[None, T, None]"),
        (lambda: layers.Discretization(BOUNDS, output_mode="one_hot"), ("T", 2), "float32[None, T, 2, 4]"),
    ],
)
def test_shapes_are_known_without_values(layer, shape, expected):
    assert str(layer()(Input(shape)).spec) == expected


def said(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_a_category_that_is_too_large():
    for mode in MODES:
        layer = layers.CategoryEncoding(4, mode, name="c")
        for words in ([4], [[0, 5]], [4.2]):
            with pytest.raises(RuntimeError) as raised:  # as torch's one_hot, and so Keras
                layer(np.array(words))
            assert str(raised.value) == (
                f"c (CategoryEncoding) expects ids below 4, the number of classes, got {int(np.max(words))}"
            )
        assert layer(np.array([1.9])).flatten().tolist() == [0.0, 1.0, 0.0, 0.0]
    assert layers.CategoryEncoding(3, "one_hot")(np.array(2)).tolist() == [[0.0, 0.0, 1.0]]
    assert layercli.ops.one_hot([-1], 4).tolist() == [[0.0, 0.0, 0.0, 0.0]]


def test_messages():
    assert said(layers.CategoryEncoding) == ("CategoryEncoding expects num_tokens to be a positive integer, got None")
    assert said(layers.CategoryEncoding, 5, sparse=True) == (
        "CategoryEncoding has no sparse outputs here: layercli computes dense ones"
    )
    assert said(layers.CategoryEncoding(5, name="c"), WORDS, count_weights=image(3, 4)) == (
        "c (CategoryEncoding) takes count_weights only where output_mode is 'count', not 'multi_hot'"
    )
    assert said(layers.CategoryEncoding(5, "count", name="c"), WORDS, count_weights=image(3)) == (
        "c (CategoryEncoding) expects count_weights of the shape of x, got float32[3] (x = int64[3, 4])"
    )
    for settings in ({}, {"bin_boundaries": [1.0], "num_bins": 2}):
        assert said(layers.Discretization, **settings) == (
            "Discretization expects bin_boundaries or num_bins, and not both"
        )
    assert said(layers.Discretization, [2.0, 1.0]) == (
        "Discretization expects bin_boundaries to be ascending numbers, got [2.0, 1.0]"
    )
    assert said(layers.Discretization, num_bins=0) == (
        "Discretization expects num_bins to be a positive integer or None, got 0"
    )
    assert said(layers.Discretization(num_bins=3, name="d"), image(3)) == (
        "d (Discretization) has no boundaries yet: adapt it to data, or give it bin_boundaries"
    )
    assert said(layers.Discretization([1.0], name="d").adapt, image(3)) == (
        "d has boundaries of its own, so there is nothing to adapt"
    )
    assert said(layers.Discretization(num_bins=3, name="d").adapt, []) == "d got no data to adapt to"
