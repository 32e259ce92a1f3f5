"""Random augmentations of images: each against Keras's transform_images for given random numbers, and by distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Input, layers
from layercli.errors import LayercliError
from tests.keras_parity import close, keras

X = np.random.default_rng(0).uniform(0, 255, (3, 12, 10, 3)).astype("float32")
U = np.array([[0.2, 0.3], [0.7, 0.1], [0.9, 0.6]], dtype="float32")
F = U[:, 0]
BITS = np.array([1.3, 5.9, 7.2], dtype="float32")
SHIFTS = 8 - np.floor(BITS).astype("uint8")
ALWAYS = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization")


def rows(values):
    return np.reshape(values, (-1, 1, 1, 1))


GIVEN = [
    ("RandomHue", {"factor": 0.6}, 1, U, {"factor": np.where(F > 0.5, -1, 1).astype("float32") * U[:, 1] * np.float32(0.5)}),
    ("RandomSaturation", {"factor": 0.9}, 255, U[:, :1], {"factor": F / (1 - F + np.float32(1e-7))}),
    ("RandomGrayscale", {}, 1, U[:, :1], rows(F) < 0.5),
    ("RandomInvert", {}, 1, U, {"apply_inversion": U[:, 1] < F}),
    ("RandomPosterization", {"factor": 8}, 1, BITS[:, None], {"shift_factor": SHIFTS}),
    ("RandomPosterization", {"factor": 8, "value_range": (0, 1)}, 255, BITS[:, None], {"shift_factor": SHIFTS}),
    ("RandomSharpness", {"factor": 1.0}, 1, U[:, :1], {"factor": F}),
    ("RandomColorDegeneration", {"factor": 1.0}, 1, U[:, :1], {"factor": rows(F)}),
    ("Solarization", {}, 1, U * 200, {"additions": rows(F * 200), "thresholds": rows(U[:, 1] * 200)}),
    ("Solarization", {"value_range": (0, 1)}, 255, U * 200, {"additions": rows(F * 200), "thresholds": rows(U[:, 1] * 200)}),
    ("AutoContrast", {}, 2, None, None),
    ("AutoContrast", {"value_range": (0, 1)}, 600, None, None),
    ("Equalization", {}, 1, None, None),
    ("Equalization", {"bins": 20, "value_range": (0, 1)}, 255, None, None),
    ("ContrastLimitedAdaptiveHistogramEqualization", {}, 1, None, None),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3), "clip_limit": 1.5}, 1, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "divisor", "drawn", "transformation"), GIVEN, ids=lambda x: str(x)[:30])
def test_keras_gives_the_same_for_the_same_random_numbers(name, settings, divisor, drawn, transformation):
    x = (X / divisor).astype("float32")
    x[0, :, :, 1] = x[0, 0, 0, 1]  # a channel of one value
    theirs = np.asarray(getattr(keras.layers, name)(**settings).transform_images(x, transformation))
    for data_format in ("channels_last", "channels_first"):
        layer = getattr(layers, name)(**settings, data_format=data_format)
        turned = x if data_format == "channels_last" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        given = None if drawn is None else torch.tensor(drawn)
        ours = layer(turned, training=True) if drawn is None else layer.random_transform(torch.tensor(turned), given)
        close(ours if data_format == "channels_last" else ours.permute(0, 2, 3, 1), theirs, 1e-5)


@pytest.mark.parametrize("name", sorted({name for name, *_ in GIVEN}))
def test_shapes_and_inference(name):
    settings = next(settings for found, settings, *_ in GIVEN if found == name)
    layer = getattr(layers, name)(**settings)
    if name not in ALWAYS:
        np.testing.assert_array_equal(layer(X, training=False), X)
        assert layer(X.astype("uint8"), training=False).dtype == (
            torch.float32 if layer.__class__.__dict__.get("floats") else torch.uint8
        )
    assert layer(X / 255, training=True).shape == X.shape
    assert layer(X[0] / 255, training=True).shape == X.shape[1:]
    assert str(getattr(layers, name)(**settings)(Input((None, "W", 3))).spec) == "float32[None, None, W, 3]"


def changed_part(layer, seeds=200):
    """Return the part of images that the layer changes."""
    x = np.tile(X[:1] / 255, (seeds, 1, 1, 1)).astype("float32")
    out = layer(x, training=True).detach().numpy()
    return np.mean([not np.allclose(a, b, atol=1e-6) for a, b in zip(x, out, strict=True)])


def test_random_numbers_have_their_distribution():
    assert abs(changed_part(layers.RandomGrayscale(0.3, seed=1)) - 0.3) < 0.13
    assert abs(changed_part(layers.RandomInvert((1.0, 1.0), seed=1)) - 1) < 1e-9
    assert abs(changed_part(layers.RandomInvert(1.0, value_range=(0, 1), seed=1)) - 0.5) < 0.14
    x = np.full((400, 2, 2, 3), 255, "float32")
    kept = np.unique(layers.RandomPosterization(8, seed=1)(x, training=True).numpy())
    assert kept.tolist() == [256 - 2 ** (8 - bits) for bits in range(1, 8)]
    added = layers.Solarization(0.2, 1.0, seed=1)(np.zeros((400, 2, 2, 3)), training=True).numpy()[:, 0, 0, 0]
    assert added.min() >= 0
    assert added.max() <= 255


def test_a_color_jitter_changes_what_it_is_told_to():
    layer = layers.RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, hue_factor=0.5, seed=3)
    assert layer.random_contrast is None
    assert layer.random_saturation is None
    x = X / 255
    out = layer(x, training=True)
    assert out.min() >= 0
    assert out.max() <= 1
    assert not np.allclose(out, x, atol=1e-3)
    np.testing.assert_array_equal(layer(x, training=False), x)
    grey = np.full((3, 4, 4, 3), 0.5, "float32")
    spread = layers.RandomColorJitter(value_range=(0, 1), saturation_factor=0.5)(grey, training=True)
    np.testing.assert_allclose(spread, grey, atol=1e-6)


def said(function, *args, **kwargs):
    with pytest.raises(LayercliError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert said(layers.RandomHue, 2) == "RandomHue expects factor to be a number from 0 to 1, or two, got 2"
    assert said(layers.RandomGrayscale, 1.5) == "RandomGrayscale expects factor to be a number from 0 to 1, got 1.5"
    assert (
        said(layers.RandomPosterization, 9)
        == "RandomPosterization expects factor to be a number from 1 to 8, or two, got 9"
    )
    assert said(layers.ContrastLimitedAdaptiveHistogramEqualization, tile_grid_size=(0, 2)) == (
        "ContrastLimitedAdaptiveHistogramEqualization expects tile_grid_size to be a positive integer, or 2 of them, got (0, 2)"
    )
