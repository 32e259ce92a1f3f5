"""Functions handed over to operations: Keras's, on the same inputs, eagerly, described, drawn, and compiled where torch can."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, jnp, keras

from layercli import Input, Layer, Model, ops
from layercli.errors import ShapeError, UsageError
from layercli.layers import Dense

X, Y = image(5, 4), image(5, 4, seed=1)


@pytest.mark.parametrize("sign", [1, -1])
def test_cond(sign):
    agree(lambda k, x: k.cond(k.sum(x * x) * sign > 0, lambda: x * 2, lambda: k.exp(x)), X)
    agree(lambda k, x: k.cond(k.max(x) * sign > 0, lambda: (x, {"a": k.sum(x)}), lambda: (-x, {"a": k.max(x)})), X)


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 7])
def test_switch(index):
    branches = lambda k: [lambda x: x * 2, k.exp, lambda x: -x]  # noqa: E731
    agree(lambda k, x: k.switch(index, branches(k), x), X)
    agree(lambda k, x, i: k.switch(i, branches(k), x), X, np.int32(index).reshape(()))


def test_while_loop():
    doubled = lambda k, x: k.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, x * 1.5), (0, x))  # noqa: E731
    agree(doubled, X, gradients=False)
    agree(lambda k, x: k.while_loop(lambda x: k.max(x) < 30, lambda x: x * 2, x), np.abs(X), gradients=False)
    limited = lambda k, x: k.while_loop(lambda x: k.max(x) < 30, lambda x: (x * 2,), [x], 3)  # noqa: E731
    agree(limited, np.abs(X), gradients=False)


def test_map():
    agree(lambda k, x: k.map(lambda row: k.sum(row) * row, x), X)
    agree(lambda k, x, y: k.map(lambda row: (row[0] + row[1], k.max(row[0])), (x, y)), X, Y)
    agree(lambda k, x: k.map(lambda row: {"a": row, "b": k.exp(row)}, x), X)
    agree(lambda k, x, y: k.map(lambda row: row["x"] * row["y"], {"x": x, "y": y}), X, Y)


def test_vectorized_map():
    agree(lambda k, x: k.vectorized_map(lambda row: k.sum(row) * row, x), X)
    agree(lambda k, x, y: k.vectorized_map(lambda row: (row[0] + row[1], k.max(row[0])), (x, y)), X, Y)
    agree(lambda k, x: k.vectorized_map(lambda row: k.matmul(k.reshape(row, (2, 2)), k.reshape(row, (2, 2))), x), X)


def test_vectorize():
    agree(lambda k, x, y: k.vectorize(lambda a, b: a * b + 1)(x, y), X, Y[:, :1])
    product = lambda k: k.vectorize(lambda a, b: k.sum(a * b), signature="(n),(n)->()")  # noqa: E731
    agree(lambda k, x, y: product(k)(x, y), X, Y[:1])
    agree(lambda k, x: k.vectorize(lambda a, b: a * b, excluded={1})(x, 3.0), X)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    step = lambda carry, x: (carry * 0.5 + x, carry)  # noqa: E731
    agree(lambda k, x: k.scan(step, k.zeros(4), x, reverse=reverse), X)
    pair = lambda carry, x: ((carry[0] + x[0], carry[1] * x[1]), x[0] * x[1])  # noqa: E731
    agree(lambda k, x, y: k.scan(pair, (k.sum(x, 0), k.max(y, 0)), (x, y), reverse=reverse), X, Y)
    agree(lambda k, x: k.scan(lambda c, _: (c * 2, k.sum(c)), x, length=3, reverse=reverse), X)
    agree(lambda k, x: k.scan(lambda c, x: (c + x, None), k.zeros(4), x)[0], X)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("count", [1, 2, 3, 6, 7])
def test_associative_scan(reverse, axis, count):
    x = image(count, 3) if axis == 0 else image(3, count)
    agree(lambda k, x: k.associative_scan(k.add, x, reverse, axis), x)
    both = lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1])  # noqa: E731
    agree(lambda k, x, y: k.associative_scan(both, (x, y), reverse=reverse, axis=axis), x, x + 1)


def log1pexp(k):
    @k.custom_gradient
    def function(x):
        e = k.exp(x)
        return k.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e)) * 3

    return function


def test_custom_gradient():
    agree(lambda k, x: log1pexp(k)(x), X)

    @ops.custom_gradient
    def product(x, y):
        return x * y, lambda upstream: (upstream * 2, upstream * 3)

    x, y = (torch.from_numpy(each).requires_grad_() for each in (X, Y))
    product(x, y).sum().backward()
    assert (x.grad == 2).all()
    assert (y.grad == 3).all()


def test_jvp():
    ours = ops.jvp(lambda x: ops.sin(x) * x, (torch.from_numpy(X),), (torch.from_numpy(Y),))
    theirs = keras.ops.jvp(lambda x: keras.ops.sin(x) * x, (jnp.asarray(X),), (jnp.asarray(Y),))
    for a, b in zip(ours, theirs, strict=True):
        close(a, b)
    out, tangent, extra = ops.jvp(lambda x: (x * x, x), (torch.from_numpy(X),), (torch.from_numpy(Y),), has_aux=True)
    close(tangent, 2 * X * Y)
    assert out.shape == extra.shape


class Loops(Layer):
    """A layer whose call hands functions over that hold layers of its own and other tensors."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = Dense(4)

    def call(self, x):
        rows = ops.map(lambda row: self.dense(row[None])[0] + ops.mean(x), x)
        carry, _ = ops.scan(lambda carry, row: (carry + self.dense(row[None])[0], None), ops.zeros(4), x)
        return ops.cond(ops.sum(x) > 0, lambda: rows + carry, lambda: rows - carry)


