"""Convolutions against Keras."""

from __future__ import annotations

import pytest
import torch

from layercli import layers
from layercli.errors import ShapeError, UsageError
from layercli.ops.nn import convolution
from tests.keras_parity import check, image, keras

SIZES = {1: (7,), 2: (8, 7), 3: (6, 5, 7)}


def compare(name, settings, axes):
    first = settings.get("data_format") == "channels_first"
    shape = (2, 4, *SIZES[axes]) if first else (2, *SIZES[axes], 4)
    check(getattr(layers, name)(**settings), getattr(keras.layers, name)(**settings), image(*shape))


CONV = [
    (1, {}),
    (1, {"padding": "causal", "dilation_rate": 2}),
    (1, {"padding": "causal", "strides": 2, "activation": "relu"}),
    (1, {"padding": "same", "strides": 3, "kernel_size": 4}),
    (1, {"data_format": "channels_first", "padding": "causal", "groups": 2}),
    (2, {}),
    (2, {"kernel_size": (3, 2), "strides": (2, 1), "padding": "same"}),
    (2, {"dilation_rate": (2, 1), "padding": "same", "use_bias": False}),
    (2, {"groups": 2, "activation": "relu"}),
    (2, {"kernel_size": 2, "data_format": "channels_first", "strides": 2}),
    (3, {"kernel_size": 2}),
    (3, {"kernel_size": (3, 2, 1), "padding": "same", "strides": (1, 2, 1)}),
    (3, {"data_format": "channels_first", "padding": "same", "groups": 2}),
]


POINTWISE = [
    (axes, {"kernel_size": 1, **settings})
    for axes in (1, 2, 3)
    for settings in ({}, {"strides": 2}, {"strides": 3, "padding": "same", "activation": "relu"}, {"use_bias": False})
]


@pytest.mark.parametrize("few", [0, 512], ids=["by torch's convolution", "by a matrix product"])
@pytest.mark.parametrize(("axes", "settings"), POINTWISE, ids=str)
def test_a_pointwise_conv(axes, settings, few, monkeypatch):
    monkeypatch.setattr(convolution, "FEW", few)
    compare(f"Conv{axes}D", {"filters": 6, **settings}, axes)


def test_a_pointwise_conv_of_few_places_is_a_product_with_the_kernel_as_it_is_stored(monkeypatch):
    layer = layers.Conv2D(6, 1)
    layer(image(2, 8, 7, 4))
    seen = []
    product = torch.nn.functional.linear
    spy = lambda x, w, *rest: seen.append(w) or product(x, w, *rest)  # noqa: E731
    monkeypatch.setattr("layercli.lazy.F.linear", spy, raising=False)
    for batch in (2, 9, 10):
        layer(image(batch, 8, 7, 4))
    assert [weight.data_ptr() for weight in seen] == [layer.kernel.stored.data_ptr()] * 2
    assert all(weight.is_contiguous() for weight in seen)


def test_what_is_exported_with_a_pointwise_conv_takes_any_batch():
    layer = layers.Conv2D(6, 1, strides=2)
    layer(image(2, 8, 7, 4))
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(layer.module, (torch.from_numpy(image(2, 8, 7, 4)),), dynamic_shapes=[{0: batch}])
    x = torch.from_numpy(image(100, 8, 7, 4))
    torch.testing.assert_close(program.module()(x), layer(x))


@pytest.mark.parametrize(("axes", "settings"), CONV, ids=str)
def test_conv(axes, settings):
    compare(f"Conv{axes}D", {"filters": 6, "kernel_size": 3, **settings}, axes)


DEPTHWISE = [
    (1, {}),
    (1, {"strides": 2, "padding": "same", "depth_multiplier": 3}),
    (1, {"dilation_rate": 2, "data_format": "channels_first", "use_bias": False}),
    (2, {"depth_multiplier": 2}),
    (2, {"strides": 2, "padding": "same", "activation": "relu"}),
    (2, {"dilation_rate": 2, "kernel_size": (2, 3), "padding": "same"}),
    (2, {"data_format": "channels_first", "depth_multiplier": 2}),
]


@pytest.mark.parametrize(("axes", "settings"), DEPTHWISE, ids=str)
def test_depthwise_conv(axes, settings):
    compare(f"DepthwiseConv{axes}D", {"kernel_size": 3, **settings}, axes)


@pytest.mark.parametrize(("axes", "settings"), DEPTHWISE, ids=str)
def test_separable_conv(axes, settings):
    compare(f"SeparableConv{axes}D", {"filters": 5, "kernel_size": 3, **settings}, axes)


