"""Tensors made of settings, classes as vectors, values and arrays: Keras's, and in a model that is being described."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from keras_parity import agree, image, keras

import layercli
from layercli import Input, Layer, ops
from layercli.core.keras_tensor import SymbolicTensor
from layercli.errors import DTypeError, ShapeError, UnknownSizeError, UsageError

MADE = {
    "zeros": lambda k: k.zeros((2, 3)),
    "zeros of one size": lambda k: k.zeros(4),
    "zeros int32": lambda k: k.zeros([2, 0], "int32"),
    "ones": lambda k: k.ones((2, 3), dtype="float16"),
    "ones bool": lambda k: k.ones((3,), "bool"),
    "full": lambda k: k.full((2, 3), 7),
    "full int": lambda k: k.full((), 7, dtype="int32"),
    "full of a tensor": lambda k: k.full((2, 3), k.convert_to_tensor([1.0, 2.0, 3.0])),
    "eye": lambda k: k.eye(3),
    "eye above": lambda k: k.eye(3, 5, 1),
    "eye below": lambda k: k.eye(4, M=3, k=-2, dtype="int32"),
    "identity": lambda k: k.identity(3),
    "arange": lambda k: k.arange(5),
    "arange from": lambda k: k.arange(2, 9),
    "arange step": lambda k: k.arange(2, 9, 3, dtype="float32"),
    "arange down": lambda k: k.arange(9, 2, -2),
    "arange float": lambda k: k.arange(0.5, 3.0, 0.25),
    "arange of a fraction": lambda k: k.arange(4.0),
    "arange of nothing": lambda k: k.arange(5, 2),
    "linspace": lambda k: k.linspace(0, 1, 7),
    "linspace open": lambda k: k.linspace(-1.0, 3, 5, endpoint=False),
    "linspace step": lambda k: k.linspace(0, 10, 5, retstep=True)[0],
    "linspace int": lambda k: k.linspace(0, 10, 4, dtype="int32"),
    "linspace one": lambda k: k.linspace(2, 5, 1),
    "convert_to_tensor": lambda k: k.convert_to_tensor([[1, 2], [3, 4]]),
    "convert_to_tensor float": lambda k: k.convert_to_tensor(2.5),
    "convert_to_tensor dtype": lambda k: k.convert_to_tensor([1.5, 2.5], "float16"),
    "convert_to_tensor array": lambda k: k.convert_to_tensor(np.float32([1, 2])),
}


@pytest.mark.parametrize("name", MADE)
def test_made_of_settings(name):
    agree(lambda k: MADE[name](k), gradients=False)


class Maker(Layer):
    """A layer that adds what ``make`` makes of ops and x to x's mean."""

    def __init__(self, make, **kwargs):
        super().__init__(**kwargs)
        self.make = make

    def call(self, x):
        return self.make(x) + ops.cast(ops.mean(x), "float32")


SIZED = {
    "zeros": (lambda x: ops.zeros((ops.shape(x)[0], 3)), "float32[None, 3]"),
    "ones": (lambda x: ops.ones(ops.shape(x)), "float32[None, T, 4]"),
    "full": (lambda x: ops.full((x.shape[1] * 2, 2), 0.5), "float32[2*T, 2]"),
    "eye": (lambda x: ops.eye(ops.shape(x)[1]), "float32[T, T]"),
    "arange": (lambda x: ops.arange(ops.shape(x)[1]), "float32[T]"),
    "arange step": (lambda x: ops.arange(1, ops.shape(x)[1], 2), "float32[floor(T/2)]"),
    "linspace": (lambda x: ops.linspace(0, 1, ops.shape(x)[1]), "float32[T]"),
    "one_hot": (lambda x: ops.one_hot(ops.arange(ops.shape(x)[1]), 6), "float32[T, 6]"),
    "constant": (lambda x: ops.convert_to_tensor([[1.0, 2.0]]), "float32[1, 2]"),
    "size": (lambda x: ops.zeros((ops.size(x),)), "float32[4*B*T]"),
}


