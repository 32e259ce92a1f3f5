"""Shapes of symbolic tensors as scripts test them."""

import json

import torch

import layercli
from layercli import layers, ops


def test_outside_of_a_call_a_size_that_is_not_known_is_none():
    x = layercli.Input((None, 4))
    model = layercli.Sequential([x, layers.Conv1D(3, 2)])
    for tensor in (x, model.input, model.output, model.layers[0].output, layercli.KerasTensor((None, None, 4))):
        assert tensor.shape[0] is None
        assert tensor.shape[1] is None
        assert [type(size) for size in tensor.shape] == [type(None), type(None), int]
    assert (x.shape[0] or -1, x.shape[:1] + (3,), json.dumps(x.shape)) == (-1, (None, 3), "[null, null, 4]")
    assert str(layercli.Input(("T", 4)).shape) == "(None, T, 4)"


def test_none_in_a_new_shape_stands_for_the_size_along_that_axis():
    x = layercli.Input((None, 4))
    y = ops.reshape(x, (*x.shape[:2], 2, 2))
    part = ops.slice(x, (0, 1, 0), (ops.shape(x)[0], None, 2))
    assert part.shape == (None, None, 2)
    z = ops.broadcast_to(ops.reshape(y, (-1, y.shape[1], 4)), (2, *x.shape))
    model = layercli.Model(x, [y, z, part])
    assert [tensor.shape for tensor in model.outputs] == [(None, None, 2, 2), (2, None, None, 4), (None, None, 2)]
    values = torch.randn(3, 5, 4)
    expected = [values.reshape(3, 5, 2, 2), values.expand(2, 3, 5, 4), values[:, 1:, :2]]
    assert all(map(torch.equal, model(values), expected))