def test_functions_that_hold_layers():
    layer = Loops()
    assert str(layer(Input(("T",), dtype="float32")[:, :1] * ops.ones((1, 4))).spec) == "float32[None, 4]"
    layer = Loops()
    x = torch.from_numpy(X)
    out = layer(x)
    assert [v.path.split("/")[1:] for v in layer.variables] == [
        [layer.dense.name, "kernel"],
        [layer.dense.name, "bias"],
    ]
    rows = layer.dense(x) + x.mean()
    carry = layer.dense(x).sum(0)
    close(out.detach(), (rows + carry if x.sum() > 0 else rows - carry).detach())


def test_a_drawn_model_runs_them():
    def call(x):
        looped = ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, ops.sin(x)), (0, x))[1]
        chosen = ops.cond(ops.sum(x) > 0, lambda: x * 2, lambda: x - 1)
        total = ops.associative_scan(ops.add, ops.map(lambda row: row * ops.max(row), x))
        return [looped, chosen, total, ops.scan(lambda c, row: (c + row, c), ops.zeros(4), x)[1]]

    x = Input(batch_shape=(5, 4))
    model = Model(x, call(x))
    for ours, eager in zip(model(torch.from_numpy(X)), call(torch.from_numpy(X)), strict=True):
        close(ours.detach(), eager)


def test_compiled():
    def call(x):
        total = ops.associative_scan(ops.add, ops.map(lambda row: row * ops.max(row), x))
        return ops.cond(ops.sum(x) > 0, lambda: ops.sin(total), lambda: ops.cos(total))

    torch.compiler.reset()
    compiled = torch.compile(call, fullgraph=True, backend="eager")
    for x in (torch.from_numpy(X), -torch.from_numpy(X)):
        close(compiled(x), call(x))


MESSAGES = [
    (
        ShapeError,
        lambda x: ops.while_loop(lambda x: True, lambda x: x[1:], x),
        "while_loop expects values that keep their shapes, got float32[4, 4] after float32[5, 4]",
    ),
    (
        ShapeError,
        lambda x: ops.scan(lambda c, row: (c[1:], row), x[0], x),
        "scan expects values that keep their shapes, got float32[3] after float32[4]",
    ),
    (UsageError, lambda x: ops.scan(lambda c, row: (c, row), x), "scan expects xs or a length, got neither"),
    (
        UsageError,
        lambda x: ops.scan(lambda c, row: (c, row), x, x, length=4),
        "scan expects a length of 5, as xs has, got 4",
    ),
    (
        UsageError,
        lambda x: ops.scan(lambda c, row: (c, row), x, x, unroll=0),
        "scan expects unroll to be an integer of at least 1, or a boolean, got 0",
    ),
    (UsageError, lambda x: ops.map(lambda row: row, ()), "map expects at least one tensor, got none"),
    (
        ShapeError,
        lambda x: ops.map(lambda row: row[0], (x, x[1:])),
        "expects tensors with one size of their first axis, got float32[5, 4], float32[4, 4]",
    ),
    (UsageError, lambda x: ops.switch(0, [], x), "switch expects at least one branch, got none"),
    (
        UsageError,
        lambda x: ops.vectorize(lambda a: a, signature="n->n")(x),
        "vectorize expects a signature like '(n),(n,m)->(m)', got 'n->n'",
    ),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_what_does_not_fit(kind, call, message):
    with pytest.raises(kind) as error:
        call(Input(batch_shape=X.shape))
    assert str(error.value) == message


def test_branches_that_differ():
    x = Input(batch_shape=X.shape)
    with pytest.raises(ShapeError) as error:
        ops.cond(ops.sum(x) > 0, lambda: x, lambda: x[0])
    assert str(error.value) == (
        "cond expects functions that return the same shapes and dtypes, got float32[5, 4] and float32[4]"
    )


def test_a_function_that_reads_the_model_elsewhere():
    x = Input(batch_shape=X.shape)
    with pytest.raises(UsageError) as error:
        ops.map(lambda row: row + ops.mean(x), x)
    assert str(error.value) == "map expects a function that reads the model's tensors only through its arguments"
    with pytest.raises(UsageError) as error:
        ops.jvp(ops.sin, (x,), (x,))
    assert str(error.value) == "jvp expects tensors that have values, got symbolic ones"
