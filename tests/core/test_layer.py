"""Layers: settings, building, variables, names, and calls on every kind of input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Layer, Model, ops
from layercli.core import naming
from layercli.core.spec import Spec
from layercli.errors import NotBuiltError, ShapeError, UnknownSizeError, UsageError
from layercli.layers.convolutional.conv import Conv1D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.batch_normalization import BatchNormalization
from layercli.runtime.execution import eager_call


class Scale(Layer):
    """A layer written as Keras's users write theirs."""

    def __init__(self, factor, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.offset = offset

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        return inputs * self.gain * self.factor + self.offset


class Tower(Model):
    def __init__(self):
        super().__init__()
        self.stem = Dense(4)
        self.blocks = [Dense(4), Dense(4)]
        self.heads = {"left": Dense(2), "right": (Dense(3), Dense(1))}

    def call(self, inputs):
        x = self.stem(inputs)
        for block in self.blocks:
            x = ops.relu(block(x))
        first, second = self.heads["right"]
        return {"left": self.heads["left"](x), "right": second(first(x))}


@pytest.fixture(autouse=True)
def fresh_names():
    naming.clear_session()


def test_an_array_a_list_and_a_tensor_give_the_same_tensor():
    layer = Dense(3)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    results = [layer(rows), layer(np.array(rows)), layer(np.array(rows, "float32")), layer(torch.tensor(rows))]
    assert all(type(y) is torch.Tensor and y.dtype is torch.float32 for y in results)
    assert all(torch.equal(y, results[0]) for y in results)


def test_sublayers_are_found_where_their_author_put_them():
    tower = Tower()
    tower.build((None, 5))
    assert [path for path, _ in tower.children()] == [
        "stem", "blocks/0", "blocks/1", "heads/left", "heads/right/0", "heads/right/1",
    ]  # fmt: skip
    assert list(tower.named_variables())[:3] == ["stem/kernel", "stem/bias", "blocks/0/kernel"]
    assert "heads.right.0.kernel" in tower.module.state_dict()
    assert tower.count_params() == 24 + 20 + 20 + 10 + 15 + 4


def test_a_tree_of_outputs_comes_back_as_one():
    tower = Tower()
    out = tower(np.ones((2, 5)))
    assert {key: tuple(value.shape) for key, value in out.items()} == {"left": (2, 2), "right": (2, 1)}
    assert tower.compute_output_shape(("N", 5))["right"][1] == 1


def test_names_are_keras_s():
    layers = [Dense(1), Dense(1), BatchNormalization(), Scale(2), Scale(2, name="mine")]
    assert [layer.name for layer in layers] == ["dense", "dense_1", "batch_normalization", "scale", "mine"]


def test_variable_paths_nest_by_name():
    outer = Tower()
    outer.build((None, 5))
    assert [v.path for v in outer.stem.variables] == ["tower/dense/kernel", "tower/dense/bias"]


def test_variables_are_in_keras_s_order():
    layer = Scale(3)
    layer.build((None, 2))
    assert [v.path for v in layer.variables] == ["scale/gain", "scale/count"]
    assert [v.path for v in layer.trainable_variables] == ["scale/gain"]
    assert [v.path for v in layer.non_trainable_variables] == ["scale/count"]


def test_keras_3_s_order_of_add_weight_s_arguments_is_taken_too():
    class Mine(Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1], 2), name="w")

        def call(self, inputs):
            return inputs @ self.w

    assert tuple(Mine()(np.ones((3, 4))).shape) == (3, 2)


def test_freezing_is_recursive_and_reaches_the_mirror():
    tower = Tower()
    tower.build((None, 5))
    module = tower.module
    tower.trainable = False
    assert tower.trainable_variables == []
    assert not any(p.requires_grad for p in module.parameters())
    tower.blocks[0].trainable = True
    assert [v.path for v in tower.trainable_variables] == ["tower/dense_1/kernel", "tower/dense_1/bias"]
    assert [name for name, p in module.named_parameters() if p.requires_grad] == ["blocks.0.kernel", "blocks.0.bias"]


def test_a_frozen_layer_holds_frozen_parameters_from_the_start():
    layer = Dense(2, trainable=False)
    layer(np.ones((1, 3)))
    assert not any(p.requires_grad for p in layer.module.parameters())


