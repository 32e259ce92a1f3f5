"""Places named by number, read and written to, and tensors joined and taken apart: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, image

from layercli import Input, ops
from layercli.core.keras_tensor import SymbolicTensor
from layercli.errors import DTypeError, ShapeError, UnknownSizeError, UsageError

X, Y = image(2, 5, 4), image(2, 3, 4, seed=1)
PLACES = np.array([[0, 3], [1, -1], [2, 0]], "int32")


@pytest.mark.parametrize("axis", [None, 1, -1])
def test_take(axis):
    agree(lambda k, x, i: k.take(x, i, axis), X, PLACES)
    agree(lambda k, x: k.take(x, [0, 2, 2], axis=axis), X)
    agree(lambda k, x: k.take(x, 1, axis=axis), X)
    agree(lambda k, x, i: k.take(x, i, axis=axis), X.astype("int32"), PLACES.astype("uint8") % 4, gradients=False)


def test_take_along_axis():
    order = np.argsort(X, 1)
    agree(lambda k, x, i: k.take_along_axis(x, i, 1), X, order)
    agree(lambda k, x, i: k.take_along_axis(x, i, axis=-1), X, np.array([[[0, -1, 3]]], "int32"))
    agree(lambda k, x, i: k.take_along_axis(x, i, axis=0), X[:, :1], order[:1] % 2)
    agree(lambda k, x, i: k.take_along_axis(x, i), X, np.array([3, -2, 39]))


def test_slice():
    agree(lambda k, x: k.slice(x, (0, 1, 2), (2, 3, 1)), X, sizes="known")
    agree(lambda k, x: k.slice(x, [1, 0, 0], [1, -1, -1]), X, sizes="known")
    agree(lambda k, x, i: k.slice(x, i, (1, 3, 4)), X, np.array([1, 1, 0]))
    agree(lambda k, x, i: k.slice(x, i, (1, 3, 4)), X, np.array([5, 4, 1]))  # held back to what there is


def test_a_slice_of_a_size_not_known_has_the_shape_asked_for():
    x = Input(("T", 4))
    assert str(ops.slice(x, (0, 1, 1), (1, 3, 2)).spec) == "float32[1, 3, 2]"
    assert str(ops.slice(x, (0, 1, 1), (-1, -1, 2)).spec) == "float32[None, T - 1, 2]"


def test_slice_update():
    agree(lambda k, x, y: k.slice_update(x, (0, 1, 0), y), X, Y, sizes="known")
    agree(lambda k, x, y: k.slice_update(x, [0, 2, 0], k.zeros_like(y)), X, Y, sizes="known")
    agree(lambda k, x, y, i: k.slice_update(x, i, y), X, Y, np.array([0, 2, 0]))
    agree(lambda k, x, y, i: k.slice_update(x, i, y), X, Y, np.array([0, 4, 3]))


ROWS = np.array([[1], [0], [1]], "int32")
POINTS = np.array([[1, 2], [0, 0], [1, -1]], "int32")


@pytest.mark.parametrize("reduction", [None, "add", "max", "min", "mul"])
def test_scatter_update(reduction):
    distinct, rows, points = np.array([[1], [0]]), image(3, 5, 4, seed=2), image(3, 4, seed=3)
    smooth = reduction != "mul"  # for which JAX has no gradient
    agree(lambda k, x, i, u: k.scatter_update(x, i, u, reduction), X, distinct, rows[:2], gradients=smooth)
    agree(lambda k, x, i, u: k.scatter_update(x, i, u, reduction=reduction), X, POINTS, points, gradients=smooth)
    if reduction is not None:  # of several updates of one place any may be the one
        agree(lambda k, x, i, u: k.scatter_update(x, i, u, reduction), X, ROWS, rows, gradients=smooth)


def test_stacks():
    agree(lambda k, x, y: k.hstack([x, y]), X, Y)
    agree(lambda k, x, y: k.hstack([x, y]), X[0, 0], Y[0, :, 0])
    agree(lambda k, x: k.hstack([x, x]), np.float32(3).reshape(()))
    agree(lambda k, x, y: k.vstack([x, y[:, :, :1], x]), X[:, :3, :1], Y)
    agree(lambda k, x, y: k.vstack([x, y]), X[0, 0], Y[0])
    agree(lambda k, x: k.vstack([x, x]), np.float32(3).reshape(()))


def test_append():
    name = "append"  # a call of an attribute of this name is a list's to the records, which keep none of it
    agree(lambda k, x, y: getattr(k, name)(x, y), X, Y)
    agree(lambda k, x, y: getattr(k, name)(x, y, 1), X, Y)
    agree(lambda k, x, y: getattr(k, name)(x, y, axis=-1), np.arange(3, dtype="int32"), X[0, 0])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unstack(axis):
    agree(lambda k, x: k.unstack(x, axis=axis), X, sizes="known")
    agree(lambda k, x: k.unstack(x, X.shape[axis], axis), X)


MESSAGES = [
    (ShapeError, lambda x: ops.take(x, [0], 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (DTypeError, lambda x: ops.take(x, [0.5]), "expects indices of an integer dtype (indices = float32[1])"),
    (
        ShapeError,
        lambda x: ops.take_along_axis(x, [0], 1),
        "expects indices with 3 axes, got 1 (x = float32[2, 5, 4], indices = int32[1])",
    ),
    (
        ShapeError,
        lambda x: ops.slice(x, (0, 3, 0), (1, 3, 1)),
        "expects x with indices 3 to 6 along axis 1, got size 5 (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.slice(x, (0, 0), (1, 1)),
        "expects shape for each of x's 3 axes, got (1, 1) (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.slice_update(x, (1, 0, 0), x),
        "expects x with indices 1 to 3 along axis 0, got size 2 (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.scatter_update(x, [0, 1], x),
        "expects indices of the shape (n, 1 to 3 axes), got int32[2] (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.scatter_update(x, [[0]], x),
        "expects updates of the shape (1, 5, 4), got float32[2, 5, 4] (x = float32[2, 5, 4])",
    ),
    (
        ShapeError,
        lambda x: ops.unstack(x, 4, 1),
        "expects x with size 4 along axis 1, got 5 (x = float32[2, 5, 4])",
    ),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert str(error.value) == message


def test_a_number_of_parts_that_is_not_known():
    with pytest.raises(UnknownSizeError) as error:
        ops.unstack(Input(("T", 4)), axis=1)
    assert str(error.value) == ("unstack expects num where the size of axis 1 is unknown (x = float32[None, T, 4])")


def test_a_reduction_that_is_none():
    with pytest.raises(UsageError) as error:
        ops.scatter_update(torch.zeros(3), [[0]], [1.0], "mult")
    assert (str(error.value), error.value.hint) == ("scatter_update has no reduction 'mult'", "did you mean mul?")


def test_indices_that_are_symbolic_are_taken_as_such():
    x, places = Input(("T", 4)), Input((3,), dtype="int64")
    taken = ops.take(x, places, axis=2)
    assert isinstance(taken, SymbolicTensor)
    assert str(taken.spec) == "float32[None, T, B, 3]"
