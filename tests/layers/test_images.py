"""Layers over images against Keras: sizes, windows, and random changes where nothing is left to chance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Model, Sequential, layers
from layercli.errors import ShapeError, UsageError
from tests.keras_parity import check, close, image, keras, real_keras

X = image(3, 6, 7, 2) * 50 + 120
FIRST = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
MODES = ["constant", "nearest", "wrap", "reflect"]
FIXED = [
    ("RandomTranslation", {"height_factor": (0.25, 0.25), "width_factor": (-0.3, -0.3)}),
    ("RandomTranslation", {"height_factor": (-0.9, -0.9), "width_factor": (1.0, 1.0)}),
    ("RandomRotation", {"factor": (0.1, 0.1)}),
    ("RandomRotation", {"factor": (-0.37, -0.37)}),
    ("RandomZoom", {"height_factor": (0.3, 0.3)}),
    ("RandomZoom", {"height_factor": (-0.4, -0.4), "width_factor": (0.6, 0.6)}),
]
COLORS = [
    ("RandomContrast", {"factor": (-0.4, 0.4)}),
    ("RandomContrast", {"factor": (0.0, 0.0), "value_range": (100, 140)}),
    ("RandomBrightness", {"factor": (0.2, 0.2)}),
    ("RandomBrightness", {"factor": (-0.3, -0.3), "value_range": (200, 50)}),
]
VARIED = [
    ("RandomFlip", {}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomZoom", {"height_factor": 0.3, "width_factor": 0.3}),
    ("RandomCrop", {"height": 4, "width": 3}),
    ("RandomContrast", {"factor": 0.5}),
    ("RandomBrightness", {"factor": 0.5}),
]
each_varied = pytest.mark.parametrize(("name", "settings"), VARIED, ids=[name for name, _ in VARIED])


def both(name, settings):
    return getattr(layers, name)(**settings), getattr(keras.layers, name)(**settings)


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "settings"), FIXED, ids=str)
def test_a_fixed_map_is_keras_own(name, settings, mode, first):
    settings = {**settings, "fill_mode": mode, "fill_value": 7.0}
    if first:
        settings["data_format"] = "channels_first"
    check(*both(name, settings), FIRST if first else X, training=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "settings"), FIXED, ids=str)
def test_a_fixed_map_to_the_nearest_pixel(name, settings, mode):
    check(*both(name, {**settings, "fill_mode": mode, "interpolation": "nearest"}), X, training=True)


@pytest.mark.parametrize(("name", "settings"), COLORS, ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_fixed_colors(name, settings, data_format):
    x = X if data_format == "channels_last" else FIRST
    check(*both(name, {**settings, "data_format": data_format}), x, training=True)


@each_varied
def test_inference_is_keras_own(name, settings):
    check(*both(name, settings), X)
    for x in (X[0], X.astype("uint8")):
        ours, theirs = both(name, settings)
        found, expected = ours(x, training=False).numpy(), np.asarray(theirs(x, training=False))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def flips(x, mode):
    turned = {"horizontal": x[:, ::-1], "vertical": x[::-1], "horizontal_and_vertical": x[::-1, ::-1]}[mode]
    return x, turned


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_image_is_one_of_its_flips(mode, seed):
    x = image(400, 3, 4, 2)
    out = layers.RandomFlip(mode, seed=seed)(x, training=True).numpy()
    places = [
        next(i for i, each in enumerate(flips(a, mode)) if np.array_equal(each, b)) for a, b in zip(x, out, strict=True)
    ]
    assert abs(np.mean(places) - 0.5) < 5 * 0.5 / 20
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    again = layers.RandomFlip(mode, seed=3, data_format="channels_first")(first, training=True).numpy()
    if seed is not None:
        np.testing.assert_array_equal(again.transpose(0, 2, 3, 1), out)


@pytest.mark.parametrize("seed", [None, 3])
def test_crops_are_windows_from_anywhere(seed):
    layer = layers.RandomCrop(3, 2, seed=seed)
    x = np.arange(2 * 5 * 4, dtype="float32").reshape(2, 5, 4, 1)
    starts = set()
    for _ in range(150):
        out = layer(x, training=True).numpy()
        row, column = divmod(int(out[0, 0, 0, 0]), 4)
        np.testing.assert_array_equal(out, x[:, row : row + 3, column : column + 2])
        starts.add((row, column))
    assert starts == {(row, column) for row in range(3) for column in range(3)}


@pytest.mark.parametrize("size", [(6, 7), (9, 4), (6, 3), (3, 7), (12, 13), (5, 12)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_crops_of_images_that_are_not_larger_are_keras_own(size, data_format):
    x = X if data_format == "channels_last" else FIRST
    settings = {"height": size[0], "width": size[1], "data_format": data_format}
    check(*both("RandomCrop", settings), x, training=True)


@each_varied
def test_draws_differ_by_image_and_are_reproduced_by_seeds(name, settings):
    x = np.repeat(X[:1], 6, 0)
    make = lambda seed: getattr(layers, name)(**settings, seed=seed)  # noqa: E731
    first, second = make(3), make(3)
    draws = [first(x, training=True) for _ in range(4)]
    torch.rand(1)
    assert all(map(torch.equal, draws, [second(x, training=True) for _ in range(4)]))
    assert any(not torch.equal(draws[0], other) for other in draws[1:])
    assert any(not torch.equal(a, b) for a, b in zip(draws, [make(4)(x, training=True)] * 4, strict=True))
    if name != "RandomCrop":
        assert any(not torch.equal(draws[0][0], one) for one in draws[0][1:])
    free = make(None)
    torch.manual_seed(1)
    drawn = [free(x, training=True) for _ in range(3)]
    torch.manual_seed(1)
    assert all(map(torch.equal, drawn, [free(x, training=True) for _ in range(3)]))
    assert first.variables == []


@pytest.mark.parametrize(
    ("name", "settings", "quantity", "ends"),
    [
        ("RandomBrightness", {"factor": (-0.2, 0.4)}, lambda out: out[:, 0, 0, 0] / 510, (-0.2, 0.4)),
        ("RandomContrast", {"factor": (0.2, 0.4)}, lambda out: (out[:, 0, 1, 0] - out[:, 0, 0, 0]) / 2, (0.8, 1.4)),
        ("RandomContrast", {"factor": 0.4}, lambda out: (out[:, 0, 1, 0] - out[:, 0, 0, 0]) / 2, (1.0, 1.4)),
    ],
    ids=["brightness", "contrast of two", "contrast"],
)
def test_factors_are_drawn_between_their_ends(name, settings, quantity, ends):
    x = np.zeros((2000, 1, 2, 1), "float32")
    x[:, 0, 1] = 2
    drawn = quantity(getattr(layers, name)(**settings, value_range=(-255, 255))(x, training=True).numpy())
    low, high = ends
    assert low - 1e-4 <= drawn.min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < drawn.max() <= high + 1e-4
    assert abs(drawn.mean() - (low + high) / 2) < 5 * (high - low) / np.sqrt(12 * 2000)


def test_translations_and_zooms_are_drawn_between_their_ends():
    ramp = np.broadcast_to(np.arange(100, dtype="float32")[:, None, None], (500, 100, 5, 1)).copy()
    moved = layers.RandomTranslation((-0.1, 0.3), 0.0)(ramp, training=True).numpy()
    down = (50 - moved[:, 50, 2, 0]) / 100
    assert (-0.1 <= down.min() < -0.09, 0.29 < down.max() <= 0.3) == (True, True)
    zoomed = layers.RandomZoom((-0.5, -0.1))(ramp, training=True).numpy()
    nearer = zoomed[:, 50, 2, 0] - zoomed[:, 49, 2, 0] - 1
    assert (-0.501 <= nearer.min() < -0.48, -0.12 < nearer.max() <= -0.099) == (True, True)


SIZES = [
    {},
    {"interpolation": "nearest"},
    {"antialias": True},
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "fill_value": 3.0},
]


@pytest.mark.parametrize("size", [(4, 4), (12, 5), (5, 15), (6, 7), (1, 9)])
@pytest.mark.parametrize("settings", SIZES, ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_resizing(size, settings, data_format):
    settings = {**settings, "height": size[0], "width": size[1], "data_format": data_format}
    check(*both("Resizing", settings), X if data_format == "channels_last" else FIRST)


@pytest.mark.parametrize("settings", [{"interpolation": "bicubic", "antialias": True}, {"interpolation": "bicubic"}])
def test_resizing_by_cubics(settings):
    size = (4, 5) if "antialias" in settings else (9, 8)
    check(*both("Resizing", {**settings, "height": size[0], "width": size[1]}), X)


@pytest.mark.parametrize("settings", SIZES, ids=str)
def test_resizing_whole_numbers_and_one_image(settings):
    whole = np.random.default_rng(0).integers(0, 256, (3, 6, 7, 3)).astype("uint8")
    for x in (whole, whole[0], X[0]):
        ours, theirs = both("Resizing", {**settings, "height": 4, "width": 9})
        found, expected = ours(x).numpy(), np.asarray(theirs(x))
        assert found.dtype == expected.dtype
        if x.dtype == "uint8":  # the nearest integers to what a sum of four products is within its rounding
            exact = both("Resizing", {**settings, "height": 4, "width": 9})[0](x.astype("float32")).numpy()
            for rounded in (found, expected):
                assert np.abs(rounded - exact).max() <= 0.5 + 8 * 2**-24 * 255
        else:
            close(found, expected)


@pytest.mark.parametrize("size", [(4, 4), (3, 6), (6, 7), (8, 4), (5, 9), (10, 12)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_center_crop(size, data_format):
    x = X if data_format == "channels_last" else FIRST
    check(*both("CenterCrop", {"height": size[0], "width": size[1], "data_format": data_format}), x)
    ours, theirs = both("CenterCrop", {"height": size[0], "width": size[1], "data_format": data_format})
    close(ours(x[0]), theirs(x[0]))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (lambda: layers.Resizing(4, 5), ("H", "W", 3), "float32[None, 4, 5, 3]"),
        (lambda: layers.Resizing(4, 5, pad_to_aspect_ratio=True), (None, None, 3), "float32[None, 4, 5, 3]"),
        (lambda: layers.CenterCrop(4, 5, "channels_first"), (3, "H", "W"), "float32[None, 3, 4, 5]"),
        (lambda: layers.RandomFlip(), ("H", "W", 3), "float32[None, H, W, 3]"),
        (lambda: layers.RandomRotation(0.1), ("H", 5, 3), "float32[None, H, 5, 3]"),
        (lambda: layers.RandomContrast(0.1), (None, 5, 3), "float32[None, None, 5, 3]"),
    ],
)
def test_shapes_are_known_without_values(layer, shape, expected):
    for training in (False, True):
        assert str(layer()(Input(shape), training=training).spec) == expected
    model = Sequential([Input(shape), layer()])
    assert model.count_params() == 0


def test_the_shape_of_a_crop_is_that_of_training_unless_told_otherwise():
    x = Input(("H", "W", 3))
    assert str(layers.RandomCrop(4, 5)(x).spec) == "float32[None, 4, 5, 3]"
    assert str(layers.RandomCrop(4, 5)(x, training=False).spec) == "float32[None, H, W, 3]"


def test_whole_numbers_are_described_as_they_are_computed():
    x = Input((6, 7, 3), dtype="uint8")
    for name, settings in [*VARIED, ("Resizing", {"height": 4, "width": 4}), ("CenterCrop", {"height": 4, "width": 4})]:
        for training in (False, True):
            layer = getattr(layers, name)(**settings)
            out = layer(np.zeros((2, 6, 7, 3), "uint8"), training=training)
            spec = layer(x, training=training).spec
            assert spec.at({"B": 2}) == layercli.core.operation.spec_of(out), (name, training)


ALL = [*VARIED, *FIXED[:1], *COLORS[:1], ("Resizing", {"height": 4, "width": 9, "pad_to_aspect_ratio": True})]
ALL += [("CenterCrop", {"height": 4, "width": 5}), ("RandomFlip", {"mode": "vertical", "seed": 5})]


@pytest.mark.parametrize(("name", "settings"), ALL, ids=str)
@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_it_goes_through_a_file(name, settings, way, tmp_path):
    path = str(tmp_path / "m.keras")
    if way == "ours":
        api, reader = layercli, real_keras.models.load_model
    else:
        api, reader = real_keras, layercli.load_model
    inputs = api.Input((6, 7, 2))
    model = api.Model(inputs, getattr(api.layers, name)(**settings)(inputs))
    model.save(path)
    read = reader(path)
    close(np.asarray(read.predict(X, verbose=0)), np.asarray(model.predict(X, verbose=0)))
    assert type(read.layers[-1]).__name__ == name
    config = read.layers[-1].get_config()
    for key, value in settings.items():
        given = list(value) if isinstance(value, tuple) else value
        found = list(config[key]) if isinstance(config[key], tuple | list) else config[key]
        assert found in (given, [0, given], [-given, given] if isinstance(given, float) else ())


def test_a_model_trains_through_them():
    inputs = Input((8, 8, 2))
    x = layers.RandomFlip(seed=1)(inputs)
    x = layers.RandomRotation(0.1, seed=2)(x)
    x = layers.RandomContrast(0.2)(layers.RandomZoom(0.1)(layers.RandomTranslation(0.1, 0.1)(x)))
    model = Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(layers.RandomBrightness(0.1)(x))))
    model.compile("sgd", "mse")
    data = image(12, 8, 8, 2)
    history = model.fit(data, np.zeros((12, 1), "float32"), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    plain = layers.GlobalAveragePooling2D()(data) @ torch.tensor(model.layers[-1].get_weights()[0])
    close(model.predict(data, verbose=0), plain + torch.tensor(model.layers[-1].get_weights()[1]), 1e-5)


def test_they_can_be_exported_and_traced_whole():
    """One model of all of them: a trace takes seconds, whatever is in it."""

    def made():
        return Sequential([getattr(layers, name)(**settings, seed=3) for name, settings in VARIED])

    model, x = made(), torch.tensor(X)
    model(x, training=False)
    model.module.train()
    exported = torch.export.export(model.module, (x,), strict=False).module()  # what strict adds, compile does
    torch.compiler.reset()  # of what other tests compiled, which counts against a limit
    compiled = torch.compile(model.module, fullgraph=True, backend="aot_eager")
    outputs, y = [], x
    for layer in made().layers:
        outputs.append(y := layer(y, training=True))
    for one, other in itertools.pairwise([x, *outputs]):
        assert one.shape != other.shape or not torch.equal(one, other)  # each of them changes something
    close(exported(x), outputs[-1])
    close(compiled(x).shape, outputs[-1].shape)


def said(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert said(layers.RandomFlip, "both") == (
        "RandomFlip expects mode to be 'horizontal' or 'vertical' or 'horizontal_and_vertical', got 'both'"
    )
    assert said(layers.RandomFlip(name="f"), image(2, 3)) == (
        "f (RandomFlip) expects x with 4 axes (batch, height, width, channels) or 3 (one image), got 2 (x = float32[2, 3])"
    )
    assert said(layers.RandomTranslation, 2, 0) == (
        "RandomTranslation expects height_factor to be a number from -1 to 1, or two, got 2"
    )
    assert said(layers.RandomZoom, (-1, 0.5)) == (
        "RandomZoom expects height_factor to be a number from -1 (excluded) to 1, or two, got (-1, 0.5)"
    )
    assert said(layers.RandomRotation, (1, 2, 3)) == (
        "RandomRotation expects factor to be a number from -1 to 1, or two, got (1, 2, 3)"
    )
    assert said(layers.RandomContrast, -0.5) == (
        "RandomContrast expects factor to be a number from 0 to 1, or two, got -0.5"
    )
    assert said(layers.RandomBrightness, 0.5, 255) == (
        "RandomBrightness expects value_range to be two numbers, got 255"
    )
    assert said(layers.RandomRotation, 0.5, "mirror") == (
        "RandomRotation expects fill_mode to be 'constant' or 'nearest' or 'wrap' or 'reflect', got 'mirror'"
    )
    assert said(layers.Resizing, 3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True) == (
        "Resizing expects crop_to_aspect_ratio or pad_to_aspect_ratio, not both"
    )
    assert said(layers.Resizing, 3, 3, "area") == (
        "Resizing expects interpolation to be one of nearest, bilinear, bicubic, lanczos3, lanczos5, got 'area'"
    )