def test_weights_are_given_and_taken_in_the_logical_shape():
    layer = Conv1D(3, 1)
    layer.build((None, 4, 2))
    kernel, bias = np.arange(6.0).reshape(1, 2, 3), np.array([1.0, 2.0, 3.0])
    layer.set_weights([kernel, bias])
    assert layer.module.kernel.shape == (3, 1, 2)  # the filters first
    assert layer.module.kernel.is_contiguous()
    np.testing.assert_array_equal(layer.get_weights()[0], kernel)
    np.testing.assert_array_equal(layer(np.array([[[1.0, 1.0]]])).detach(), kernel.sum(1, keepdims=True) + bias)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([np.ones((2, 3))], "dense has 2 variables, got 1 weights"),
        ([np.ones((2, 3)), np.ones(4)], "the variable dense/bias has the shape (3,), not (4,)"),
    ],
)
def test_weights_that_do_not_fit_set_nothing(weights, message):
    layer = Dense(3)
    layer.build((None, 2))
    before = layer.get_weights()
    with pytest.raises(ShapeError) as raised:
        layer.set_weights(weights)
    assert str(raised.value) == message
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_config_is_the_constructor_s_arguments():
    layer = Scale(3, offset=1.5, name="mine")
    assert layer.get_config() == {"name": "mine", "trainable": True, "dtype": "float32", "factor": 3, "offset": 1.5}
    again = Scale.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    dense = Dense(4, activation="relu", kernel_initializer="he_normal", use_bias=False)
    config = dense.get_config()
    assert (config["units"], config["activation"], config["use_bias"]) == (4, "relu", False)
    assert Dense.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: Dense(), "Dense needs units", None),
        (lambda: Dense(-3), "Dense expects units to be a positive integer, got -3", None),
        (lambda: Dense(2.5), "Dense expects units to be a positive integer, got 2.5", None),
        (lambda: Dense(True), "Dense expects units to be a positive integer, got True", None),
        (lambda: Dense(3, activatoin="relu"), "Dense has no argument 'activatoin'", "did you mean activation?"),
        (lambda: Dense(3, use_bias="no"), "Dense expects use_bias to be true or false, got 'no'", None),
        (lambda: Dense(3, units=4), "Dense got units twice", None),
        (lambda: Dense(3, name="a/b"), "a layer's name is text without '/', got 'a/b'", None),
    ],
)
def test_settings_are_checked(make, message, hint):
    with pytest.raises(UsageError) as raised:
        make()
    assert (str(raised.value), raised.value.hint) == (message, hint)


def test_settings_may_be_declared_as_fields():
    class Power(Layer):
        exponent: float = 2.0

        def call(self, inputs):
            return inputs**self.exponent

    assert Power().get_config()["exponent"] == 2.0
    assert Power(3.0)(np.array([2.0])).item() == 8.0


def test_an_annotation_that_only_tells_a_type_is_no_setting():
    class Pair(Model):
        units: int
        first: Dense
        rest: list[Dense] | None
        others: dict[str, layercli.layers.Layer]
        gain: layercli.core.variable.Variable
        table: torch.Tensor
        inner: torch.nn.Module | None
        wrapped: Layer | None = None  # with a default it is one

        def setup(self):
            self.first, self.rest = Dense(self.units), [Dense(2)]

        def call(self, inputs):
            return self.rest[0](self.first(inputs))

    pair = Pair(3)
    assert list(Pair._fields) == ["units", "wrapped"]
    assert pair(np.ones((1, 4), "float32")).shape == (1, 2)
    assert pair.get_config() == {"name": pair.name, "trainable": True, "dtype": "float32", "units": 3, "wrapped": None}
    with pytest.raises(UsageError) as error:
        Pair(3, first=Dense(2))
    assert str(error.value) == "Pair has no argument 'first'"


def test_variables_are_drawn_by_seed_and_path_alone():
    def drawn(order):
        naming.clear_session()
        layercli.random.set_seed(5)
        tower = Tower()
        tower.build((None, 5))
        return [tower.named_variables()[path].numpy() for path in order]

    first = drawn(["stem/kernel", "heads/left/kernel"])
    second = drawn(["heads/left/kernel", "stem/kernel"])
    assert np.array_equal(first[0], second[1])
    assert np.array_equal(first[1], second[0])
    layercli.random.set_seed(6)
    other = Tower()
    other.build((None, 5))
    assert not np.array_equal(other.stem.kernel.numpy(), first[0])


def test_two_layers_alike_start_apart():
    a, b = Dense(3), Dense(3)
    x = np.ones((1, 4))
    assert not torch.equal(a(x), b(x))


