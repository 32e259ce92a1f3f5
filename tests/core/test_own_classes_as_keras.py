"""What Keras's own classes are written with: variables, metrics, optimizers, specs, stateless calls, serialization."""

from __future__ import annotations

import json

import numpy as np
import pytest

import layercli
from layercli import (
    Input,
    KerasTensor,
    Model,
    Sequential,
    Variable,
    constraints,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    saving,
)
from layercli.core import naming
from layercli.errors import ShapeError, UsageError

ONES = np.ones((4, 2), "float32")


class Total(metrics.Metric):
    def __init__(self, name="total_of"):
        super().__init__(name=name)
        self.seen = self.add_weight(name="seen", initializer="zeros")
        self.batches = self.add_variable(shape=(), initializer="zeros", name="batches")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add(ops.sum(y_pred))
        self.batches.assign(self.batches + 1)

    def result(self):
        return self.seen / self.batches


class Momentum(optimizers.Optimizer):
    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.velocities = [self.add_variable_from_reference(v, "velocity") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, 0.9 * velocity - learning_rate * gradient)
        self.assign_add(variable, velocity)


class Scale(layers.Layer):
    def __init__(self):
        super().__init__()
        self.factor = Variable(np.ones(2, "float32"))
        self.calls = Variable(0, trainable=False, dtype="int32")

    def call(self, x):
        self.calls.assign_add(1)
        return x * self.factor


def test_to_print_a_variable_makes_no_module_and_asks_no_other_rank():
    layer = layers.Dense(2)
    layer.build((None, 3))
    assert repr(layer.bias) == f"<Variable path={layer.name}/bias, shape=(2,), dtype=float32>"
    given = Variable([2.0, 3.0], name="v")
    assert repr(given) == "<Variable path=v, shape=(2,), dtype=float32, value=[2. 3.]>"
    assert (layer._module, given.owner._module) == (None, None)
    layer.module.bias.full_tensor = pytest.fail  # as a DTensor has it: every rank must call it
    assert repr(layer.bias) == f"<Variable path={layer.name}/bias, shape=(2,), dtype=float32, sharded>"
    assert "sharded" in layer.bias._repr_html_()


def test_a_variable_of_no_layer_and_then_of_one():
    variable = Variable([1.0, 2.0], name="v")
    variable.assign_add([1.0, 1.0])
    assert repr(variable) == "<Variable path=v, shape=(2,), dtype=float32, value=[2. 3.]>"
    assert (variable * 2).tolist() == [4, 6]
    assert Variable(initializer="zeros", shape=(2, 3)).shape == (2, 3)
    with pytest.raises(UsageError, match=r"^Variable expects a shape beside the initializer 'zeros'$"):
        Variable("zeros")
    layer = Scale()
    model = Sequential([Input((2,)), layer])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(ONES, ONES * 0, verbose=0)
    assert layer.factor.numpy() == pytest.approx([0.9, 0.9])
    assert (len(layer.weights), len(layer.trainable_weights), int(layer.calls)) == (2, 1, 1)


def test_a_metric_of_ones_own():
    metric = Total()
    assert float(metric([1.0], ops.array([1.0, 2.0]))) == 3
    assert [v.name for v in metric.variables] == ["seen", "batches"]
    metric.reset_state()
    assert float(metric.seen) == 0
    state = metric.stateless_update_state([1.0, 1.0], [1.0], ops.array([1.0, 2.0]))
    assert ([float(x) for x in state], float(metric.stateless_result(state)), float(metric.seen)) == ([4, 2], 2, 0)
    model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    assert not model.compiled
    model.compile("sgd", "mse", metrics=[Total()])
    assert model.compiled
    assert set(model.fit(ONES, ONES[:, :1], verbose=0, batch_size=2).history) == {"loss", "total_of"}
    assert float(metrics.Mean().total) == 0


