"""Matrices taken apart and systems solved: Keras's, on the same inputs; where signs are free, what they multiply to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, keras

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError, UsageError

SQUARE = image(2, 4, 4) + 3 * np.eye(4, dtype="float32")
POSITIVE = SQUARE @ SQUARE.transpose(0, 2, 1)
TALL = image(2, 5, 3)
NEAR = 1e-5
"""How far results of two libraries may be apart that both round often."""


@pytest.mark.parametrize("name", ["det", "inv", "logdet", "slogdet"])
def test_of_square_matrices(name):
    agree(lambda k, x: getattr(k, name)(x), SQUARE, tolerance=NEAR, sizes="known")
    agree(lambda k, x: getattr(k, name)(x), SQUARE[0], tolerance=NEAR, sizes="known")


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(upper):
    agree(lambda k, x: k.cholesky(x, upper), POSITIVE, tolerance=NEAR, gradients=False, sizes="known")
    factor = np.asarray(keras.ops.cholesky(POSITIVE[0], upper=upper))
    agree(lambda k, x: k.cholesky_inverse(x, upper), factor, tolerance=NEAR, gradients=False, sizes="known")


def test_eigenvalues():
    agree(lambda k, x: k.eigh(x)[0], POSITIVE, tolerance=NEAR, gradients=False, sizes="known")
    x = torch.from_numpy(POSITIVE)
    values, vectors = ops.eigh(x)
    close(vectors * values[:, None] @ vectors.mT, x, NEAR)
    values, vectors = ops.eig(torch.from_numpy(SQUARE))
    close(SQUARE @ vectors.numpy(), (vectors * values[:, None]).numpy(), NEAR)
    theirs = np.asarray(keras.ops.eig(SQUARE)[0])
    close(np.sort_complex(values.numpy()), np.sort_complex(theirs), NEAR)
    assert [str(x.spec) for x in ops.eig(Input((4, 4)))] == ["complex64[None, 4]", "complex64[None, 4, 4]"]


@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr(mode):
    agree(
        lambda k, x: [abs_of(k, each) for each in k.qr(x, mode)], SQUARE, tolerance=NEAR, gradients=False, sizes="known"
    )
    for x in (TALL, TALL.transpose(0, 2, 1).copy()):
        q, r = ops.qr(torch.from_numpy(x), mode)
        close(q @ r, x, NEAR)
        assert [y.shape for y in (q, r)] == [tuple(y.shape) for y in keras.ops.qr(x, mode=mode)]


def abs_of(k, x):
    return k.abs(x)


@pytest.mark.parametrize("full", [True, False])
def test_svd(full):
    for x in (TALL, TALL.transpose(0, 2, 1).copy(), SQUARE):
        u, s, v = ops.svd(torch.from_numpy(x), full)
        n = s.shape[-1]
        close(u[..., :n] * s[:, None] @ v[:, :n], x, NEAR)
        assert [tuple(y.shape) for y in (u, s, v)] == [tuple(y.shape) for y in keras.ops.svd(x, full_matrices=full)]
        agree(lambda k, x: k.svd(x, compute_uv=False), x, tolerance=NEAR, gradients=False, sizes="known")


def test_lu_factor():
    agree(lambda k, x: k.lu_factor(x), SQUARE, tolerance=NEAR, gradients=False, sizes="known")
    agree(lambda k, x: k.lu_factor(x), TALL[0], tolerance=NEAR, gradients=False, sizes="known")


def test_pinv_and_rank():
    for x in (TALL, SQUARE, TALL.transpose(0, 2, 1).copy()):
        agree(lambda k, x: k.pinv(x), x, tolerance=NEAR, gradients=False, sizes="known")
        agree(lambda k, x: k.pinv(x, 0.3), x, tolerance=NEAR, gradients=False, sizes="known")
        agree(lambda k, x: k.matrix_rank(x), x, gradients=False, sizes="known")
        agree(lambda k, x: k.matrix_rank(x, tol=1.0), x, gradients=False, sizes="known")
    agree(lambda k, x: k.matrix_rank(x), np.outer([1, 2, 3], [1, 1, 2]).astype("float32"), gradients=False)


def test_solve():
    agree(lambda k, a, b: k.solve(a, b), SQUARE, image(2, 4, 3), tolerance=NEAR, sizes="known")
    agree(lambda k, a, b: k.solve(a, b), SQUARE[0], image(4), tolerance=NEAR, sizes="known")


@pytest.mark.parametrize("lower", [False, True])
def test_solve_triangular(lower):
    settings = {"tolerance": NEAR, "sizes": "known"}
    agree(lambda k, a, b: k.solve_triangular(a, b, lower), SQUARE[0], image(4, 3), **settings)
    agree(lambda k, a, b: k.solve_triangular(a, b, lower=lower), SQUARE[0], image(4), **settings)


def test_lstsq():
    for rcond in (None, 0.3):
        agree(lambda k, a, b, r=rcond: k.lstsq(a, b, r), TALL[0], image(5, 2), tolerance=NEAR, gradients=False)
        agree(lambda k, a, b, r=rcond: k.lstsq(a, b, rcond=r), TALL[0], image(5), tolerance=NEAR, gradients=False)


MESSAGES = [
    (ShapeError, lambda x: ops.det(x), "expects square matrices, got float32[2, 5, 3]"),
    (ShapeError, lambda x: ops.inv(x[0, 0]), "expects x with at least 2 axes, got 1 (x = float32[3])"),
    (
        ShapeError,
        lambda x: ops.solve(x, x),
        "expects square matrices a, and b with their number of rows (a = float32[2, 5, 3], b = float32[2, 5, 3])",
    ),
    (
        ShapeError,
        lambda x: ops.lstsq(x, x),
        "expects a matrix a, and b with its number of rows (a = float32[2, 5, 3], b = float32[2, 5, 3])",
    ),
    (
        DTypeError,
        lambda x: ops.svd(ops.cast(x, "float16")),
        "expects matrices of float32 or float64, got float16[2, 5, 3]",
    ),
    (UsageError, lambda x: ops.qr(x, "raw"), "qr expects mode to be reduced or complete, got 'raw'"),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(TALL), Input(batch_shape=TALL.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert str(error.value) == message
