"""Values compared, counted, found, and taken together by number: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, keras, value_of

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError, UsageError

X = image(2, 5, 4)
WHOLE = np.random.default_rng(0).integers(0, 5, (2, 5)).astype("int32")
ROW = WHOLE.reshape(-1)
ODD = np.array([1.0, np.nan, np.inf, -np.inf, 2.0], "float32")


def test_isclose():
    near = X + np.float32(1e-6)
    agree(lambda k, x, y: k.isclose(x, y), X, near, gradients=False)
    agree(lambda k, x, y: k.isclose(x, y, 0.1, 0.2), X, X[:, :1] * 1.1, gradients=False)
    agree(lambda k, x, y: k.isclose(x, y, equal_nan=True), ODD, ODD[::-1].copy(), gradients=False)
    agree(lambda k, x: k.isclose(x, ODD, equal_nan=True), ODD, gradients=False)
    agree(lambda k, x: k.isclose(x, 3), WHOLE, gradients=False)
    agree(lambda k, x, y: k.allclose(x, y), X, near, gradients=False)
    agree(lambda k, x, y: k.allclose(x, y, rtol=1e-9), X, near, gradients=False)


@pytest.mark.parametrize("invert", [False, True])
def test_isin(invert):
    agree(lambda k, x, y: k.isin(x, y, invert=invert), WHOLE, np.array([1, 3], "int32"), gradients=False)
    agree(lambda k, x: k.isin(x, [1.0, 4.0], assume_unique=True, invert=invert), WHOLE, gradients=False)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_in_top_k(k):
    scores = X[0].copy()
    scores[0, 1], scores[1, 2], scores[2, :2] = np.nan, np.inf, 1.0
    agree(lambda api, t, p: api.in_top_k(t, p, k), np.array([1, 0, 1, 3, 2], "int32"), scores, gradients=False)
    agree(lambda api, t, p: api.in_top_k(t, p, k=k), np.array([1, 0, 0, 3, 2], "int32"), scores, gradients=False)


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(side):
    rising = np.array([-1.0, 0.0, 0.5, 0.5, 2.0], "float32")
    agree(lambda k, s, v: k.searchsorted(s, v, side), rising, X, gradients=False)
    agree(lambda k, s, v: k.searchsorted(s, v, side=side), np.arange(4), WHOLE, gradients=False)
    agree(lambda k, s: k.searchsorted(s, [0.5, 9.0], side=side), rising, gradients=False)


def test_digitize():
    agree(lambda k, x: k.digitize(x, [-1.0, 0.0, 0.0, 1.0]), X, gradients=False)
    agree(lambda k, x, b: k.digitize(x, b), WHOLE, np.array([1, 3, 4], "int32"), gradients=False)
    agree(lambda k, x, b: k.digitize(x, b), WHOLE, np.array([4, 3, 1], "int32"), gradients=False)


def test_bincount():
    full = np.array([[0, 4, 1], [4, 4, 2]], "int32")
    for x, weights in ((ROW, image(10)), (full, image(2, 3))):
        _same(lambda k, x: k.bincount(x), x)
        _same(lambda k, x: k.bincount(x, minlength=9), x)
        found = ops.bincount(torch.from_numpy(x), weights=weights)
        assert found.dtype is torch.float32
        close(found, keras.ops.bincount(x, weights=weights))
    assert str(ops.bincount(Input((4,), dtype="int32")).spec) == "int32[None, None]"


@pytest.mark.parametrize("bins", [10, 3])
@pytest.mark.parametrize("range", [None, (-1, 1)])
def test_histogram(bins, range):
    agree(lambda k, x: k.histogram(x, bins, range), X.reshape(-1), gradients=False)
    agree(lambda k, x: k.histogram(x, bins=bins, range=range), ROW, gradients=False)


def test_histogram_of_one_value():
    agree(lambda k, x: k.histogram(x), np.full(4, 2.0, "float32"), gradients=False)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_segments(name):
    ids = np.array([2, 0, 2, 0, 7], "int32")
    rows = image(5, 3)
    name = f"segment_{name}"
    agree(lambda k, x, i: getattr(k, name)(x, i, 4), rows, ids, gradients=name != "segment_prod")
    agree(lambda k, x, i: getattr(k, name)(x, i, num_segments=3), rows[:, 0], ids, gradients=False)
    agree(lambda k, x, i: getattr(k, name)(x, i, 4, sorted=True), WHOLE[0], np.sort(ids), gradients=False)
    found = getattr(ops, name)(torch.from_numpy(rows), ids)
    assert found.shape == (8, 3)
    close(found[:4], getattr(keras.ops, name)(rows, ids, 4))


def test_nonzero():
    for x in (WHOLE, X, WHOLE > 2, np.zeros((2, 3), "float32")):
        _same(lambda k, x: k.nonzero(x), x)
    assert [str(x.spec) for x in ops.nonzero(Input(("T", 4)))] == ["int32[None]"] * 3


OPTIONS = [
    {},
    {"return_index": True},
    {"return_inverse": True},
    {"return_counts": True},
    {"return_index": True, "return_inverse": True, "return_counts": True},
    {"size": 3, "return_counts": True, "return_index": True},
    {"size": 9, "return_counts": True, "return_index": True, "return_inverse": True},
    {"size": 9, "fill_value": 7},
]


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_unique(options):
    _same(lambda k, x: k.unique(x, **options), WHOLE)
    _same(lambda k, x: k.unique(x, **options), np.round(X))
    rows = np.array([[1, 2], [0, 2], [1, 2], [0, 1]], "int32")
    _same(lambda k, x: k.unique(x, axis=0, **options), rows)
    _same(lambda k, x: k.unique(x, axis=1, **options), rows)


def test_how_many_differ_is_not_known_before():
    values, counts = ops.unique(Input(("T", 4)), return_counts=True)
    assert (str(values.spec), str(counts.spec)) == ("float32[None]", "int64[None]")
    assert str(ops.unique(Input((4,), dtype="int32"), axis=0, size=5).spec) == "int32[5, 4]"


def _same(call, x):
    ours, theirs = call(ops, torch.from_numpy(x)), value_of(call(keras.ops, x))
    for a, b in zip(*(each if isinstance(each, (list, tuple)) else [each] for each in (ours, theirs)), strict=True):
        assert np.array_equal(a.numpy(), np.asarray(b))


MESSAGES = [
    (ShapeError, lambda x: ops.searchsorted(x, x), "expects x with 1 axes, got 3 (x = float32[2, 5, 4])"),
    (DTypeError, lambda x: ops.bincount(x[0, 0]), "expects indices of an integer dtype (indices = float32[4])"),
    (
        ShapeError,
        lambda x: ops.segment_sum(x, [0, 1, 2], 3),
        "expects an id for each row of x, got int32[3] (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.in_top_k([0, 1], x, 3),
        "expects predictions with one axis more than targets int32[2], the classes, got float32[2, 5, 4]",
    ),
    (ShapeError, lambda x: ops.quantile(x, x), "expects q with at most 1 axis, got 3 (q = float32[2, 5, 4])"),
    (
        UsageError,
        lambda x: ops.searchsorted(x[0, 0], x, "middle"),
        "searchsorted expects side to be left or right, got 'middle'",
    ),
    (UsageError, lambda x: ops.histogram(x, 0), "histogram expects bins to be an integer of at least 1, got 0"),
    (UsageError, lambda x: ops.histogram(x, 3, (1, 0)), "histogram expects an ascending range, got (1, 0)"),
    (UsageError, lambda x: ops.select([x > 0], []), "select expects one choice per condition, got 0 and 1"),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert str(error.value) == message


def test_nan_is_one_value_and_the_last():
    values, counts = ops.unique(np.array([1, np.nan, -np.inf, np.nan, 0, 1], "float32"), return_counts=True)
    np.testing.assert_array_equal(values, [-np.inf, 0, 1, np.nan])
    assert counts.tolist() == [1, 1, 2, 2]