def test_an_optimizer_s_rate_and_state_are_variables():
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    optimizer.learning_rate.assign(0.05)
    assert float(optimizer.learning_rate.value) == pytest.approx(0.05)
    assert f"{optimizer.learning_rate:.2f} {float(optimizer.learning_rate * 2):.2f}" == "0.05 0.10"
    layer = layers.Dense(1, kernel_initializer="ones")
    layer.build((None, 2))
    optimizer.build(layer.trainable_variables)
    gradients = [ops.ones((2, 1)), ops.ones((1,))]
    trained, state = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], gradients, [layer.kernel.value, layer.bias.value]
    )
    assert trained[0].flatten().tolist() == pytest.approx([0.95, 0.95])
    assert [float(x) for x in state[:2]] == pytest.approx([1, 0.05])
    assert (layer.kernel.numpy().tolist(), int(optimizer.iterations)) == ([[1], [1]], 0)
    optimizer.iterations.assign(7)
    assert optimizer.update_count == 7


def test_an_optimizer_of_ones_own():
    runs = []
    for optimizer in (Momentum(0.1), optimizers.SGD(0.1, momentum=0.9)):
        model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile(optimizer, "mse")
        model.fit(ONES, ONES[:, :1] * 0, batch_size=2, verbose=0, shuffle=False)
        runs.append(model.get_weights())
    for ours, theirs in zip(*runs, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_specs_paths_and_stateless_calls():
    assert str(layers.Dense(4)(KerasTensor((2, 3))).spec) == "float32[2, 4]"
    assert isinstance(Input((2,)), KerasTensor)
    norm = layers.BatchNormalization(name="norm")
    assert norm.path is None
    norm.build((None, 2))
    assert (norm.path, norm.get_build_config()) == ("norm", {"input_shape": (None, 2)})
    values = ([v.value for v in norm.trainable_variables], [v.value for v in norm.non_trainable_variables])
    out, state = norm.stateless_call(*values, np.array([[1.0, 2], [3, 4]], "float32"), training=True)
    assert out.detach().numpy() == pytest.approx(np.array([[-0.9995] * 2, [0.9995] * 2]), abs=1e-4)
    assert [x.tolist() for x in state] == [pytest.approx([0.02, 0.03]), pytest.approx([1, 1])]
    assert norm.moving_mean.numpy().tolist() == [0, 0]
    limited = layers.Dense(2)
    limited.input_spec = layercli.InputSpec(ndim=2, axes={-1: 2})
    limited(ONES)
    with pytest.raises(ShapeError) as error:
        limited(ONES[None])
    assert error.value.message == "expects an input with 2 axes, got 3 (shape (1, 4, 2))"


def test_objects_are_serialized_by_keras_s_names():
    @saving.register_keras_serializable(package="own")
    class Held:
        def __init__(self, a=1):
            self.a = a

        def get_config(self):
            return {"a": self.a}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    for each in (layers.Dense(3), Held(4), losses.Huber(0.5), [1, {"a": (2,)}], "relu", b"ab", slice(1, 2)):
        config = saving.serialize_keras_object(each)
        again = saving.deserialize_keras_object(config)
        assert saving.serialize_keras_object(again) == config
    assert saving.deserialize_keras_object(saving.serialize_keras_object(layercli.activations.relu)) is not None
    with pytest.raises(UsageError, match=r"a file holds no code$"):
        saving.serialize_keras_object(lambda x: x)


def test_files_are_kept_and_layers_that_do_not_fit_left_out(tmp_path):
    def model(units):
        return Sequential([Input((2,)), layers.Dense(3, name="a"), layers.Dense(units, name="b")])

    path = tmp_path / "w.weights.h5"
    first, second = model(1), model(2)
    first.save_weights(path)
    with pytest.raises(UsageError, match=r"exists$"):
        first.save_weights(path, overwrite=False)
    before = second.layers[1].get_weights()
    with pytest.warns(UserWarning, match=r"^b keeps its values: "):
        second.load_weights(path, skip_mismatch=True)
    assert np.array_equal(second.layers[0].get_weights()[0], first.layers[0].get_weights()[0])
    assert np.array_equal(second.layers[1].get_weights()[0], before[0])
    first.build()
    said = []
    first.summary(print_fn=said.append, line_length=60, show_trainable=True)
    assert "Dense" in said[0]


def test_numpy_and_losses_that_take_no_mask():
    weights = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")
    assert constraints.NonNeg()(weights).tolist() == [[1, 0], [3, 4]]
    assert float(regularizers.L1(0.1)(weights)) == pytest.approx(1.0)

    class Tripled(losses.Loss):
        def __call__(self, y_true, y_pred, sample_weight=None):
            return ops.mean(ops.abs(y_true - y_pred)) * 3

    model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", Tripled())
    assert model.evaluate(ONES, ONES[:, :1] * 0, verbose=0) == 6
    x = Input((2,))
    with pytest.raises(UsageError, match=r"symbolic tensor outside of a call$"):
        Model(x, layers.Dense(1)(x)).add_loss(x)


def test_a_state_tree_goes_back_and_forth():
    def net():
        model = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(2, name="d")], name="net")
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        return model

    model, other = net(), net()
    tree = model.get_state_tree("numpy_array")
    assert [*tree] == ["trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"]
    assert {*tree["trainable_variables"]["net"]["d"]} == {"kernel", "bias"}
    assert int(tree["optimizer_variables"]["adam"]["iteration"]) == 1
    other.set_state_tree({"trainable_variables": model.get_state_tree()["trainable_variables"]})
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    with pytest.raises(UsageError) as raised:
        model.set_state_tree({"trainable": {}})
    assert str(raised.value) == "a state tree has no 'trainable'"