def test_asking_for_variables_too_early():
    with pytest.raises(NotBuiltError) as raised:
        Dense(3).count_params()
    assert str(raised.value) == "dense has no variables yet: their shapes follow from its input"
    with pytest.raises(NotBuiltError):
        Dense(3).module  # noqa: B018 - the attribute is what raises


def test_errors_name_the_layer_by_the_author_s_path():
    tower = Tower()
    tower.build((None, 5))
    for x in (np.ones((2, 6), "float32"), torch.ones(2, 6)):
        with pytest.raises(ShapeError) as raised:
            tower(x)
        assert str(raised.value) == "stem (Dense) expects x with 5 features, got 6 (x = float32[2, 6])"
    with pytest.raises(ShapeError) as raised:
        tower.compute_output_spec(Spec((1, 6)))
    assert str(raised.value) == "stem (Dense) expects x with 5 features, got 6 (x = float32[1, 6])"


def test_values_asked_of_a_description_name_the_layer():
    class Greedy(Layer):
        def call(self, inputs):
            return inputs if inputs.sum() > 0 else -inputs

    with pytest.raises(UnknownSizeError) as raised:
        Greedy().compute_output_shape((2, 3))
    assert str(raised.value) == (
        "greedy (Greedy) asks whether it is true of a tensor that has no values while the model is described (x = bool[])"
    )


def test_an_unknown_size_cannot_make_a_variable():
    with pytest.raises(UnknownSizeError) as raised:
        Dense(3).build((None, None))
    assert str(raised.value) == "cannot make the variable 'kernel' of shape (None, 3): every size must be known"


def test_penalties_of_variables_and_of_calls_are_the_losses():
    class Penalized(Model):
        def __init__(self):
            super().__init__()
            self.inner = Dense(2, kernel_regularizer=lambda w: (w**2).sum(), activity_regularizer=lambda y: y.sum() * 3)

        def call(self, inputs):
            y = self.inner(inputs)
            self.add_loss(y.mean())
            return y

    model = Penalized()
    x = torch.ones(4, 3)
    for _ in range(2):  # a second call does not add to the first
        y = model(x)
    kernel = (model.inner.kernel.value**2).sum()
    expected = sorted([kernel.item(), (y.sum() * 3).item() / len(x), y.mean().item()])  # per example, as in Keras
    assert sorted(loss.item() for loss in model.losses) == pytest.approx(expected)


def test_training_is_handed_down():
    class Outer(Model):
        def __init__(self):
            super().__init__()
            self.norm = BatchNormalization(momentum=0.0)

        def call(self, inputs):
            return self.norm(inputs)

    outer = Outer()
    x = torch.randn(64, 3) * 2 + 5
    outer(x)
    assert outer.norm.moving_mean.numpy().tolist() == [0, 0, 0]
    outer(x, training=True)
    np.testing.assert_allclose(outer.norm.moving_mean.numpy(), x.mean(0), rtol=1e-5)
    assert not outer.module.norm.training  # torch's flag is back where it was


def test_mixed_precision_computes_in_one_dtype_and_stores_in_another():
    layer = Dense(3, dtype="mixed_bfloat16")
    y = layer(np.ones((2, 4)))
    assert y.dtype is torch.bfloat16
    assert layer.kernel.dtype == "float32"
    assert layer.module.kernel.dtype is torch.float32
    assert layer.compute_output_spec(Spec((2, 4))) == Spec((2, 3), "bfloat16")


class Gated(Layer):
    """Adds the past where the gate is open."""

    def build(self, *shapes):
        self.scale = self.add_weight("scale", (), "ones")

    def call(self, inputs, gate, bias=None, past=()):
        x = ops.where(gate, inputs * self.scale, 0)
        return x if bias is None else x + bias


def test_arguments_that_no_dtype_changes_are_passed_at_once(monkeypatch):
    layer, x, gate = Gated(), torch.ones(2, 3), torch.tensor([True, False, True])
    expected = layer(x, gate, None, ()).detach()
    slow = []
    whole = eager_call.call
    monkeypatch.setattr(eager_call, "call", lambda *given: slow.append(given) or whole(*given))
    assert torch.equal(layer(x, gate, None, ()), expected)
    assert slow == []
    assert layer(x, gate, x.double()).dtype is torch.float32  # which is cast to the layer's dtype
    masked = torch.ones(2, 3)
    masked._keras_mask = torch.ones(2, dtype=torch.bool)
    layer(masked, gate)
    assert len(slow) == 2
