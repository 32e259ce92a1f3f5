"""Products summed over axes, and those that letters name: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, image

from layercli import Input, ops
from layercli.errors import ShapeError, UsageError

X, Y = image(2, 3, 4), image(4, 5, seed=1)
A, B = image(6), image(6, seed=1)


def test_dot():
    agree(lambda k, x, y: k.dot(x, y), X, Y)
    agree(lambda k, x, y: k.dot(x, y), A, B)
    agree(lambda k, x, y: k.dot(x, y), X, image(7, 4, 2, seed=2))
    agree(lambda k, x: k.dot(x, 2.0), X)
    agree(lambda k, x, y: k.dot(x, y), Y[:, 0], image(3, 4, 2, seed=2))
    agree(lambda k, x, y: k.dot(x, y), np.arange(6, dtype="int32"), B)


@pytest.mark.parametrize("axes", [2, [[1, 2], [1, 0]], ((-1, 0), (0, 2))])
def test_tensordot(axes):
    y = {0: image(3, 4, 5, seed=1), 1: image(4, 3, 5, seed=1), 2: image(4, 5, 2, seed=1)}
    place = 0 if axes == 2 else 1 if axes == [[1, 2], [1, 0]] else 2
    agree(lambda k, x, y: k.tensordot(x, y, axes), X, y[place])


def test_tensordot_of_one_axis_or_none():
    agree(lambda k, x, y: k.tensordot(x, y, axes=1), X, Y)
    agree(lambda k, x, y: k.tensordot(x, y, axes=0), A, Y)
    agree(lambda k, x, y: k.tensordot(x, y, axes=(2, 0)), X, Y)


def test_outer_inner_and_vdot():
    agree(lambda k, x, y: k.outer(x, y), X, Y)
    agree(lambda k, x, y: k.outer(x, y), A, np.arange(3, dtype="int32"))
    agree(lambda k, x, y: k.inner(x, y), X, image(7, 4, seed=2))
    agree(lambda k, x, y: k.inner(x, y), A, B)
    agree(lambda k, x: k.inner(x, 3.0), X)
    agree(lambda k, x, y: k.vdot(x, y), X, image(2, 3, 4, seed=2), sizes="known")


EQUATIONS = {
    "ij,jk->ik": (X[0], Y),
    "bij,jk->bik": (X, Y),
    "ij,jk": (X[0], Y),
    "i,i": (A, B),
    "ij->ji": (Y,),
    "ij->j": (Y,),
    "ij->": (Y,),
    "ii->i": (image(4, 4),),
    "ii": (image(4, 4),),
    "iij,j->i": (image(3, 3, 4), Y[:, 0]),
    "...ij,jk->...ik": (X, Y),
    "...ij,...jk->...ik": (X, image(1, 4, 5, seed=3)),
    "b...i,...i->b...": (X, image(3, 4, seed=4)),
    "...i->...": (X,),
    "...i,...i": (X, image(4, seed=2)),
    "ij,jk,kl->il": (X[0], Y, image(5, 2, seed=2)),
    "a,b,c->abc": (A[:2], A[:3], B[:4]),
    "ab,bc,ad->dc": (X[0], Y, image(3, 6, seed=3)),
    "bqd,bkd->bqk": (X, image(2, 5, 4, seed=1)),
    "ab,cd->": (X[0], Y),
    "abc,b->ca": (X, A[:3]),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation):
    agree(lambda k, *xs: k.einsum(equation, *xs), *EQUATIONS[equation])


def test_einsum_of_two_dtypes():
    agree(lambda k, x, y: k.einsum("i,i->i", x, y), np.arange(6, dtype="int32"), B)


MESSAGES = [
    (
        lambda x: ops.tensordot(x, x, 1),
        "expects y with size 4 along axis 0, got 2 (x = float32[2, 3, 4], y = float32[2, 3, 4])",
    ),
    (
        lambda x: ops.tensordot(x, x, 4),
        "expects x and y with at least 4 axes (x = float32[2, 3, 4], y = float32[2, 3, 4])",
    ),
    (lambda x: ops.dot(x, x[0]), "expects y with 4 rows, got 3 (x = float32[2, 3, 4], y = float32[3, 4])"),
    (lambda x: ops.einsum("ab,bc->ac", x, x[0]), "expects an operand with 2 axes for ab,bc->ac, got float32[2, 3, 4]"),
    (lambda x: ops.einsum("abc,bc->a", x, x[:, 0]), "expects b of abc,bc->a to be 2, got 3 (x = float32[2, 3, 4])"),
    (lambda x: ops.einsum("aab->b", x), "expects a of aab->b to be 2, got 3 (x = float32[2, 3, 4])"),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


SETTINGS = [
    (lambda x: ops.einsum("ab->ac", x[0]), "expects an equation like 'ab,bc->ac', got 'ab->ac'"),
    (lambda x: ops.einsum("ab,bc->ac", x[0]), "ab,bc->ac names 2 operands, got 1"),
    (
        lambda x: ops.tensordot(x, x, ((0, 1), (0,))),
        "tensordot expects equally many axes of x1 and x2, got (0, 1) and (0,)",
    ),
]


@pytest.mark.parametrize(("call", "message"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_cannot_be_meant(call, message):
    with pytest.raises(UsageError) as error:
        call(torch.from_numpy(X))
    assert str(error.value) == message


def test_products_of_int8_are_summed_in_int32():
    x, y = np.full((1, 300), 2, "int8"), np.full((300, 1), 2, "int8")
    for found in (ops.matmul(x, y), ops.einsum("ij,jk->ik", x, y)):
        assert (str(found.dtype), found.item()) == ("torch.int32", 1200)