def test_a_convolution_s_own_op_and_low_rank():
    class Doubled(layercli.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel * 2)

    x = np.linspace(-1, 1, 50, dtype="float32").reshape(1, 5, 5, 2)
    doubled, plain = Doubled(4, 3, bias_initializer="ones"), layercli.layers.Conv2D(4, 3)
    first = doubled(x)
    plain.build((None, 5, 5, 2))
    kernel, bias = doubled.get_weights()
    plain.set_weights([kernel * 2, bias])
    np.testing.assert_allclose(first.detach(), plain(x).detach(), rtol=1e-5, atol=1e-6)
    plain.enable_lora(2)
    np.testing.assert_allclose(plain(x).detach(), first.detach(), rtol=1e-5, atol=1e-6)
    a, b = plain._lora
    b.assign(np.ones((2, 4)))
    before = plain(x).detach()
    plain.lora_rank = plain._lora = None
    plain.set_weights([kernel * 2 + a.numpy() @ b.numpy(), bias, a.numpy(), b.numpy()])
    np.testing.assert_allclose(before, plain(x).detach(), rtol=1e-5, atol=1e-5)


def test_older_names_of_hooks_are_called():
    seen = []

    class Counting(layercli.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, "loss" in logs))

    model = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(1)])
    model.compile("sgd", "mse")
    stop = layercli.callbacks.EarlyStopping("loss")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=2, verbose=0, callbacks=[Counting(), stop])
    assert seen == [(0, True), (1, True)]
    assert (stop.monitor, stop.mode, stop.stopped_epoch) == ("loss", "auto", 0)
    assert np.isfinite(stop.best)


def test_an_activity_regularizer_may_be_set():
    layer = layercli.layers.Dense(2, kernel_initializer="ones")
    layer(np.ones((1, 3)))
    layer.activity_regularizer = "l1"
    layer(np.ones((1, 3)))
    assert float(layer.losses[0]) == pytest.approx(0.01 * 6)
    assert layer.get_config()["activity_regularizer"]["class_name"] == "L1"


def test_a_model_is_cloned_by_a_function_of_its_calls():
    inner = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(2, name="d")], name="inner")
    x = layercli.Input((3,))
    model = layercli.Model(x, inner(x))
    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    def wider(layer):
        return layercli.layers.Dense(5, name=layer.name)

    clone = layercli.models.clone_model(model, clone_function=wider, call_function=call, recursive=True)
    assert called == ["inner"]
    assert clone.output_shape == (None, 5)


def test_channels_first_is_the_default_of_new_layers_and_ops():
    image = np.ones((1, 3, 8, 9), "float32")
    assert layers.Conv2D(2, 3).get_config()["data_format"] == "channels_last"
    layercli.config.set_image_data_format("channels_first")
    try:
        assert layercli.backend.image_data_format() == layers.Resizing(4, 4).data_format == "channels_first"
        made = [layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.UpSampling2D(), layers.GlobalMaxPooling2D()]
        shapes = [tuple(layer(image).shape) for layer in made]
        resized = ops.image.resize(image, (4, 4)).shape
    finally:
        layercli.config.set_image_data_format("channels_last")
    assert shapes == [(1, 2, 6, 7), (1, 3, 4, 4), (1, 3, 16, 18), (1, 3)]
    assert tuple(resized) == (1, 3, 4, 4)
    assert made[0].get_config()["data_format"] == "channels_first"
    with pytest.raises(UsageError) as raised:
        layercli.config.set_image_data_format("first")
    assert str(raised.value) == "there is no data_format 'first'"


