"""Calls of operations, whose results type checkers must know to be tensors."""

from typing import assert_type

from torch import Tensor

from layercli import layers, ops

x = [[1.0, 2.0], [3.0, 4.0]]
assert_type(ops.relu(x), Tensor)
assert_type(ops.cast(x, "float32"), Tensor)
assert_type(ops.matmul(x, layers.Dense(4).kernel), Tensor)
assert_type(ops.where(ops.greater(x, 2), x, 0.0), Tensor)
assert_type(ops.concatenate([x, x], axis=-1), Tensor)
assert_type(ops.nn.softmax(x), Tensor)
assert_type(ops.numpy.max(x, axis=0), Tensor)
assert_type(ops.linalg.qr(x), tuple[Tensor, Tensor])
assert_type(ops.image.resize(x, (4, 4)), Tensor)
