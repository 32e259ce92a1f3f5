"""Operations on images: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, keras

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError, UnknownSizeError, UsageError

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 1, (2, 9, 8, 3)).astype("float32")
FIRST = IMAGES.transpose(0, 3, 1, 2).copy()
FORMS = [
    ("channels_last", IMAGES),
    ("channels_first", FIRST),
    ("channels_last", IMAGES[0]),
    ("channels_first", FIRST[0]),
]

each_form = pytest.mark.parametrize(("form", "x"), FORMS, ids=["last", "first", "one last", "one first"])


@each_form
@pytest.mark.parametrize("name", ["rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"])
def test_colors(name, form, x):
    agree(lambda k, x: getattr(k.image, name)(x, form), x, gradients=name == "rgb_to_grayscale", sizes="known")
    whole = (x * 2).round() / 2  # equal colours
    agree(lambda k, x: getattr(k.image, name)(x, data_format=form), whole, gradients=False, sizes="known")


def test_grey_images_stay():
    agree(lambda k, x: k.image.rgb_to_grayscale(x), IMAGES[..., :1])
    agree(lambda k, x: k.image.rgb_to_grayscale(x), (IMAGES * 255).astype("uint8"), gradients=False)


@each_form
def test_gaussian_blur(form, x):
    agree(lambda k, x: k.image.gaussian_blur(x, (3, 5), (1.0, 2.0), form), x, sizes="known")
    agree(lambda k, x: k.image.gaussian_blur(x, kernel_size=(3, 3), data_format=form), x, sizes="known")


def test_blurred_images_have_their_channels_last_unless_told():
    x = torch.from_numpy(IMAGES)
    assert torch.equal(ops.image.gaussian_blur(x), ops.image.gaussian_blur(x, data_format="channels_last"))


@pytest.mark.parametrize(("form", "x"), FORMS[:2], ids=["last", "first"])
def test_sobel_edges(form, x):
    agree(lambda k, x: k.image.sobel_edges(x, form), x)


def test_ssim():
    # the mean of windows whose values, up to 1, nearly cancel for images that are independent
    x, y = RNG.uniform(0, 1, (2, 2, 16, 15, 3)).astype("float32")
    agree(lambda k, x, y: k.image.ssim(x, y), x, y, tolerance=1e-5, scale=1)
    agree(lambda k, x, y: k.image.ssim(x, y, 2.0, 5, 1.0, 0.02, 0.05), x[0], y[0], tolerance=1e-5, scale=1)
    first = [each.transpose(0, 3, 1, 2).copy() for each in (x, y)]
    agree(lambda k, x, y: k.image.ssim(x, y, data_format="channels_first"), *first, tolerance=1e-5, scale=1)


@each_form
def test_extract_patches(form, x):
    for settings in ({}, {"strides": 2}, {"padding": "same", "dilation_rate": 2, "strides": 1}):
        agree(lambda k, x, s=settings: k.image.extract_patches(x, (2, 3), **s, data_format=form), x, sizes="known")
    agree(lambda k, x: k.image.extract_patches(x, 2, data_format=form), x, sizes="known")


def test_extract_patches_of_volumes():
    x = image(2, 5, 4, 6, 2)
    agree(lambda k, x: k.image.extract_patches_3d(x, (2, 1, 3)), x)
    agree(lambda k, x: k.image.extract_patches_3d(x, 2, 1, padding="same"), x[0])
    agree(lambda k, x: k.image.extract_patches(x, (2, 2, 2)), x)


@each_form
def test_pad_and_crop(form, x):
    pads = [(1, 2, 3, 4, None, None), (None, 2, 3, None, 14, 15), (1, None, None, 4, 14, 15)]
    for given in pads:
        agree(lambda k, x, g=given: k.image.pad_images(x, *g, data_format=form), x, sizes="known")
    crops = [(1, 2, 3, 4, None, None), (None, 2, 3, None, 4, 5), (1, None, None, 1, 4, 5), (0, 0, 0, 0, None, None)]
    for given in crops:
        agree(lambda k, x, g=given: k.image.crop_images(x, *g, data_format=form), x, sizes="known")


def test_crop_of_a_size_not_known():
    x = Input((None, "W", 3))
    assert str(ops.image.crop_images(x, 1, 2, 3, 4).spec) == "float32[None, None, None, 3]"
    assert str(ops.image.crop_images(Input(("H", 8, 3)), 1, 2, None, None, 4, 5).spec).startswith("float32[None,")
    with pytest.raises(UnknownSizeError) as error:
        ops.image.pad_images(x, 1, 1, target_height=9, target_width=9)
    assert str(error.value) == "pad_images expects a known height to pad to 9 (x = float32[None, None, W, 3])"


@each_form
def test_resize(form, x):
    for settings in (
        {},
        {"interpolation": "nearest"},
        {"antialias": True},
        {"interpolation": "bicubic", "antialias": True},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True, "fill_value": 0.5},
    ):
        agree(
            lambda k, x, s=settings: k.image.resize(x, (6, 11), **s, data_format=form), x, tolerance=1e-5, sizes="known"
        )


MODES = ["constant", "nearest", "wrap", "reflect", "mirror"]
MAPS = np.array([[1.1, 0.2, -1.3, -0.1, 0.9, 0.7, 0, 0], [0.8, -0.3, 2.2, 0.2, 1.2, -3.1, 0, 0]], "float32")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_affine_transform(mode, interpolation):
    call = lambda k, x, m, form=None: k.image.affine_transform(x, m, interpolation, mode, 0.5, form)  # noqa: E731
    settings = {"tolerance": 5e-6, "gradients": False, "sizes": "known"}
    agree(call, IMAGES, MAPS, **settings)
    agree(lambda k, x, m: call(k, x, m, "channels_first"), FIRST, MAPS, **settings)
    agree(call, IMAGES[0], MAPS[0], **settings)


START = np.array([[[0, 0], [7, 0], [0, 8], [7, 8]], [[1, 1], [6, 0], [0, 7], [7, 8]]], "float32")
END = np.array([[[1, 2], [6, 1], [0, 8], [7, 7]], [[0, 1], [7, 1], [1, 8], [6, 7]]], "float32")


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_perspective_transform(interpolation):
    settings = {"tolerance": 2e-5, "gradients": False, "sizes": "known"}
    call = lambda k, *given, form=None: k.image.perspective_transform(*given, interpolation, 0.5, form)  # noqa: E731
    agree(call, IMAGES, START, END, **settings)
    agree(lambda k, *given: call(k, *given, form="channels_first"), FIRST, START, END, **settings)
    agree(call, IMAGES[0], START[0], END[0], **settings)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_map_coordinates(mode, order):
    places = RNG.uniform(-4, 12, (3, 4, 5)).astype("float32")
    x = IMAGES[0]
    # a place's gradient is a difference of neighbours, of which only the roundings are left where they are equal
    agree(
        lambda k, x, c: k.image.map_coordinates(x, c, order, mode, 0.5), x, places, gradients=order == 1,
        cancelling={1: np.abs(x).max()},
    )  # fmt: skip
    whole = (x * 100).astype("int32")
    agree(lambda k, x, c: k.image.map_coordinates(x, c, order, mode), whole, places, gradients=False)
    agree(lambda k, x: k.image.map_coordinates(x, [[0.5, 1], [2, 3.5]], order, mode), x[..., 0], gradients=False)


@pytest.mark.parametrize("method", ["linear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [True, False])
def test_scale_and_translate(method, antialias):
    scale, shift = np.array([0.6, 1.4], "float32"), np.array([0.7, -1.2], "float32")
    for size in ((2, 5, 12, 3), (2, 9, 8, 3)):
        agree(
            lambda k, x, s, t, n=size: k.image.scale_and_translate(x, n, s, t, (1, 2), method, antialias),
            IMAGES, scale, shift, gradients=False, tolerance=1e-5, sizes="known",
        )  # fmt: skip


def test_elastic_transform():
    x = torch.from_numpy(IMAGES)
    assert torch.equal(ops.image.elastic_transform(x, alpha=0.0), x)
    bent = ops.image.elastic_transform(x, 5.0, 1.0, seed=3)
    assert torch.equal(bent, ops.image.elastic_transform(x, 5.0, 1.0, seed=3))
    assert bent.shape == x.shape
    assert not torch.allclose(bent, x)
    first = ops.image.elastic_transform(torch.from_numpy(FIRST), 5.0, 1.0, seed=3, data_format="channels_first")
    close(first, bent.permute(0, 3, 1, 2))
    assert str(ops.image.elastic_transform(Input((None, None, 3))).spec) == "float32[None, None, None, 3]"
    assert ops.image.elastic_transform(x[0], seed=1).shape == x[0].shape


MESSAGES = [
    (UsageError, lambda x: ops.image.scale_and_translate(x, x.shape, [1.0], [0.0], (1,), "quintic"),
     "scale_and_translate has no method 'quintic'"),
    (
        ShapeError,
        lambda x: ops.image.scale_and_translate(x, (2, 9, 4, 3), [1.0], [0.0], (1,), "linear"),
        "expects x whose shape differs from (2, 9, 4, 3) along (1,) alone, got float32[2, 9, 8, 3]",
    ),
    (
        ShapeError,
        lambda x: ops.image.scale_and_translate(x, (2, 4, 8, 3), [1.0, 2.0], [0.0], (1,), "linear"),
        "expects 1 numbers to scale and to translate by, got float32[2] and float32[1]",
    ),
    (ShapeError, lambda x: ops.image.rgb_to_hsv(x[..., :2]), "expects x with 3 channels, got 2 (x = float32[2, 9, 8, 2])"),
    (DTypeError, lambda x: ops.image.hsv_to_rgb(ops.cast(x, "uint8")), "expects x of a floating dtype (x = uint8[2, 9, 8, 3])"),
    (ShapeError, lambda x: ops.image.resize(x[0, 0], (2, 2)), "expects x with 3 or 4 axes, got 2 (x = float32[8, 3])"),
    (
        UsageError,
        lambda x: ops.image.resize(x, (2, 2), "lanczos3"),
        "resize cannot interpolate by lanczos3: torch has no such kernel"),
    (UsageError, lambda x: ops.image.resize(x, (2, 2), fill_mode="wrap"), "resize expects fill_mode to be constant, got 'wrap'"),
    (
        UsageError,
        lambda x: ops.image.pad_images(x, 1, 1),
        "pad_images expects two of the top, bottom padding and the target height, got 1, None and None",
    ),
    (
        UsageError,
        lambda x: ops.image.crop_images(x, 5, 0, 5, 0),
        "crop_images expects croppings of the height that leave something, got 5 to 4 (x = float32[2, 9, 8, 3])",
    ),
    (UsageError, lambda x: ops.image.affine_transform(x, MAPS, "cubic"), "affine_transform has no interpolation 'cubic'"),
    (UsageError, lambda x: ops.image.map_coordinates(x, MAPS, 2), "map_coordinates expects order to be 0 or 1, got 2"),
    (
        ShapeError,
        lambda x: ops.image.map_coordinates(x, MAPS, 1),
        "expects coordinates with 4 coordinates along their first axis, got float32[2, 8] (x = float32[2, 9, 8, 3])",
    ),
    (
        ShapeError,
        lambda x: ops.image.perspective_transform(x, START[0], END),
        "expects start_points and end_points of the shape (4, 2) or (batch, 4, 2), got float32[4, 2] and float32[2, 4, 2]",
    ),
    (UsageError, lambda x: ops.image.extract_patches(x, (2,) * 4),
     "extract_patches expects a size of 2 or 3 numbers, got (2, 2, 2, 2)"),
    (UsageError, lambda x: ops.image.gaussian_blur(x, (3,)), "expects two sizes and two sigmas, got (3,) and (1.0, 1.0)"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(IMAGES), Input(batch_shape=IMAGES.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert str(error.value) == message


def test_a_model_drawn_of_them_gives_the_same():
    from layercli import Model

    def call(x):
        x = ops.image.resize(ops.image.pad_images(x, 1, 1, 1, 1), (7, 7))
        return ops.image.extract_patches(ops.image.gaussian_blur(ops.image.rgb_to_grayscale(x)), 3)

    x = Input((9, 8, 3))
    close(Model(x, call(x))(torch.from_numpy(IMAGES)).detach(), call(torch.from_numpy(IMAGES)))


def test_keras_s_namespaces():
    for name in ("image", "linalg", "nn", "numpy"):
        theirs = {each for each in dir(getattr(keras.ops, name)) if not each.startswith("_")}
        ours = getattr(ops, name)
        assert theirs - {*dir(ours)} == set()
        for each in dir(ours):
            assert (getattr(ours, each).__doc__ or "").strip(), each
        with pytest.raises(AttributeError, match=f"layercli.ops.{name} has no operation 'nothing'"):
            ours.nothing  # noqa: B018
    assert {each for each in dir(keras.ops) if not each.startswith("_")} - {*dir(ops), *ops.NAMESPACES} == set()
    assert ops.nn.relu is ops.relu
