"""Tensors beside arrays, lists and numbers: dtypes, shapes and values are Keras's on torch, eager and symbolic."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Input, ops

HALF, BOOLS, THREE = torch.ones(2, 3, dtype=torch.float16), torch.ones(2, 3).bool(), torch.tensor(3, dtype=torch.int32)
WIDE = np.arange(6).reshape(2, 3)
ONES = torch.ones(2, 3)


def symbolic(x):
    return Input(batch_shape=tuple(x.shape), dtype=str(x.dtype).removeprefix("torch.")) if hasattr(x, "detach") else x


@pytest.mark.parametrize(
    ("name", "x", "y", "dtype", "first"),
    [
        ("multiply", ONES, WIDE, "float32", 0),  # an array of int64
        ("divide", WIDE, HALF, "float16", 0),
        ("add", WIDE, HALF, "float16", 1),
        ("subtract", BOOLS, WIDE, "int64", 1),
        ("power", HALF, WIDE, "float16", 1),
        ("multiply", THREE, [1, 2, 3], "int32", 3),  # a list is not repeated
        ("multiply", THREE, [True, False], "int32", 3),
        ("maximum", THREE, -3, "int32", 3),  # a number beside a tensor without axes
        ("fmod", THREE, 2, "int32", 1),
        ("gcd", THREE, 2, "int32", 1),
        ("left_shift", THREE, 2, "int32", 12),
        ("floor_divide", THREE, 2.5, "float32", 1),
        ("maximum", HALF[0, 0], 2.5, "float16", 2.5),
        ("maximum", HALF, np.float32(1.5), "float32", 1.5),
    ],
)
def test_binary_functions(name, x, y, dtype, first):
    found = getattr(ops, name)(x, y)
    assert (str(found.dtype), found.flatten()[0].item()) == (f"torch.{dtype}", first)
    described = getattr(ops, name)(symbolic(x), symbolic(y))
    assert (described.dtype, described.shape) == (dtype, tuple(found.shape))


def test_products_of_numpy_s_numbers():
    assert ops.prod(np.float32(1.5)).item() == 1.5
    assert ops.prod(np.int64(3)).item() == 3


def test_lists_of_tensors():
    one, two = torch.tensor(1.0), torch.tensor(2.0)
    assert ops.sum([one, two]).item() == 3
    assert ops.mean([[one, two], [two, 4.0]], axis=0).tolist() == [1.5, 3.0]
    assert ops.exp([one * 0, two * 0]).tolist() == [1, 1]
    assert ops.add([one, two], 1).tolist() == [2, 3]


@pytest.mark.parametrize(
    "fill", [[1, 2, 3], np.float32([1, 2, 3]), torch.tensor([1, 2, 3])], ids=["list", "array", "tensor"]
)
def test_full_like_of_values_that_broadcast(fill):
    found = ops.full_like(HALF, fill)
    assert (found.dtype, found.tolist()) == (torch.float16, [[1, 2, 3], [1, 2, 3]])
    described = ops.full_like(Input((3,)), fill)
    assert (described.dtype, described.shape) == ("float32", (None, 3))


def test_integers_as_tensors_without_axes():
    two = torch.tensor(2)
    for count in (two, np.int64(2)):
        assert [part.tolist() for part in ops.split(torch.arange(4), count)] == [[0, 1], [2, 3]]
        assert ops.repeat(torch.arange(2), count).tolist() == [0, 0, 1, 1]
        assert ops.roll(torch.arange(3), count).tolist() == [1, 2, 0]


def test_axes_in_a_list():
    assert ops.normalize(ONES, axis=[0, 1])[0, 0].item() == pytest.approx(6**-0.5)
    assert ops.rot90([[1, 2], [3, 4]]).tolist() == [[2, 4], [1, 3]]
    described = ops.softmax(Input(batch_shape=(2, 2), dtype="int32"), axis=(0, 1))
    assert described.dtype == str(ops.softmax(torch.ones(2, 2).int(), axis=(0, 1)).dtype).removeprefix("torch.")
