"""Windows, normalizations and crossentropies as functions: Keras's, on the same inputs; and loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image

from layercli import Input, ops
from layercli.errors import ShapeError, UsageError

LINE, IMAGE, SOLID = image(2, 9, 4), image(2, 9, 8, 4), image(2, 5, 6, 7, 2)
FORMATS = [None, "channels_last", "channels_first"]


def first(x, data_format):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if data_format == "channels_first" else x


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("name", ["average_pool", "max_pool"])
def test_pool(name, padding, data_format):
    call = lambda *given, **named: lambda k, x: getattr(k, name)(x, *given, **named)  # noqa: E731
    agree(call((2, 2), (2, 2), padding, data_format), first(IMAGE, data_format))
    agree(call((3, 2), (2, 1), padding=padding, data_format=data_format), first(IMAGE, data_format))
    agree(call((3,), strides=2, padding=padding, data_format=data_format), first(LINE, data_format))
    agree(call((2, 2, 2), 1, padding, data_format), first(SOLID, data_format))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name", ["adaptive_average_pool", "adaptive_max_pool"])
def test_adaptive_pool(name, data_format):
    call = lambda *given, **named: lambda k, x: getattr(k, name)(x, *given, **named)  # noqa: E731
    agree(call((3, 5), data_format), first(IMAGE, data_format), sizes="known")
    agree(call(output_size=(4,), data_format=data_format), first(LINE, data_format), sizes="known")
    agree(call((2, 3, 4), data_format), first(SOLID, data_format), sizes="known")


QUERY, KEY, VALUE = image(2, 5, 3, 4), image(2, 7, 3, 4, seed=1), image(2, 7, 3, 4, seed=2)
LOOKED = np.random.default_rng(3).random((2, 1, 5, 7)) < 0.7


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_dot_product_attention(causal, masked, biased):
    given = [QUERY, KEY, VALUE, *[image(1, 3, 5, 7, seed=5)] * biased, *[LOOKED] * masked]

    def call(k, query, key, value, *rest):
        bias, mask = (*rest[:biased], *[None] * (1 - biased), *rest[biased:], None)[:2]
        return k.dot_product_attention(query, key, value, bias, mask, is_causal=causal)

    agree(call, *given, sizes="known", tolerance=4e-6)


def test_dot_product_attention_to_nothing_and_of_a_scale():
    agree(lambda k, q, y, v: k.dot_product_attention(q, y, v, scale=0.3), QUERY, KEY, VALUE, sizes="known")
    agree(
        lambda k, q, y, v: k.dot_product_attention(q, y, v, mask=k.zeros((1, 1, 5, 7), "bool")),
        QUERY, KEY, VALUE, sizes="known", gradients=False,
    )  # fmt: skip
    for x in (torch.from_numpy(QUERY), Input(batch_shape=QUERY.shape)):
        with pytest.raises(ShapeError) as error:
            ops.dot_product_attention(x, x[0], x)
        assert str(error.value) == "expects key with 4 axes, got 3 (key = float32[5, 3, 4])"
        with pytest.raises(UsageError) as error:
            ops.dot_product_attention(x, x, x, attn_logits_soft_cap=3.0)
        assert str(error.value) == "dot_product_attention has no attn_logits_soft_cap: Keras supports it on TPUs only"


@pytest.mark.parametrize("name", ["swish", "hard_swish"])
def test_second_names_of_activations(name):
    agree(lambda k, x: getattr(k, name)(x), IMAGE)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv(padding, data_format):
    call = lambda *given, **named: lambda k, x, w: k.conv(x, w, *given, **named)  # noqa: E731
    x = first(IMAGE, data_format)
    agree(call(1, padding, data_format), x, image(3, 2, 4, 5, seed=1), sizes="first")
    agree(call((2, 1), padding=padding, data_format=data_format), x, image(3, 3, 4, 5, seed=1), sizes="first")
    agree(call(padding=padding, data_format=data_format, dilation_rate=2), x, image(3, 3, 4, 5, seed=1), sizes="first")
    agree(call(1, padding, data_format), x, image(3, 3, 2, 6, seed=1), sizes="known")  # two groups
    agree(call(2, padding, data_format), first(LINE, data_format), image(3, 4, 5, seed=1), sizes="first")
    agree(call(1, padding, data_format), first(SOLID, data_format), image(2, 2, 3, 2, 3, seed=1), sizes="first")


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_transpose(padding, data_format):
    call = lambda *given, **named: lambda k, x, w: k.conv_transpose(x, w, *given, **named)  # noqa: E731
    x = first(IMAGE, data_format)
    agree(call(2, padding, None, data_format), x, image(3, 3, 5, 4, seed=1), sizes="first")
    agree(call((2, 3), padding=padding, data_format=data_format), x, image(2, 4, 5, 4, seed=1), sizes="first")
    agree(call(2, padding, 1, data_format), first(LINE, data_format), image(3, 5, 4, seed=1), sizes="first")


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_and_separable_conv(padding, data_format):
    x = first(IMAGE, data_format)
    agree(lambda k, x, w: k.depthwise_conv(x, w, 1, padding, data_format), x, image(3, 3, 4, 2, seed=1), sizes="first")
    agree(
        lambda k, x, w, p: k.separable_conv(x, w, p, 2, padding, data_format),
        x,
        image(3, 3, 4, 2, seed=1),
        image(1, 1, 8, 5, seed=2),
        sizes="first",
    )


def test_a_window_of_one_number_is_that_along_every_axis_and_so_are_its_strides():  # Keras on JAX raises for no strides
    x = torch.from_numpy(IMAGE)
    assert torch.equal(ops.max_pool(x, 2), ops.max_pool(x, (2, 2), (2, 2)))
    assert torch.equal(ops.average_pool(x, (3, 2)), ops.average_pool(x, (3, 2), (3, 2)))


MEAN, VARIANCE, SCALE, OFFSET = (image(4, seed=seed) for seed in (1, 2, 3, 4))
VARIANCE = np.square(VARIANCE) + 0.5


def test_batch_normalization():
    agree(lambda k, x, m, v: k.batch_normalization(x, m, v, -1), IMAGE, MEAN, VARIANCE)
    agree(
        lambda k, x, m, v, s, o: k.batch_normalization(x, m, v, axis=1, offset=o, scale=s, epsilon=0.1),
        first(IMAGE, "channels_first"),
        MEAN,
        VARIANCE,
        SCALE,
        OFFSET,
    )
    agree(lambda k, x: k.batch_normalization(x, *k.moments(x, [0, 1]), 2), LINE)


def test_layer_normalization():
    agree(lambda k, x: k.layer_normalization(x), LINE)
    agree(lambda k, x, s, o: k.layer_normalization(x, s, o, epsilon=1e-3), LINE, SCALE, OFFSET)
    agree(
        lambda k, x, s, o: k.layer_normalization(x, s, o, axis=[1, 2]), LINE, image(9, 4, seed=1), image(9, 4, seed=2)
    )


def test_rms_normalization():
    agree(lambda k, x: k.rms_normalization(x), LINE)
    agree(lambda k, x, s: k.rms_normalization(x, s, -1, 1e-3), LINE, SCALE)


RNG = np.random.default_rng(0)
SHARES = RNG.uniform(0.05, 0.95, (3, 4)).astype("float32")
TRUE = RNG.uniform(0, 1, (3, 4)).astype("float32")
LABELS = np.array([2, 0, 3], "int32")


@pytest.mark.parametrize("from_logits", [False, True])
def test_crossentropy(from_logits):
    output = image(3, 4) if from_logits else SHARES
    agree(lambda k, y, p: k.binary_crossentropy(y, p, from_logits), (TRUE > 0.5).astype("float32"), output)
    agree(lambda k, p: k.binary_crossentropy(k.convert_to_tensor(TRUE), p, from_logits=from_logits), output)
    agree(lambda k, y, p: k.categorical_crossentropy(y, p, from_logits), TRUE, output)
    agree(lambda k, y, p: k.categorical_crossentropy(y, p, from_logits, axis=0), TRUE, output)
    agree(lambda k, y, p: k.sparse_categorical_crossentropy(y, p, from_logits), LABELS, output)
    agree(lambda k, y, p: k.sparse_categorical_crossentropy(y, p, from_logits), LABELS[:, None], output)
    agree(lambda k, y, p: k.sparse_categorical_crossentropy(y, p, from_logits, axis=1), LABELS, output)


def test_fori_loop():
    agree(lambda k, x: k.fori_loop(0, 3, lambda i, value: value * x + i, x), LINE)
    agree(lambda k, x: k.fori_loop(5, 5, lambda i, value: value * 2, x), LINE)


MESSAGES = [
    (lambda x: ops.max_pool(x[0, 0], 2), "expects x with 3 to 5 axes, got 2 (x = float32[8, 4])"),
    (lambda x: ops.conv(x, torch.zeros(3, 4, 5)), "expects x with 3 axes, got 4 (x = float32[2, 9, 8, 4])"),
    (lambda x: ops.conv(x, torch.zeros(4, 5)), "expects kernel with 3 to 5 axes, got 2 (kernel = float32[4, 5])"),
    (lambda x: ops.conv(x, torch.zeros(3, 3, 3, 5)), "expects x with 3 channels, got 4 (x = float32[2, 9, 8, 4])"),
    (
        lambda x: ops.depthwise_conv(x, torch.zeros(3, 3, 3, 5)),
        "expects x with 3 channels, got 4 (x = float32[2, 9, 8, 4])",
    ),
    (lambda x: ops.layer_normalization(x, axis=4), "expects x with an axis 4, got 4 axes (x = float32[2, 9, 8, 4])"),
    (
        lambda x: ops.batch_normalization(x, torch.zeros(3), torch.ones(3), -1),
        "expects x with 3 features, got 4 (x = float32[2, 9, 8, 4])",
    ),
    (
        lambda x: ops.binary_crossentropy(x, x[0]),
        "expects target and output of one shape, got float32[2, 9, 8, 4] and float32[9, 8, 4]",
    ),
    (
        lambda x: ops.categorical_crossentropy(x[0], x[1:]),
        "expects target and output of one shape, got float32[9, 8, 4] and float32[1, 9, 8, 4]",
    ),
    (
        lambda x: ops.sparse_categorical_crossentropy(torch.zeros(2, 8, dtype=torch.int64), x),
        "expects target of the shape (2, 9, 8), got int64[2, 8] (output = float32[2, 9, 8, 4])",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.from_numpy(IMAGE), Input(batch_shape=IMAGE.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


SETTINGS = [
    (lambda x: ops.conv(x, torch.zeros(1, 1, 4, 3), padding="full"), "there is no padding 'full'"),
    (lambda x: ops.max_pool(x, (2, 2, 2)), "expects pool_size to be one number or 2, got (2, 2, 2)"),
    (lambda x: ops.max_pool(x, 2, data_format="nchw"), "there is no data_format 'nchw'"),
    (lambda x: ops.layer_normalization(x, rms_scaling=True), "layer_normalization has no rms_scaling"),
    (
        lambda x: ops.sparse_categorical_crossentropy(torch.tensor([4]), x[0, 0, :1]),
        "labels must be from 0 to 3, the 4 classes predicted, got 4",
    ),
    (lambda x: ops.binary_crossentropy(x * 9, x.sigmoid()), None),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(call, message):
    with pytest.raises(UsageError) as error:
        call(torch.from_numpy(IMAGE))
    assert str(error.value) == message or str(error.value).startswith(
        "binary_crossentropy expects targets from 0 to 1, got"
    )


def test_a_loop_whose_steps_are_not_known():
    x = Input(("T", 4))
    with pytest.raises(UsageError) as error:
        ops.fori_loop(0, ops.shape(x)[1], lambda i, value: value, x)
    assert str(error.value) == "fori_loop expects bounds that are integers, got T"


def test_softmax_of_all_axes():
    x = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 5.0]], "float32")
    whole = np.exp(x) / np.exp(x).sum()
    close(ops.softmax(x, axis=None), whole)
    close(ops.softmax(x, axis=(0, 1)), whole)
    close(ops.log_softmax(x, axis=None), np.log(whole))
    close(ops.log_softmax(x, axis=(0, 1)), np.log(whole))
    assert ops.softmax(np.float32(3), axis=None) == 1
    close(ops.softmax(x.tolist(), axis=None), whole)
    rows = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    close(ops.softmax(x, axis=np.int64(1)), rows)
    close(ops.log_softmax(x, axis=np.int64(1)), np.log(rows))
