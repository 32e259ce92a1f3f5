"""Python's operators on symbolic tensors and variables: what torch makes of them, described first."""

from __future__ import annotations

import operator

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Layer, Model

NUMBERS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
}
TRUTHS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
ALONE = {"-": operator.neg, "abs": operator.abs}
X, Y = torch.tensor([[0.5, 2.0, 3.5]]), torch.tensor([[2.0, 2.0, 0.75]])


def same(function, *values):
    """Assert that a model of ``function`` gives what the function gives on tensors, and says so beforehand."""
    inputs = [Input((3,), dtype=str(x.dtype).removeprefix("torch.")) for x in values]
    outputs = function(*inputs)
    expected = function(*values)
    assert (outputs.shape[1:], outputs.dtype) == ((3,), str(expected.dtype).removeprefix("torch."))
    assert torch.equal(Model(inputs, outputs)(list(values)), expected)


@pytest.mark.parametrize("name", NUMBERS)
def test_two_numbers(name):
    same(NUMBERS[name], X, Y)
    same(lambda x: NUMBERS[name](x, 2.0), X)
    same(lambda x: NUMBERS[name](2.0, x), X)


@pytest.mark.parametrize("name", TRUTHS)
def test_two_truths(name):
    same(TRUTHS[name], X > 1, Y > 1)
    same(lambda x: TRUTHS[name](x, torch.tensor(True)), X > 1)


@pytest.mark.parametrize("name", ALONE)
def test_one_number(name):
    same(ALONE[name], X)


def test_one_truth():
    same(operator.invert, X > 1)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_variable(name):
    class Both(Layer):
        def build(self, input_shape):
            self.scale = self.add_weight("scale", (3,), lambda shape, dtype: Y[0].numpy())

        def call(self, x):
            return NUMBERS[name](self.scale, x)

    layer = Both()
    assert torch.equal(layer(X), NUMBERS[name](Y[0], X))
    assert torch.equal(NUMBERS[name](layer.scale, 2.0), NUMBERS[name](Y[0], 2.0))


def test_equality_asks_whether_it_is_the_same_tensor():
    a, b = Input((3,)), Input((3,))
    assert a == a
    assert (a == b) is False
    assert [a, b].index(b) == 1
    assert len({a, b}) == 2


def test_numpy_s_functions_get_the_array_of_a_variable():
    values = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")
    variable = layercli.Variable(values)
    counter = layercli.optimizers.SGD().iterations
    for function in (
        np.sum,
        np.mean,
        np.max,
        np.std,
        np.abs,
        np.sqrt,
        np.linalg.norm,
        np.argmax,
        np.any,
        np.isnan,
        np.ravel,
    ):
        with np.errstate(invalid="ignore"):
            found, wanted = function(variable), function(values)
        assert type(found) is type(wanted)
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.concatenate([variable, values]), np.concatenate([values, values]))
    assert (np.sum(counter), np.add(counter, 1), np.mean(variable, axis=0).tolist()) == (0, 1, [2.0, 1.0])
    assert (values * variable).requires_grad, "an operator is the variable's, so that no gradient is lost"
    assert (values <= variable).all()
    for write in (lambda: np.add(values, 1, out=variable), lambda: np.clip(values, 0, 1, out=variable)):
        with pytest.raises(TypeError) as error:
            write()
        assert str(error.value) == "a function of NumPy's cannot write to a variable: assign its result to the variable"
