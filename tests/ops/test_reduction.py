"""Many values to one, and what a norm divides by: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image

from layercli import Input, ops
from layercli.errors import ShapeError, UsageError

X = image(2, 5, 4)
WHOLE = np.random.default_rng(0).integers(-2, 3, (2, 5, 4)).astype("int32")
AXES = [None, 0, -1, (0, 2), (-1, -2)]
INF = float("inf")


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["amax", "amin", "logsumexp", "median", "ptp"])
def test_along_axes(name, axis, keepdims):
    agree(lambda k, x: getattr(k, name)(x, axis, keepdims), X)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, keepdims=keepdims), WHOLE, gradients=False)


def test_a_median_of_what_is_no_number_is_none():
    agree(lambda k, x: k.median(x, axis=1), np.array([[1, np.nan, 3], [4, 2, 8]], "float32"), gradients=False)


GAPS = np.where(np.random.default_rng(3).random((2, 5, 4)) < 0.3, np.nan, X).astype("float32")
GAPS[0, :, 1] = np.nan
NAN = ["nanmax", "nanmean", "nanmedian", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


@pytest.mark.parametrize("axis", [*AXES, 1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", NAN)
def test_what_is_no_number_is_left_out(name, axis, keepdims):
    agree(lambda k, x: getattr(k, name)(x, axis, keepdims), GAPS, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, keepdims=keepdims), WHOLE, gradients=False)


@pytest.mark.parametrize("name", NAN)
def test_gradients_around_gaps(name):
    agree(lambda k, x: getattr(k, name)(x), np.where(np.isnan(GAPS), np.nan, X), gradients=True)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["nanargmax", "nanargmin"])
def test_the_place_of_an_extreme_number(name, axis, keepdims):
    agree(lambda k, x: getattr(k, name)(x, axis, keepdims), GAPS, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, keepdims=keepdims), WHOLE, gradients=False)


METHODS = ["linear", "lower", "higher", "midpoint", "nearest"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("axis", AXES)
def test_quantiles(method, axis):
    q = np.array([0.0, 0.31, 0.62, 1.0], "float32")
    agree(lambda k, x: k.quantile(x, 0.37, axis, method), X, gradients=method != "nearest")
    agree(lambda k, x, q: k.quantile(x, q, axis, method, True), X, q, gradients=False)
    agree(lambda k, x, q: k.percentile(x, q, axis=axis, method=method), WHOLE, q * 100, gradients=False)
    agree(lambda k, x, q: k.nanquantile(x, q, axis, method), GAPS, q, gradients=False)
    agree(lambda k, x: k.nanpercentile(x, 41, axis=axis, method=method, keepdims=True), GAPS, gradients=False)
    agree(lambda k, x: k.quantile(x, 0.5, axis, method), GAPS, gradients=False)


def test_a_method_that_is_none():
    with pytest.raises(UsageError) as error:
        ops.quantile(torch.from_numpy(X), 0.5, method="medium")
    assert str(error.value) == "quantile has no method 'medium'"


@pytest.mark.parametrize("axis", AXES)
def test_count_nonzero(axis):
    agree(lambda k, x: k.count_nonzero(x, axis), WHOLE, gradients=False)
    agree(lambda k, x: k.count_nonzero(x, axis), X, gradients=False)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_place_of_an_extreme(name, axis, keepdims):
    agree(lambda k, x: getattr(k, name)(x, axis, keepdims), X, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis=axis, keepdims=keepdims), WHOLE, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, axis, keepdims), WHOLE > 0, gradients=False)


VECTOR = [(None, None), (None, 1), (1, -1), (2, 0), (INF, 1), (-INF, 1), (3, 2), (0, 0), (None, (0, 2))]
MATRIX = [(order, (0, 2)) for order in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)]


@pytest.mark.parametrize(("order", "axis"), VECTOR + MATRIX)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norm(order, axis, keepdims):
    agree(lambda k, x: k.norm(x, order, axis, keepdims), X, gradients=order != 0)
    agree(lambda k, x: k.norm(x, ord=order, axis=axis), WHOLE, gradients=False)


@pytest.mark.parametrize("order", [None, 1, 2, INF, "fro"])
def test_norm_of_a_whole_matrix(order):
    agree(lambda k, x: k.norm(x, order), X[0])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 0])
def test_normalize(order, axis):
    agree(lambda k, x: k.normalize(x, axis, order), X)
    agree(lambda k, x: k.normalize(x, axis=axis, order=order, epsilon=3.0), X)


def test_normalize_of_zeros_is_zeros():
    agree(lambda k, x: k.normalize(x), np.zeros((2, 3), "float32"), gradients=False)


WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, (2, 5, 4)).astype("float32")


def test_average():
    agree(lambda k, x: k.average(x), X)
    agree(lambda k, x: k.average(x, 1), X)
    agree(lambda k, x, w: k.average(x, weights=w), X, WEIGHTS)
    agree(lambda k, x, w: k.average(x, -1, w), X, WEIGHTS)
    agree(lambda k, x, w: k.average(x, axis=1, weights=w), X, WEIGHTS[0, :, 0])
    agree(lambda k, x: k.average(x, axis=1, weights=np.array([1, 2, 3, 4, 5])), X)
    agree(lambda k, x: k.average(x, axis=0), WHOLE, gradients=False)


@pytest.mark.parametrize("axes", [[0], (0, 1), [-1, 0]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_moments(axes, keepdims):
    agree(lambda k, x: k.moments(x, axes, keepdims), X)


def test_moments_of_halves_are_halves():
    mean, variance = ops.moments(torch.from_numpy(X).half(), [0, 1])
    assert (mean.dtype, variance.dtype) == (torch.float16, torch.float16)
    close(variance.float(), X.var((0, 1)), 2e-3)


MESSAGES = [
    (lambda x: ops.argmax(x, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: ops.count_nonzero(x, (0, 0)), "expects each axis once, got (0, 0) (x = float32[2, 5, 4])"),
    (lambda x: ops.norm(x, 2), "expects 1 or 2 axes for a norm of the order 2, got 3 (x = float32[2, 5, 4])"),
    (lambda x: ops.norm(x, "fro", 1), "expects 2 axes for a norm of the order fro, got 1 (x = float32[2, 5, 4])"),
    (lambda x: ops.norm(x, 3, (0, 1)), "expects 1 axis for a norm of the order 3, got 2 (x = float32[2, 5, 4])"),
    (
        lambda x: ops.average(x, 1, np.ones(3)),
        "expects weights of the shape (5,), got float64[3] (x = float32[2, 5, 4])",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


def test_settings_that_cannot_be_meant():
    with pytest.raises(UsageError) as error:
        ops.moments(torch.from_numpy(X), [0], synchronized=True)
    assert str(error.value) == "moments expects synchronized to be false"
