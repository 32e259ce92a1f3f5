"""Functions along an axis that keep it: orders, running totals, neighbours, places moved; Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, image

from layercli import Input, ops
from layercli.errors import ShapeError, UsageError

X = image(2, 5, 4)
WHOLE = np.random.default_rng(0).integers(-2, 3, (2, 5, 4)).astype("int32")
TRUTHS = WHOLE > 0
AXES = [0, 1, -1]


@pytest.mark.parametrize("axis", [None, *AXES])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running_totals(name, axis):
    agree(lambda k, x: getattr(k, name)(x, axis), X)
    agree(lambda k, x: getattr(k, name)(x, axis=axis), WHOLE, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis), TRUTHS, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, dtype="float32"), WHOLE, gradients=False)


@pytest.mark.parametrize("axis", [None, *AXES])
@pytest.mark.parametrize("name", ["nancumsum", "nancumprod"])
def test_running_totals_around_gaps(name, axis):
    gaps = np.where(X > 0.8, np.nan, X)
    agree(lambda k, x: getattr(k, name)(x, axis), gaps, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis), WHOLE, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, dtype="float32"), WHOLE, gradients=False)


@pytest.mark.parametrize("axis", [None, *AXES])
def test_argpartition(axis):
    places = ops.argpartition(torch.from_numpy(X), 1, axis)
    x = X if axis is not None else X.reshape(-1)
    ordered = np.take_along_axis(x, places.numpy(), axis or 0)
    kth = np.take(ordered, [1], axis or 0)
    assert (np.take(ordered, [0], axis or 0) <= kth).all()
    assert (np.sort(ordered, axis or 0) == np.sort(x, axis or 0)).all()
    assert (kth == np.take(np.partition(x, 1, axis or 0), [1], axis or 0)).all()


def test_turned():
    agree(lambda k, x: k.flipud(x), X)
    agree(lambda k, x: k.fliplr(x), X)
    for turns in (0, 1, 2, 3, -1, 5):
        agree(lambda k, x, turns=turns: k.rot90(x, turns), X)
        agree(lambda k, x, turns=turns: k.rot90(x, k=turns, axes=(2, 0)), X)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_diff(n, axis):
    agree(lambda k, x: k.diff(x, n, axis), image(5, 5, 4))
    agree(lambda k, x: k.diff(x, n=n, axis=axis), WHOLE[:, :4] if axis else np.tile(WHOLE, (2, 1, 1)), gradients=False)
    agree(lambda k, x: k.diff(x, n=n, axis=axis), np.tile(TRUTHS, (2, 1, 1)), gradients=False)


def test_arrays_that_stay_as_they_are_become_tensors():
    for found in (ops.rot90(X[0], 0), ops.diff(X[0], 0), ops.select([[True]], [1.5])):
        assert isinstance(found, torch.Tensor)


@pytest.mark.parametrize("axis", [None, *AXES])
def test_sort(axis):
    agree(lambda k, x: k.sort(x, axis), X)
    agree(lambda k, x: k.sort(x, axis=axis), WHOLE, gradients=False)
    agree(lambda k, x: k.argsort(x, axis), X, gradients=False)
    agree(lambda k, x: k.argsort(x, axis=axis), WHOLE, gradients=False)  # ties stay in order


@pytest.mark.parametrize("k", [1, 3])
def test_top_k(k):
    agree(lambda api, x: api.top_k(x, k), X)
    agree(
        lambda api, x: api.top_k(x, k=k, sorted=True),
        np.arange(12, dtype="int32").reshape(2, 6)[:, ::-1],
        gradients=False,
    )
    agree(lambda api, x: api.sort(api.top_k(x, k, sorted=False)[0]), X)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_flip(axis):
    agree(lambda k, x: k.flip(x, axis), X)
    agree(lambda k, x: k.flip(x, axis=axis), TRUTHS, gradients=False)


@pytest.mark.parametrize(
    ("shift", "axis"), [(1, None), (-7, None), (2, 1), (-1, -1), (9, 0), ((1, 2), (0, 1)), (1, (0, 2))]
)
def test_roll(shift, axis):
    agree(lambda k, x: k.roll(x, shift, axis), X)
    agree(lambda k, x: k.roll(x, shift=shift, axis=axis), WHOLE, gradients=False)


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_triangles(k):
    agree(lambda api, x: api.tril(x, k), X)
    agree(lambda api, x: api.triu(x, k=k), X)
    agree(lambda api, x: api.tril(x, k), TRUTHS, gradients=False)


def test_axes_in_another_order():
    agree(lambda k, x: k.swapaxes(x, 0, -1), X)
    agree(lambda k, x: k.moveaxis(x, 0, -1), X)
    agree(lambda k, x: k.moveaxis(x, (0, 1), (-1, 0)), X)
    agree(lambda k, x: k.moveaxis(x, [2, 0], [0, 2]), X)
    agree(lambda k, x: k.ravel(x), X)


MESSAGES = [
    (lambda x: ops.cumsum(x, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.sort(x, -4), "expects x with an axis -4, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.argsort(x, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.diff(x, 1, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.flip(x, (0, -3)), "expects each axis once, got (0, -3) (x = float32[2, 5, 4])"),
    (lambda x: ops.roll(x, 1, 5), "expects x with an axis 5, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.top_k(x, 5), "expects x with at least 5 values along its last axis, got 4 (x = float32[2, 5, 4])"),
    (lambda x: ops.tril(x[0, 0]), "expects x with at least 2 axes, got 1 (x = float32[4])"),
    (lambda x: ops.swapaxes(x, 0, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


SETTINGS = [
    (lambda x: ops.diff(x, -1), "diff expects n to be at least 0, got -1"),
    (lambda x: ops.roll(x, (1, 2), 0), "roll expects one shift for each axis, got (1, 2) and 0"),
    (
        lambda x: ops.moveaxis(x, (0, 1), 2),
        "moveaxis expects equally many source and destination axes, got (0, 1) and 2",
    ),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(call, message):
    with pytest.raises(UsageError) as error:
        call(torch.from_numpy(X))
    assert str(error.value) == message


BLOCK = np.arange(24, dtype="float32").reshape(1, 2, 3, 4)
ALONG = {
    "sum": lambda axis: ops.sum(BLOCK, axis),
    "logsumexp": lambda axis: ops.logsumexp(BLOCK, axis),
    "count_nonzero": lambda axis: ops.count_nonzero(BLOCK, axis),
    "median": lambda axis: ops.median(BLOCK, axis),
    "moments": lambda axis: ops.moments(BLOCK, axis)[1],
    "norm": lambda axis: ops.norm(BLOCK, axis=axis),
    "flip": lambda axis: ops.flip(BLOCK, axis),
    "roll": lambda axis: ops.roll(BLOCK, axis, axis),
    "expand_dims": lambda axis: ops.expand_dims(BLOCK, axis),
    "squeeze": lambda axis: ops.squeeze(BLOCK, axis - axis),
    "argmax": lambda axis: ops.argmax(BLOCK, axis),
    "softmax": lambda axis: ops.softmax(BLOCK, axis),
}


@pytest.mark.parametrize("name", ALONG)
def test_an_axis_may_be_an_integer_of_numpy(name):
    np.testing.assert_array_equal(ALONG[name](np.int64(1)), ALONG[name](1))
