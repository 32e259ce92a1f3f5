"""Activations against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import activations
from layercli.core.fields import serialize
from layercli.errors import ShapeError, UsageError
from layercli.layers.activations.activation import Activation
from layercli.layers.activations.elu import ELU
from layercli.layers.activations.leaky_relu import LeakyReLU
from layercli.layers.activations.prelu import PReLU
from layercli.layers.activations.relu import ReLU
from layercli.layers.activations.softmax import Softmax
from tests.keras_parity import check, close, image, keras, real_keras, value_of

ARGUMENTS = [
    ("relu", {"negative_slope": 0.1, "max_value": 1.5, "threshold": 0.25}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {"alpha": 0.5}),
    ("celu", {"alpha": 0.5}),
    ("gelu", {"approximate": True}),
    ("hard_shrink", {"threshold": 0.7}),
    ("soft_shrink", {"threshold": 0.7}),
    ("squareplus", {"b": 2}),
    ("threshold", {"threshold": 0.2, "default_value": -3.0}),
    ("softmax", {"axis": 1}),
    ("log_softmax", {"axis": 0}),
    ("glu", {"axis": 1}),
]


def test_every_activation_of_keras_is_there():
    held = real_keras.activations
    theirs = {name for name in dir(held) if callable(getattr(held, name)) and name[0] != "_"}
    assert theirs - {"get", "serialize", "deserialize"} <= set(activations.TABLE)


@pytest.mark.parametrize("name", sorted(set(activations.TABLE) - {"threshold", "sparsemax"}))
def test_by_name(name):
    check(Activation(name), keras.layers.Activation(name), image(3, 4, 6) * 2)


@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS, ids=str)
def test_arguments(name, arguments):
    x = image(3, 4, 6) * 2
    theirs = getattr(keras.activations, name)(x, **arguments)
    close(activations.TABLE[name](torch.from_numpy(x), **arguments), theirs)


@pytest.mark.parametrize("name", sorted(set(activations.TABLE) - {"threshold", "sparsemax", "glu"}))
def test_far_from_zero(name):
    x = np.array([[-1e3, -40.0, -1.0, 0.0, 1.0, 40.0, 1e3]], "float32")
    close(activations.TABLE[name](torch.from_numpy(x)), getattr(keras.activations, name)(x))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_the_projection_on_the_simplex(axis):
    """Keras 3.15.1 adds up the running sums where the last one is meant: its result does not sum to 1."""
    x = torch.from_numpy(image(3, 4, 6) * 2).double()
    low, high = (x.amax(axis, keepdim=True) - 1).clone(), x.amax(axis, keepdim=True).clone()
    for _ in range(60):
        tau = (low + high) / 2
        above = torch.clamp_min(x - tau, 0).sum(axis, keepdim=True) > 1
        low, high = torch.where(above, tau, low), torch.where(above, high, tau)
    out = activations.TABLE["sparsemax"](x, axis=axis)
    torch.testing.assert_close(out, torch.clamp_min(x - tau, 0))


@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [
        (ReLU, keras.layers.ReLU, {}),
        (ReLU, keras.layers.ReLU, {"max_value": 1.0, "negative_slope": 0.2, "threshold": 0.3}),
        (LeakyReLU, keras.layers.LeakyReLU, {}),
        (LeakyReLU, keras.layers.LeakyReLU, {"negative_slope": 0.1}),
        (ELU, keras.layers.ELU, {"alpha": 0.4}),
        (PReLU, keras.layers.PReLU, {}),
        (PReLU, keras.layers.PReLU, {"shared_axes": [1]}),
        (Softmax, keras.layers.Softmax, {}),
        (Softmax, keras.layers.Softmax, {"axis": 1}),
        (Softmax, keras.layers.Softmax, {"axis": (1, 2)}),
    ],
    ids=str,
)
def test_layers(ours, theirs, settings):
    check(ours(**settings), theirs(**settings), image(3, 4, 6))


def test_softmax_with_a_mask():
    mask = np.random.default_rng(0).random((3, 1, 6)) < 0.6
    mask[..., 0] = True
    check(Softmax(), keras.layers.Softmax(), image(3, 4, 6), call={"mask": mask})


def test_a_name_is_what_a_config_holds():
    layer = Activation("gelu")
    assert serialize(layer.activation) == "gelu"
    assert Activation.from_config(layer.get_config()).activation is layer.activation


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value), caught.value.hint


def test_messages():
    assert message(Activation, "rellu") == ("there is no activation 'rellu'", "did you mean relu or relu6 or elu?")
    assert message(ReLU, max_value=-1) == ("ReLU expects max_value to be at least 0, got -1", None)
    assert message(Softmax(axis=3, name="s"), image(2, 3)) == (
        "s (Softmax) expects x with an axis 3 (x = float32[2, 3])",
        None,
    )
    assert message(activations.TABLE["glu"], torch.zeros(2, 3)) == (
        "expects x with an even size on axis -1, got 3 (x = float32[2, 3])", None,
    )  # fmt: skip
    assert message(Softmax(name="s"), image(2, 3), mask=np.ones((2, 4), bool)) == (
        "s (Softmax) expects a mask that broadcasts to x (x = float32[2, 3], mask = bool[2, 4])", None,
    )  # fmt: skip
    layer = PReLU(name="p")
    layer(image(2, 3))
    assert message(layer, image(2, 4)) == (
        "p (PReLU) expects x with the sizes of alpha after the batch (x = float32[2, 4], alpha = float32[3])", None,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(activations.TABLE))
def test_each_is_an_attribute_that_serializes_to_its_name(name):
    function = getattr(activations, name)
    assert function is activations.TABLE[name]
    if name not in ("linear", "sparsemax"):
        assert activations.serialize(function) == keras.activations.serialize(getattr(keras.activations, name))
        assert activations.deserialize(activations.serialize(function)) is function


def test_no_activation_is_linear_and_one_s_own_is_named():
    def own(x):
        return x

    assert (activations.serialize(None), activations.deserialize("linear")) == ("linear", activations.linear)
    theirs = value_of(keras.activations.serialize(own))
    assert activations.serialize(own) == theirs
    assert activations.deserialize(activations.serialize(own), {"own": own}) is own
    with pytest.raises(AttributeError) as error:
        _ = activations.rely
    assert str(error.value) == "layercli.activations has no activation 'rely'"