def test_build_configs_names_and_orders_are_keras_s():
    """Of Keras 3.15.1 on torch, but for the shape of a functional model, which it says is None."""
    naming.clear_session()
    dense, added = layers.Dense(2), layers.Add()
    stack = Sequential([layers.Dense(2)])
    assert [each.get_build_config() for each in (dense, added, stack)] == [None] * 3
    x = np.ones((1, 3), "float32")
    dense(x), added([x, x]), stack.build((None, 3))
    assert dense.get_build_config() == {"input_shape": (1, 3)}
    assert added.get_build_config() == {"input_shape": [(1, 3), (1, 3)]}
    assert stack.get_build_config() == {"input_shape": (None, 3)}
    inside = Sequential([Input((3,)), layers.Dense(2)]).layers[0]  # whose build got a named batch
    assert json.loads(json.dumps(inside.get_build_config())) == {"input_shape": [None, 3]}

    gru = layers.Bidirectional(layers.GRU(2))
    inputs = Input((3,))
    gru(np.ones((1, 2, 3), "float32"))
    assert {v.path.rpartition("/")[0].partition("/")[2] for v in gru.weights} == {
        "forward_gru/gru_cell", "backward_gru/gru_cell"
    }  # fmt: skip
    model = Model(inputs, {"z": layers.Dense(1)(inputs), "b": layers.Dense(2)(inputs)})
    assert list(model(x)) == list(model.predict(x, verbose=0)) == ["b", "z"]


def test_functions_are_serialized_as_keras_does():
    @saving.register_keras_serializable(package="pk", name="sq")
    def squared(x):
        return x * x

    named = {"module": "builtins", "class_name": "function", "config": "pk>sq", "registered_name": "function"}
    layer = layers.Dense(2, activation=squared)
    assert layer.get_config()["activation"] == saving.serialize_keras_object(squared) == named
    for config in (named, named | {"config": "squared", "registered_name": "pk>sq"}):  # as layercli wrote it before
        again = layers.Dense.from_config(layer.get_config() | {"activation": config})
        assert again.activation is squared
        assert saving.deserialize_keras_object(config) is squared
    assert layers.Lambda.from_config(layers.Lambda(squared).get_config()).function is squared


def test_weights_are_the_variables_where_the_constructor_has_weights():
    table, both = layers.Embedding(3, 2, weights=[np.ones((3, 2), "float32")]), layers.Bidirectional(layers.GRU(2))
    table(np.array([1])), both(np.ones((1, 2, 3), "float32"))
    assert [v.path.rpartition("/")[2] for v in table.weights] == ["embeddings"]
    assert both.weights == both.variables
    assert len(both.weights) == 6


def test_shapes_that_a_user_reads_hold_none_for_a_size_that_is_not_known():
    seen = []

    class Own(layercli.Layer):
        def build(self, input_shape):
            seen.append(input_shape)

        def call(self, x):
            return x

    inputs = layercli.Input((None, 3))
    layer = Own()
    outputs = layer(inputs)
    layercli.Sequential([Own(), layercli.layers.Dense(2)])(np.ones((2, 4, 3), "float32"))
    named = Own()
    named(layercli.Input(("T", 3)))
    assert [[size is None for size in shape] for shape in seen[:1]] == [[True, True, False]]
    assert [str(size) for size in seen[-1]] == ["None", "T", "3"]
    model = layercli.Model(inputs, outputs)
    shapes = [model.input_shape, model.output_shape, layer.compute_output_shape((None, None, 3))]
    stacked = layercli.Sequential([inputs, Own()])
    shapes += [stacked.input_shape, stacked.output_shape, model.compute_output_shape((None, 4, 3))]
    assert [[size is None for size in shape] for shape in shapes] == [[True, True, False]] * 5 + [[True, False, False]]
    again = layercli.layers.Reshape(tuple(-1 if size is None else size for size in outputs.shape[1:]))(outputs)
    assert again.shape == (None, None, 3)
