"""The user's functions that shape, join, cut, pad and reduce: on tensors as numpy does, on symbolic tensors the same shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Input, Layer, Model, layers, ops
from layercli.errors import ShapeError, UsageError

X = np.random.default_rng(0).standard_normal((2, 5, 4)).astype("float32")

AROUND = ((0, 0), (7, 6), (1, 0))


def padded(mode):
    return (lambda x: ops.pad(x, AROUND, mode), lambda x: np.pad(x, AROUND, mode))


CALLS = {
    "reshape": (lambda x: ops.reshape(x, (2, -1)), lambda x: x.reshape(2, -1)),
    "reshape by own sizes": (lambda x: ops.reshape(x, (x.shape[0] * 2, -1)), lambda x: x.reshape(4, -1)),
    "transpose": (lambda x: ops.transpose(x), lambda x: x.transpose()),
    "transpose axes": (lambda x: ops.transpose(x, (1, -1, 0)), lambda x: x.transpose(1, -1, 0)),
    "expand_dims": (lambda x: ops.expand_dims(x, -1), lambda x: np.expand_dims(x, -1)),
    "expand_dims twice": (lambda x: ops.expand_dims(x, (0, -2)), lambda x: np.expand_dims(x, (0, -2))),
    "squeeze": (lambda x: ops.squeeze(x[:, :1], 1), lambda x: x[:, 0]),
    "squeeze all": (lambda x: ops.squeeze(x[:1, :, :1]), lambda x: x[0, :, 0]),
    "broadcast_to": (lambda x: ops.broadcast_to(x[:, :1], (2, 3, 4)), lambda x: np.broadcast_to(x[:, :1], (2, 3, 4))),
    "repeat": (lambda x: ops.repeat(x, 2, 1), lambda x: x.repeat(2, 1)),
    "tile": (lambda x: ops.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3))),
    "concatenate": (lambda x: ops.concatenate([x, x[:, 1:]], 1), lambda x: np.concatenate([x, x[:, 1:]], 1)),
    "stack": (lambda x: ops.stack([x, -x], -1), lambda x: np.stack([x, -x], -1)),
    "split": (lambda x: ops.split(x, 2, axis=2)[1], lambda x: np.split(x, 2, axis=2)[1]),
    "split at": (lambda x: ops.split(x, (1, 3), axis=1)[1], lambda x: np.split(x, (1, 3), axis=1)[1]),
    "pad": (lambda x: ops.pad(x, 1, constant_values=2.5), lambda x: np.pad(x, 1, constant_values=2.5)),
    "pad pair": (lambda x: ops.pad(x, (1, 2)), lambda x: np.pad(x, (1, 2))),
    "pad reflect": padded("reflect"),
    "pad symmetric": padded("symmetric"),
    "pad edge": padded("edge"),
    "mean": (lambda x: ops.mean(x, axis=(0, -1), keepdims=True), lambda x: x.mean((0, -1), keepdims=True)),
    "sum": (lambda x: ops.sum(x), lambda x: x.sum()),
    "prod": (lambda x: ops.prod(x, (0, 2)), lambda x: x.prod((0, 2))),
    "max": (lambda x: ops.max(x, 1), lambda x: x.max(1)),
    "min": (lambda x: ops.min(x, [1, 2]), lambda x: x.min((1, 2))),
    "var": (lambda x: ops.var(x, -1), lambda x: x.var(-1)),
    "std": (lambda x: ops.std(x, -1), lambda x: x.std(-1)),
    "ones_like": (lambda x: ops.ones_like(x, "int32"), lambda x: np.ones_like(x, "int32")),
    "getitem": (lambda x: x[..., None, 1:-1], lambda x: x[..., None, 1:-1]),
    "getitem step": (lambda x: x[-1, ::2], lambda x: x[-1, ::2]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_function(name):
    ours, numpys = CALLS[name]
    found, expected = ours(torch.from_numpy(X)).numpy(), numpys(X)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    symbolic = ours(layers.Input(batch_shape=X.shape))
    assert (symbolic.shape, symbolic.dtype) == (expected.shape, str(expected.dtype))


SLICES = {
    "1:": (lambda x: x[:, 1:], "float32[None, T - 1, 4]"),
    ":-1": (lambda x: x[:, :-1], "float32[None, T - 1, 4]"),
    "::2": (lambda x: x[:, ::2], "float32[None, ceil(T/2), 4]"),
    "-1": (lambda x: x[:, -1], "float32[None, 4]"),
    "-1:": (lambda x: x[:, -1:], "float32[None, 1, 4]"),
    ":1": (lambda x: x[:, :1], "float32[None, 1, 4]"),
    ":3": (lambda x: x[:, :3], "float32[None, None, 4]"),
    "2:": (lambda x: x[:, 2:], "float32[None, None, 4]"),
    "1:-1": (lambda x: x[:, 1:-1], "float32[None, None, 4]"),
    "-2:": (lambda x: x[:, -2:], "float32[None, None, 4]"),
}


@pytest.mark.parametrize("name", SLICES)
def test_a_slice_of_a_size_not_known_is_a_formula_or_unknown_but_never_a_guess(name):
    take, expected = SLICES[name]
    assert str(take(layers.Input(("T", 4))).spec) == expected


def test_a_key_that_is_a_tensor_goes_to_torch():
    assert str(layers.Input(("T", 4))[:, torch.tensor([0, 0, 1])].spec) == "float32[None, 3, 4]"


MESSAGES = [
    (lambda x: ops.reshape(x, (3, 7)), "expects x with 21 values, got 40 (x = float32[2, 5, 4])"),
    (lambda x: ops.reshape(x, (3, -1)), "expects x with a multiple of 3 values, got 40 (x = float32[2, 5, 4])"),
    (lambda x: ops.transpose(x, (0, 0, 1)), "expects each of x's 3 axes once, got (0, 0, 1) (x = float32[2, 5, 4])"),
    (lambda x: ops.squeeze(x, 1), "expects axis 1 of x to have the size 1, got 5 (x = float32[2, 5, 4])"),
    (lambda x: ops.broadcast_to(x, (2, 3, 4)), "expects shapes that broadcast, got [2, 5, 4] and [2, 3, 4]"),
    (lambda x: ops.broadcast_to(x, (5, 4)), "expects x to broadcast to (5, 4), got (2, 5, 4)"),
    (lambda x: ops.mean(x, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.sum(x, (1, -2)), "expects each axis once, got (1, -2) (x = float32[2, 5, 4])"),
    (
        lambda x: ops.split(x, 2, 1),
        "expects x to split into 2 equal sections, got 5 along axis 1 (x = float32[2, 5, 4])",
    ),
    (
        lambda x: ops.split(x, (3, 1), 1),
        "expects ascending indices up to 5 to split x at, got (3, 1) (x = float32[2, 5, 4])",
    ),
    (lambda x: ops.stack([x, x[1:]]), "expects inputs of one shape, got float32[2, 5, 4] and float32[1, 5, 4]"),
    (lambda x: ops.pad(x, ((0, 1), (1, 0))), "expects x with 2 axes, got 3 (x = float32[2, 5, 4])"),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.from_numpy(X), layers.Input(batch_shape=X.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


INDEXING = [
    (lambda x: x[:, 5], "expects x with an index 5 along axis 1, got size 5 (x = float32[2, 5, 4])"),
    (lambda x: x[0, 0, 0, 0], "expects x with at least 4 axes, got 3 (x = float32[2, 5, 4])"),
    (lambda x: x[:, ::-1], "expects slices with a positive step"),
]


@pytest.mark.parametrize(("take", "message"), INDEXING, ids=range(len(INDEXING)))
def test_a_place_that_is_not_there(take, message):
    with pytest.raises(ShapeError) as error:
        take(layers.Input(batch_shape=X.shape))
    assert str(error.value) == message


SETTINGS = [
    (lambda x: ops.reshape(x, (-1, -1)), "expects a shape with at most 1 unknown size, got (-1, -1)"),
    (lambda x: ops.broadcast_to(x, (-1, 4)), "expects a shape with at most 0 unknown size, got (-1, 4)"),
    (lambda x: ops.pad(x, 1, "wrap"), "pad has no mode 'wrap'"),
    (lambda x: ops.pad(x, 1, "edge", 2), "pad takes constant_values in the mode 'constant' only, got the mode 'edge'"),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(call, message):
    with pytest.raises(UsageError) as error:
        call(torch.from_numpy(X))
    assert str(error.value) == message


class DepthToSpace(Layer):
    """Sizes of no name, several of them, multiplied and given back: a layer says them again when it is called."""

    def call(self, x):
        batch, height, width, depth = ops.shape(x)
        x = ops.reshape(x, [batch, height, width, 2, 2, depth // 4])
        x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
        return ops.broadcast_to(
            ops.reshape(x, [batch, height * 2, width * 2, depth // 4]), (batch, 2 * height, 2 * width, 1)
        )


def test_sizes_without_a_name_in_a_layer():
    x = Input((None, None, 4))
    out = DepthToSpace()(x)
    assert out.shape == (None, None, None, 1)
    values = torch.arange(2 * 3 * 5 * 4.0).reshape(2, 3, 5, 4)
    found = Model(x, out)(values)
    assert torch.equal(found[..., 0], torch.pixel_shuffle(values.permute(0, 3, 1, 2), 2)[:, 0])


def test_sizes_without_a_name_outside_of_a_layer():
    x = Input((None, None, 4))
    batch, height, width, _ = ops.shape(x)
    assert (batch, height, width) == (None, None, None)
    with pytest.raises(UsageError) as error:
        ops.reshape(x, [-1, batch, -1, width, 2])
    assert str(error.value) == "expects a shape with at most 1 unknown size, got (-1, None, -1, None, 2)"


class Causal(Layer):
    """A mask for each sample, made of vectors of sizes, as Keras's example of a small GPT makes it."""

    def call(self, x):
        batch, steps, _ = ops.shape(x)
        places = ops.arange(steps)
        mask = ops.reshape(ops.cast(places[:, None] >= places, "float32"), [1, steps, steps])
        times = ops.concatenate([ops.expand_dims(batch, -1), ops.convert_to_tensor([1, 1])], 0)
        return ops.tile(mask, times) + ops.broadcast_to(ops.zeros((1, 1, 1)), ops.stack([batch, steps, 1]))


@pytest.mark.parametrize("shape", [(5, 4), (None, 4), ("T", 4)])
def test_vectors_of_sizes(shape):
    x = Input(shape)
    out = Causal()(x)
    assert out.shape[0] == None  # noqa: E711 - as a shape compares
    assert str(out.shape[1]) == str(shape[0])
    found = Model(x, out)(torch.zeros(3, 5, 4))
    assert torch.equal(found, torch.ones(5, 5).tril().expand(3, 5, 5))
    assert torch.equal(Causal()(torch.zeros(3, 5, 4)), found)


def test_a_vector_of_sizes_is_not_reckoned_with():
    sizes = ops.expand_dims(Input(("T", 2)).shape[1], 0)
    with pytest.raises(TypeError):
        sizes + sizes
    with pytest.raises(TypeError):
        sizes * 2


def test_a_number_alone_is_a_tensor():
    assert ops.expand_dims(3, -1).tolist() == [3]
    assert ops.stack([2, 5]).tolist() == [2, 5]
