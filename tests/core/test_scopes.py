"""Scopes, operations and functions by Keras's names: values that tests/core compares are those that Keras 3.15.1 gives."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Model, Sequential, Variable, dtype_policies, layers, metrics, ops, optimizers, utils
from layercli.core import stateless_scope
from layercli.core.stateless_scope import in_symbolic_scope
from layercli.errors import ShapeError, UsageError

X = np.arange(12, dtype="float32").reshape(4, 3)


class Doubled(layercli.Operation):
    def __init__(self, factor=2.0, name=None):
        super().__init__(name=name)
        self.factor = factor

    def call(self, x, beside=None):
        out = torch.as_tensor(np.asarray(x)) * self.factor  # which needs values
        return out if beside is None else out + beside

    def compute_output_spec(self, x, beside=None):
        return layercli.KerasTensor(x.shape, x.dtype)


def test_an_operation_is_a_node_of_a_model_and_no_layer_of_it():
    inputs = Input((3,))
    model = Model(inputs, layers.Dense(1, kernel_initializer="ones")(Doubled()(inputs, beside=inputs)))
    assert model.predict(np.ones((2, 3)), verbose=0).tolist() == [[9.0], [9.0]]
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    assert [type(each).__name__ for each in model.operations] == ["InputLayer", "Doubled", "Dense"]
    assert Doubled()(torch.ones(2, dtype=torch.float64)).dtype is torch.float64
    assert isinstance(layers.Dense(1), layercli.Operation)
    assert not isinstance(model, Doubled)
    with layercli.saving.CustomObjectScope({"Doubled": Doubled}):
        again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert again.predict(X, verbose=0).tolist() == model.predict(X, verbose=0).tolist()


def test_a_layer_whose_call_needs_values_has_the_shape_that_it_states():
    class Numpy(layers.Layer):
        def call(self, x):
            return torch.from_numpy(x.detach().numpy()[:, :2] * 2)

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 2)

    inputs = Input((3,))
    outputs = Numpy()(inputs)
    assert outputs.shape == (None, 2)
    assert Model(inputs, outputs).predict(X[:1], verbose=0).tolist() == [[0.0, 2.0]]


def test_name_scopes_are_in_paths():
    with layercli.name_scope("encoder"):
        dense = layers.Dense(2, name="dense")
        dense.build((None, 3))
        with layercli.name_scope("block"):
            scale = Variable(1.0, name="scale")

    class Own(layers.Layer):
        def build(self, input_shape):
            with layercli.name_scope("inner"):
                self.weight = self.add_weight(shape=(2,), name="weight")
                self.dense = layers.Dense(2, name="dense")
                self.dense.build(input_shape)

    own = Own(name="own")
    own.build((None, 3))
    paths = [variable.path for variable in (dense.kernel, scale, own.weight, own.dense.kernel)]
    assert paths == ["encoder/dense/kernel", "encoder/block/scale", "own/weight", "own/inner/dense/kernel"]
    with pytest.raises(UsageError):
        layercli.name_scope("a/b")


def test_a_stateless_scope_keeps_what_is_assigned():
    norm = layers.BatchNormalization()
    norm.build((None, 3))
    value = Variable([1.0, 2.0])
    with layercli.StatelessScope([(value, np.ones(2))], collect_losses=True) as scope:
        value.assign_add([1.0, 1.0])
        norm(X, training=True)
        norm.add_loss(1.5)
        assert value.numpy().tolist() == [2.0, 2.0]
    assert value.numpy().tolist() == [1.0, 2.0]
    assert norm.moving_mean.numpy().tolist() == [0, 0, 0]
    assert scope.get_current_value(value).tolist() == [2.0, 2.0]
    assert scope.losses == [1.5]
    assert np.allclose(scope.get_current_value(norm.moving_mean), X.mean(0) * 0.01)
    assert scope.get_current_value(norm.gamma) is None
    with pytest.raises(ShapeError):
        layercli.StatelessScope([(value, np.ones(3))])
    other = Variable([3.0, 4.0])
    with layercli.StatelessScope({value: other, other: value}):
        assert (value.numpy().tolist(), other.numpy().tolist()) == ([3.0, 4.0], [1.0, 2.0])
    with pytest.raises(TypeError), layercli.StatelessScope([(value, np.array(["x", "y"]))]):
        pass
    value.assign([5.0, 6.0])
    assert not stateless_scope.open_scopes
    assert value.numpy().tolist() == [5.0, 6.0]
    with layercli.SymbolicScope():
        assert in_symbolic_scope()
    assert not in_symbolic_scope()


def test_each_thread_has_the_values_of_its_own_scopes():
    dense = layers.Dense(1, kernel_initializer="ones", bias_initializer="ones")
    norm = layers.BatchNormalization()
    found = {"outside": dense(X).tolist()}
    norm.build((None, 3))
    meeting = threading.Barrier(3, timeout=20)

    def scoped(number):
        given = [(dense.kernel, np.full((3, 1), number)), (norm.moving_mean, np.full(3, number))]
        with layercli.StatelessScope(given):
            meeting.wait()
            dense.bias.assign([number])
            norm.moving_mean.assign_add([1.0, 1.0, 1.0])
            meeting.wait()
            found[number] = dense(X).tolist(), norm.moving_mean.numpy().tolist(), dense.get_weights()[1].tolist()
            with layercli.StatelessScope([(dense.bias, np.zeros(1))]):
                found[-number] = dense.bias.numpy().tolist()
            meeting.wait()
        found["end", number] = dense(X).tolist()

    threads = [threading.Thread(target=scoped, args=(number,)) for number in (2.0, 3.0)]
    for thread in threads:
        thread.start()
    meeting.wait()
    dense.kernel.assign(dense.kernel.value.detach() * 1)  # another thread sets the values that are there for all
    meeting.wait()
    assert dense(X).tolist() == found["outside"]
    assert norm.moving_mean.numpy().tolist() == [0, 0, 0]
    assert dense.module.state_dict()["kernel"].sum() == 3
    meeting.wait()
    for thread in threads:
        thread.join()
    for number in (2.0, 3.0):
        expected = X.sum(1, keepdims=True) * number + number  # small whole numbers: exact
        assert found[number] == (expected.tolist(), [number + 1] * 3, [number])
        assert found[-number] == [0]
        assert found["end", number] == found["outside"]
    assert not stateless_scope.open_scopes


def test_each_thread_has_the_metrics_and_optimizer_state_of_its_own_scopes():
    mean, given, found = metrics.Mean(), {}, {}
    sgd = optimizers.SGD(momentum=0.9)
    sgd.build([Variable([1.0, 2.0])])
    velocity = sgd.add_variable((2,))
    mean.update_state([10.0])
    meeting = threading.Barrier(3, timeout=20)

    def scoped(number):
        given[number] = torch.tensor(number)
        with layercli.StatelessScope([(mean.total, given[number]), (velocity, np.full(2, number))]) as scope:
            mean.update_state([1.0])
            velocity.assign_add([1.0, 1.0])
            meeting.wait()
            found[number] = float(mean.result()), velocity.numpy().tolist(), mean.stateless_result([6.0, 2.0]).item()
            with layercli.StatelessScope():
                mean.reset_state()
                found[-number] = float(mean.total.value)
            meeting.wait()
        found["end", number] = [float(scope.get_current_value(each)) for each in mean.variables]

    threads = [threading.Thread(target=scoped, args=(number,)) for number in (2.0, 5.0)]
    for thread in threads:
        thread.start()
    meeting.wait()
    mean.update_state([20.0])
    assert (float(mean.result()), velocity.numpy().tolist()) == (15.0, [0, 0])
    meeting.wait()
    for thread in threads:
        thread.join()
    for number in (2.0, 5.0):
        assert found[number] == ((number + 1) / 2, [number + 1] * 2, 3.0)
        assert found[-number] == 0
        assert found["end", number] == [number + 1, 2]
        assert given[number] == number
    assert (float(mean.result()), velocity.numpy().tolist()) == (15.0, [0, 0])


@pytest.mark.parametrize("accumulated", [None, 2])
@pytest.mark.parametrize("made", [optimizers.SGD, optimizers.Adam, optimizers.Muon])
def test_an_optimizer_applies_gradients_to_the_values_of_a_scope(made, accumulated):
    model = Sequential([Input((3,)), layers.Dense(2)])
    rule = made(0.1, gradient_accumulation_steps=accumulated)
    trained, gradients = model.trainable_variables, [torch.ones(3, 2), torch.ones(2)]
    rule.build(trained)
    state = [*trained, *rule.variables]
    before = [each.numpy().copy() for each in state]
    values = [torch.full((3, 2), 5.0), torch.full((2,), 7.0)]
    with layercli.StatelessScope(zip(trained, values, strict=True)) as scope:
        rule.learning_rate.assign(0.5)
        rule.apply(gradients, trained)
        rule.apply(gradients, trained)
        inside, steps = [each.numpy().copy() for each in state], int(rule.iterations)
    after = [scope.get_current_value(each).numpy(force=True) for each in state]
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, state, strict=True))
    assert rule.learning_rate == pytest.approx(0.1)
    assert rule.step_count == 0
    own = [torch.as_tensor(each) for each in before[2:]]
    own[1] = torch.tensor(0.5)
    for _ in range(2):
        values, own = rule.stateless_apply(own, gradients, values)
    assert steps == (2 if accumulated is None else 1)
    for found, again, wanted in zip(inside, after, [*values, *own], strict=True):
        assert np.array_equal(found, wanted)
        assert np.array_equal(again, wanted)


def test_an_optimizer_that_holds_others_has_no_update_in_a_scope():
    model = Sequential([Input((3,)), layers.Dense(2)])
    rule = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), name="scaled")
    rule.build_for(model.trainable_variables)
    message = "scaled keeps its state in other optimizers, which have the stateless updates"
    with layercli.StatelessScope(), pytest.raises(UsageError, match=message):
        rule.apply([torch.ones(3, 2), torch.ones(2)], model.trainable_variables)


def trained(scope):
    layercli.utils.set_random_seed(1)
    with scope:
        stack = [layers.Dense(4, activation="relu", kernel_initializer="ones"), layers.BatchNormalization()]
        stack += [layers.Dropout(0.5, seed=1), layers.Dropout(0.5), layers.Dense(1, kernel_initializer="ones")]
        model = Sequential([Input((3,)), *stack])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((4, 1)), epochs=2, verbose=0)
    return model.get_weights()


def test_what_is_computed_again_is_the_same():
    plain, again = trained(layercli.name_scope("plain")), trained(layercli.RematScope("full"))
    assert all((a == b).all() for a, b in zip(plain, again, strict=True))


@pytest.mark.parametrize(
    ("mode", "settings", "runs"),
    [("full", {}, 2), ("activations", {}, 2), ("larger_than", {"output_size_threshold": 3}, 2),
     ("larger_than", {"output_size_threshold": 8}, 1), ("list_of_layers", {"layer_names": ["dense"]}, 2),
     ("list_of_layers", {"layer_names": ["other"]}, 1), (None, {}, 1)],
)  # fmt: skip
def test_modes_of_rematerialization(mode, settings, runs):
    calls = []

    def activation(x):
        calls.extend([1] if isinstance(x, torch.Tensor) else [])
        return ops.relu(x)

    with layercli.RematScope(mode, **settings):
        dense = layers.Dense(4, activation=activation, name="dense")
    dense.build((None, 3))
    dense(torch.ones(2, 3)).sum().backward()
    assert len(calls) == runs
    x = torch.ones(3, requires_grad=True)
    layercli.remat(lambda x: ops.sin(x) * 2)(x).sum().backward()
    assert torch.allclose(x.grad, 2 * torch.cos(torch.ones(3)))


def test_policies_by_path():
    policies = dtype_policies.DTypePolicyMap("float32", {"mha/query": "bfloat16"})
    policies["mha/k.*"] = dtype_policies.DTypePolicy("float16")
    attention = layers.MultiHeadAttention(2, 3, dtype=policies, name="mha")
    for layer in (attention, layers.MultiHeadAttention.from_config(attention.get_config())):
        layer.build((1, 4, 6), (1, 4, 6))
        dtypes = [part.dtype for part in (layer.query_dense, layer.key_dense, layer.value_dense, layer)]
        assert dtypes == ["bfloat16", "float16", "float32", "float32"]
        assert layer.dtype_policy == policies
    policies["mha/key"] = "float64"
    policies[".*key"] = "float64"
    assert [policies[path].name for path in ("mha/key", "other")] == ["float64", "float32"]
    assert len(policies) == 4
    with pytest.raises(UsageError, match="matches several keys"):
        policies["mha/kkey"]


def test_functions_that_a_model_may_override():
    taken = []

    class Own(Sequential):
        def make_train_function(self, force=False):
            function = super().make_train_function(force)
            self.train_function = lambda iterator: taken.append(1) or function(iterator)
            return self.train_function

    model = Own([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((4, 1)), batch_size=2, verbose=0)
    assert len(taken) == 2
    model.reset_metrics()
    logs = model.make_test_function()(iter([(torch.tensor(X), torch.ones(4, 1))]))
    assert float(logs["loss"]) == pytest.approx(model.evaluate(X, np.ones((4, 1)), verbose=0), rel=1e-6)
    assert model.make_predict_function()([torch.tensor(X)]).shape == (4, 1)
    zeros = [torch.zeros_like(v.value) for v in model.trainable_variables]
    loss, (trained, others, _) = model.stateless_compute_loss(
        zeros, [], [v.value for v in model.metrics_variables], y=torch.ones(4, 1), y_pred=torch.zeros(4, 1)
    )
    assert float(loss) == 1.0
    assert float(trained[0].abs().sum()) == 0.0
    assert others == []


def test_transformations_of_images():
    images = np.random.default_rng(0).random((8, 4, 6, 3)).astype("float32")
    boxes = {"boxes": np.tile([0.0, 0.0, 2.0, 2.0], (8, 1, 1)), "labels": np.zeros((8, 1))}
    flip = layers.RandomFlip("horizontal", bounding_box_format="xyxy")
    drawn = flip.get_random_transformation(images, seed=3)
    flipped = [bool(x) for x in (np.asarray(flip.transform_images(images, drawn)) == images[:, :, ::-1]).all((1, 2, 3))]
    masks = np.asarray(flip.transform_segmentation_masks(images[..., :1], drawn))
    assert [bool(x) for x in (masks == images[:, :, ::-1, :1]).all((1, 2, 3))] == flipped
    assert len(set(flipped)) == 2
    lefts = np.asarray(flip.transform_bounding_boxes(boxes, drawn)["boxes"])[:, 0, 0]
    assert [left == 4 for left in lefts] == flipped
    assert np.asarray(flip.transform_labels(np.ones(8), drawn)).sum() == 8
    resizing = layers.Resizing(2, 3)
    assert resizing.transform_single_image(images[0]).shape == (2, 3, 3)
    alone = flip.get_random_transformation(images[0])
    assert flip.transform_single_segmentation_mask(images[0][..., :1], alone).shape == (4, 6, 1)
    assert (np.asarray(flip.transform_images(images, drawn, training=False)) == images).all()


class Blocks(Model):
    def __init__(self):
        super().__init__(name="blocks")
        self.blocks = [layers.Dense(3) for _ in range(2)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def stack():
    return Sequential([Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")], name="stack")


def functional():
    inputs = Input((3,))
    return Model(inputs, layers.Dense(1, name="out")(layers.Dense(2, name="inner")(inputs)), name="functional")


@pytest.mark.parametrize("make", [stack, functional, Blocks])
def test_values_are_the_same_whichever_is_used_first(make):
    utils.set_random_seed(0)
    ran = make()
    ran(X)
    utils.set_random_seed(0)
    read = make()
    read.build((None, 3))
    assert read.layers[-1].variables[0].numpy().any()  # a layer by itself, before the model has values
    assert all((a == b).all() for a, b in zip(ran.get_weights(), read.get_weights(), strict=True))


def test_a_summary_without_inputs_lists_the_layers(capsys):
    model = Sequential([layers.Dense(2, name="dense")])
    model.summary(columns="layer,output_shape,parameters")
    assert [line.split() for line in capsys.readouterr().out.splitlines()[3:4]] == [["dense", "(Dense)", "?", "?"]]
    Sequential().summary()
    assert "Parameters:     0 (0 B)" in capsys.readouterr().out


def test_what_a_script_asks_at_a_prompt():
    value = Variable([1.0, 2.0])
    assert value.assign([3.0, 4.0]).tolist() == [3.0, 4.0]
    assert value.assign_add([1.0, 1.0]).tolist() == [4.0, 5.0]
    assert value.assign_sub([4.0, 4.0]).tolist() == [0.0, 1.0]
    dense = layers.Dense(2)
    assert not hasattr(dense, "output")
    assert not hasattr(Sequential([dense]), "input")
    with pytest.raises(ValueError, match="has no variables yet"):
        dense.count_params()
    assert dense.get_config()["activation"] == "linear"
    assert layercli.activations.get(None).__name__ == "linear"
    assert repr(Input((3,), name="x")) == (
        "<KerasTensor shape=(None, 3), dtype=float32, sparse=False, ragged=False, name=x>"
    )