TRANSPOSED = [
    *(
        (1, {"kernel_size": k, "strides": s, "padding": p})
        for k in (1, 2, 3, 4)
        for s in (1, 2, 3)
        for p in ("valid", "same")
    ),
    *(
        (1, {"kernel_size": k, "strides": s, "padding": p, "output_padding": extra})
        for k, s, extra in [(3, 2, 0), (3, 2, 1), (4, 3, 0), (4, 3, 1), (4, 3, 2), (1, 2, 1)]
        for p in ("valid", "same")
    ),
    (1, {"kernel_size": 3, "dilation_rate": 2, "padding": "same"}),
    (1, {"kernel_size": 2, "dilation_rate": 3, "data_format": "channels_first"}),
    (2, {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}),
    (2, {"kernel_size": (4, 3), "strides": (2, 1), "output_padding": (1, 0), "use_bias": False}),
    (2, {"kernel_size": (2, 3), "dilation_rate": (1, 2), "padding": "same"}),
    (2, {"kernel_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}),
    (3, {"kernel_size": 3, "strides": 2, "padding": "same"}),
    (3, {"kernel_size": (2, 3, 1), "strides": (1, 2, 2), "data_format": "channels_first"}),
]


@pytest.mark.parametrize(("axes", "settings"), TRANSPOSED, ids=str)
def test_conv_transpose(axes, settings):
    compare(f"Conv{axes}DTranspose", {"filters": 3, **settings}, axes)


LAID_OUT = [
    (layers.Conv2D(6, 3), (8, 8, 4)),
    (layers.Conv3D(6, 2), (5, 5, 5, 4)),
    (layers.Conv2DTranspose(6, 3), (8, 8, 4)),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), LAID_OUT, ids=lambda x: getattr(x, "name", ""))
def test_torch_takes_a_view_of_the_kernel_in_its_channels_last_memory_format(layer, shape, monkeypatch):
    layer(image(2, *shape))
    seen = []
    for name in ("conv2d", "conv3d", "conv_transpose2d"):
        kernel = getattr(torch.nn.functional, name)
        spy = lambda x, w, *rest, k=kernel: seen.append(w) or k(x, w, *rest)  # noqa: E731
        monkeypatch.setattr(f"layercli.lazy.F.{name}", spy, raising=False)
    layer(image(2, *shape))
    [weight] = seen
    memory = torch.channels_last if len(shape) == 3 else torch.channels_last_3d
    assert weight.data_ptr() == layer.kernel.stored.data_ptr()
    assert weight.is_contiguous(memory_format=memory)


@pytest.mark.parametrize("settings", [{"padding": "same"}, {"strides": 2}], ids=str)
def test_images_stay_channels_last(settings):
    assert layers.Conv2D(6, 3, **settings)(image(2, 8, 8, 4)).is_contiguous()


MESSAGES = [
    (layers.Conv2D(6, 3), (2, 8, 8), "expects x with 4 axes, got 3 (x = float32[2, 8, 8])"),
    (layers.Conv2D(6, 3, data_format="channels_first"), (2, 8, 8), "expects x with 4 axes, got 3 (x = float32[2, 8, 8])"),
    (layers.Conv2D(6, 3), (2, 8, 2, 4), "expects at least 3 along each axis the window slides on, got 2"),
    (layers.Conv1D(6, 3, groups=3), (2, 8, 4), "expects x with 3 channels, got 4 (x = float32[2, 8, 4])"),
    (layers.DepthwiseConv1D(3), (2, 2, 4), "expects at least 3 along each axis the window slides on, got 2"),
    (layers.Conv1DTranspose(6, 4, padding="same", strides=2, output_padding=0), (2, 1, 4),
     "expects a larger size along each axis, got 1, whose output is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "message"), MESSAGES, ids=lambda x: getattr(x, "name", None))
def test_an_input_that_does_not_fit(layer, shape, message):
    with pytest.raises(ShapeError) as error:
        layer(image(*shape))
    assert str(error.value) == f"{layer.name} ({type(layer).__name__}) {message}"


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", ["Conv2D", "DepthwiseConv2D", "Conv2DTranspose"])
def test_a_layer_once_built_refuses_other_inputs_as_one_that_is_not(name, data_format):
    settings = {"data_format": data_format} | ({} if name == "DepthwiseConv2D" else {"filters": 4})
    layer = getattr(layers, name)(kernel_size=3, **settings)
    layer(image(2, 4, 5, 4))
    other = (2, 5, 5, 7) if data_format == "channels_last" else (2, 7, 5, 5)
    with pytest.raises(ShapeError) as error:
        layer(image(*other))
    shown = ", ".join(map(str, other))
    assert str(error.value) == f"{layer.name} ({name}) expects x with 4 channels, got 7 (x = float32[{shown}])"
    with pytest.raises(ShapeError) as error:
        layer(image(4, 4, 4))
    assert str(error.value) == f"{layer.name} ({name}) expects x with 4 axes, got 3 (x = float32[4, 4, 4])"


SETTINGS = [
    (lambda: layers.Conv2D(6, 3, groups=4), "Conv2D expects filters to be a multiple of groups, got 6 and 4"),
    (
        lambda: layers.Conv2D(6, (3, 3, 3)),
        "Conv2D expects kernel_size to be a positive integer, or 2 of them, got (3, 3, 3)",
    ),
    (lambda: layers.Conv1D(6, 0), "Conv1D expects kernel_size to be a positive integer, got 0"),
    (lambda: layers.Conv2D(6, 3, padding="causal"), "Conv2D expects padding to be 'valid' or 'same', got 'causal'"),
    (
        lambda: layers.Conv1DTranspose(6, 3, 2, output_padding=2),
        "Conv1DTranspose expects output_padding to be less than strides, got (2,) and (2,)",
    ),
    (
        lambda: layers.Conv1DTranspose(6, 3, 2, output_padding=-1),
        "Conv1DTranspose expects output_padding to be an integer from 0, got -1",
    ),
    *(
        (
            lambda layer=layer: layer(2, 3, strides=(1, 2), dilation_rate=(2, 1)),
            f"{layer.__name__} expects strides or dilation_rate to be 1, got (1, 2) and (2, 1)",
        )
        for layer in (layers.Conv2D, layers.Conv2DTranspose)
    ),
]


@pytest.mark.parametrize(("make", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(make, message):
    with pytest.raises(UsageError) as error:
        make()
    assert str(error.value) == message