@pytest.mark.parametrize("name", SIZED)
def test_made_while_a_model_is_described(name):
    make, expected = SIZED[name]
    layer = Maker(make)
    assert str(layer(Input(("T", 4))).spec) == expected
    out = layer(torch.zeros(3, 5, 4))
    sizes = {"B": 3, "T": 5}
    assert tuple(out.shape) == layer.compute_output_spec(layer._specs((None, "T", 4))).at(sizes).shape
    torch.compiler.reset()
    compiled = torch.compile(layer.module, fullgraph=True, backend="eager")
    assert torch.equal(compiled(torch.zeros(3, 5, 4)), out)
    exported = torch.export.export(layer.module, (torch.zeros(3, 5, 4),), strict=False).module()
    assert torch.equal(exported(torch.zeros(3, 5, 4)), out)


@pytest.mark.parametrize("name", SIZED)
def test_made_where_the_inputs_are(name):
    layer = Maker(SIZED[name][0])
    layer(torch.zeros(3, 5, 4))
    assert layer(torch.zeros(3, 5, 4, device="meta")).device.type == "meta"
    assert layer(torch.zeros(3, 5, 4)).device.type == "cpu"


def test_made_where_the_inputs_of_the_layer_around_it_are():
    class Outer(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Maker(lambda x: ops.ones(4))

        def call(self, x):
            return self.inner(x) + ops.zeros(4)

    layer = Outer()
    layer.build((None, 4))
    assert layer.module is not None  # it is there before a call tells that tensors are made
    assert layer(torch.zeros(3, 4, device="meta")).device.type == "meta"


def test_describing_what_makes_tensors_loads_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from layercli import Input, Layer, ops\n"
        "class Net(Layer):\n"
        "    def call(self, x):\n"
        "        steps = ops.arange(ops.shape(x)[1])\n"
        "        x = x + ops.one_hot(steps, 4) + ops.zeros((1, 4)) + ops.convert_to_tensor([1.0, 2.0, 3.0, 4.0])\n"
        "        x = ops.clip(ops.take(x, [0, 2], axis=1), -1, 1) * ops.linspace(0, 1, 4)\n"
        "        x = ops.einsum('btd,de->bte', x, ops.eye(4)) + ops.norm(x, axis=-1, keepdims=True)\n"
        "        return ops.top_k(ops.layer_normalization(ops.cumsum(x, 1)), 2)[0]\n"
        "print(Net()(Input(('T', 4))).spec)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("float32[None, 2, 2]\n", "")


def test_outside_of_a_layer_a_size_has_to_be_known():
    x = Input(("T", 4))
    for make, size in ((lambda: ops.zeros((x.shape[0], 3)), None), (lambda: ops.arange(ops.shape(x)[1]), "T")):
        with pytest.raises(UnknownSizeError) as error:
            make()
        assert (
            str(error.value) == f"cannot make a tensor of the size {size}, which is not known outside of a layer's call"
        )
    model = layercli.Model(x, x + ops.ones((1, 4)))
    assert torch.equal(model(torch.zeros(2, 3, 4)), torch.ones(2, 3, 4))


def test_linspace_between_tensors():
    low, high = image(2, 3), image(2, 3, seed=1)
    agree(lambda k, x, y: k.linspace(x, y, 5), low, high)
    agree(lambda k, x, y: k.linspace(x, y, 5, axis=1), low, high)
    agree(lambda k, x, y: k.linspace(x, y, 5, axis=-1), low, high)
    agree(lambda k, x: k.linspace(0.0, x, 5, endpoint=False), low)
    agree(lambda k, x, y: k.linspace(x, y, 5, retstep=True), low, high)
    assert ops.linspace(0, 10, 5, retstep=True)[1] == float(keras.ops.linspace(0, 10, 5, retstep=True)[1])


CLASSES = np.array([[0, 2, 1], [3, -1, 2]], "int32")


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("dtype", [None, "int32", "bool"])
def test_one_hot(axis, dtype):
    agree(lambda k, x: k.one_hot(x, 4, axis, dtype), CLASSES, gradients=False)
    agree(lambda k, x: k.one_hot(x, num_classes=4, axis=-1), CLASSES[0].astype("uint8"), gradients=False)


@pytest.mark.parametrize("axis", [-1, 0])
def test_multi_hot(axis):
    agree(lambda k, x: k.multi_hot(x, 4, axis), CLASSES, gradients=False)
    agree(lambda k, x: k.multi_hot(x, num_classes=4, dtype="int32"), CLASSES[0], gradients=False)
    agree(lambda k, x: k.multi_hot(x, 4), CLASSES.reshape(1, 2, 3), gradients=False)


def test_classes_that_are_too_many():
    for call in (ops.one_hot, ops.multi_hot):
        with pytest.raises(RuntimeError, match="expects ids below 4, the number of classes, got 9"):
            call([0, 9], 4)
    assert not ops.one_hot(torch.tensor([9], device="meta"), 4).requires_grad
    assert not torch.func.vmap(lambda x: ops.one_hot(x, 4))(torch.tensor([9])).any()


def test_shape_ndim_and_size():
    x = image(2, 3)
    for value in (x, torch.from_numpy(x), x.tolist(), Input(batch_shape=(2, 3))):
        assert (ops.shape(value), ops.ndim(value), ops.size(value)) == ((2, 3), 2, 6)
    assert str(ops.shape(Input(("T", 4)))) == "(None, T, 4)"
    assert ops.shape(Input(("T", 4)))[0] is None
    assert str(ops.size(Input(("T", 4)))) == "4*B*T"


def test_convert_to_tensor_and_back():
    x = image(2, 3)
    tensor = torch.from_numpy(x)
    assert ops.convert_to_tensor(tensor) is tensor
    assert ops.convert_to_tensor(tensor, "float32") is tensor
    assert torch.equal(ops.convert_to_tensor([tensor, x * 2]), torch.stack([tensor, tensor * 2]))
    symbolic = Input((3,))
    assert ops.convert_to_tensor(symbolic) is symbolic
    assert str(ops.convert_to_tensor(symbolic, "float16").spec) == "float16[None, 3]"
    assert isinstance(ops.convert_to_tensor([symbolic, symbolic]), SymbolicTensor)
    for value in (x, x.tolist(), tensor, tensor.double().requires_grad_()):
        assert np.array_equal(ops.convert_to_numpy(value), x)
    assert ops.convert_to_numpy(tensor.bfloat16()).dtype == "float32"
    layer = layercli.layers.Dense(3)
    layer.build((None, 2))
    assert np.array_equal(ops.convert_to_numpy(layer.kernel), layer.kernel.numpy())
    assert torch.equal(ops.convert_to_tensor(layer.kernel), layer.kernel.value)


ERRORS = [
    (ShapeError, lambda: ops.zeros((2, -1)), "a size cannot be negative, got -1"),
    (UsageError, lambda: ops.arange(1, 5, 0), "arange expects a step other than 0"),
    (DTypeError, lambda: ops.one_hot(torch.zeros(2) + 0j, 3), "expects x of integers (x = complex64[2])"),
    (
        ShapeError,
        lambda: ops.one_hot(torch.zeros(2).int(), 3, 2),
        "expects x with an axis 2, got 2 axes (x = int32[2])",
    ),
    (
        UsageError,
        lambda: ops.one_hot([0], 3, sparse=True),
        "one_hot expects sparse to be false: layercli has no sparse tensors",
    ),
    (UsageError, lambda: ops.multi_hot([0]), "multi_hot expects num_classes"),
    (
        UsageError,
        lambda: ops.convert_to_tensor([0], ragged=True),
        "convert_to_tensor expects sparse and ragged to be false: layercli has no sparse or ragged tensors",
    ),
    (
        UnknownSizeError,
        lambda: ops.convert_to_numpy(Input((3,))),
        "asks an array of a tensor that has no values while the model is described (x = float32[None, 3])",
    ),
]


@pytest.mark.parametrize(("kind", "call", "message"), ERRORS, ids=range(len(ERRORS)))
def test_what_cannot_be_made(kind, call, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message
