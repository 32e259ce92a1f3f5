"""Models drawn from inputs to outputs, as Keras's guides write them: ends, parts, subclasses, nested ones told how to run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import real_keras as keras

import layercli
from layercli import Input, Layer, Model, Sequential, layers, utils
from layercli.errors import ShapeError, UsageError
from layercli.models import clone_model

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def drawn():
    inputs = Input((3,))
    middle = layers.Dense(5, activation="relu", name="middle")(inputs)
    return Model(inputs, layers.Dense(2, name="last")(middle))


def test_the_ends_of_a_model():
    model = drawn()
    assert model.input is model.inputs[0]
    assert model.output is model.outputs[0]
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert model.output_names == ["last"]


def two_inputs(api):
    a, b = api.Input((4,), name="a"), api.Input((3,), name="b")
    deep = api.layers.Dense(5, name="second")(api.layers.Dense(5, name="first")(b))
    total = api.layers.Add(name="add")([api.layers.Dense(5, name="beside")(a), deep])
    return api.Model([a, b], [api.layers.Dense(2, name="last")(total), total])


def shared(api):
    a, b, unused = (api.Input((4,), name=name) for name in ("a", "b", "unused"))
    tower = api.layers.Dense(3, name="tower")
    joined = api.layers.Concatenate(name="joined")([tower(a), tower(b), a])
    return api.Model({"a": a, "b": b, "unused": unused}, api.layers.Dense(1, name="last")(joined * 2.0))


def masked(api):
    tokens = api.Input((5,), name="tokens", dtype="int32")
    embedded = api.layers.Embedding(7, 4, mask_zero=True, name="embedded")(tokens)
    return api.Model(tokens, api.layers.GRU(3, name="last")(api.layers.Dense(4, name="dense")(embedded)))


def echo(api):
    same = api.Input((4,), name="same")
    return api.Model(same, [same, api.layers.ReLU(name="relu")(same)])


@pytest.mark.parametrize("draw", [two_inputs, shared, masked, echo])
def test_layers_are_keras_s_inputs_first_among_them(draw):
    model, theirs = draw(layercli), draw(keras)
    named = [[(layer.name, type(layer).__name__) for layer in each.layers] for each in (model, theirs)]
    assert named[0] == named[1]
    assert model.output_shape == theirs.output_shape
    assert model.input_shape == theirs.input_shape


def test_the_layer_of_an_input():
    model = drawn()
    first = model.layers[0]
    assert isinstance(first, layers.InputLayer)
    assert first is model.layers[0] is model.get_layer(model.input.name) is model.get_layer(index=0)
    assert first.output is model.input
    assert model.layers[1].input is first.output
    assert model.count_params() == 32
    assert [layer for _, layer in model.children()] == model.layers[1:]


def test_a_model_may_end_at_a_layer():
    model = drawn()
    middle = model.get_layer("middle")
    assert middle.input is model.input
    found = Model(model.inputs, middle.output)(X)
    assert torch.equal(found, middle(X))


@pytest.mark.parametrize("kind", ["Input", "input_shape", "build"])
def test_every_layer_of_a_stack_has_ends(kind):
    first, own = [Input((3,))] if kind == "Input" else [], {"input_shape": (3,)} if kind == "input_shape" else {}
    stack = Sequential([*first, layers.Dense(5, **own), layers.ReLU(), layers.Dense(2)])
    if kind == "build":
        stack.build((None, 3))
    parts = Model(stack.inputs, [layer.output for layer in stack.layers])(X)
    assert [tuple(x.shape) for x in parts] == [(4, 5), (4, 5), (4, 2)]
    assert torch.equal(parts[-1], stack(X))
    assert (stack.input_shape, stack.output_shape) == ((None, 3), (None, 2))


def test_a_stack_without_an_input_has_the_ends_of_its_first_call():
    stack = Sequential([layers.Dense(5), layers.Dense(2)])
    for name in ("inputs", "outputs", "input_shape", "output_shape"):
        with pytest.raises(AttributeError):
            getattr(stack, name)
    for batch in (X, X[:2]):
        expected = stack(batch)
    module = stack.module
    ends = stack.inputs[0].shape, stack.outputs[0].shape, stack.input_shape, stack.output_shape
    assert ends == ((4, 3), (4, 2)) * 2  # what Keras 3.15.1 gives, and the next lines
    assert stack.layers[1].input.shape == stack.layers[0].output.shape == (4, 5)
    assert torch.equal(Model(stack.inputs, stack.layers[1].output)(X[:2]), expected)
    assert stack.module is module
    assert clone_model(stack).input_shape == (4, 3)


def test_a_failed_build_leaves_a_stack_without_inputs():
    stack = Sequential([layers.Dense(5)])
    stack.build()  # without a shape there is nothing to build, as in Keras
    assert not stack.layers[0].built
    with pytest.raises(TypeError):
        stack.build((None, 3), (None, 3))
    with pytest.raises(ShapeError):
        stack.build((3,))
    stack.build((None, 3))
    assert [tuple(x.shape) for x in stack.inputs] == [(None, 3)]


def test_a_layer_that_was_not_called_on_an_input_has_no_ends():
    layer = layers.Dense(2)
    layer(X)
    with pytest.raises(UsageError) as error:
        layer.output  # noqa: B018 - asked for
    assert str(error.value) == f"{layer.name} was not called on an Input, so it has no input and no output"
    with pytest.raises(UsageError):
        Sequential([layers.Dense(2)]).output  # noqa: B018


def test_an_author_may_call_layers_input_and_output():
    class Ends(Model):
        def __init__(self):
            super().__init__()
            self.input = layers.Dense(3)
            self.output = layers.Dense(2)

        def call(self, x):
            return self.output(self.input(x))

    assert [path for path, _ in Ends().children()] == ["input", "output"]
    assert Ends()(X).shape == (4, 2)


def test_a_subclass_of_model_may_be_drawn():
    class Doubled(Model):
        def call(self, inputs):
            return 2 * super().call(inputs)

    inputs = Input((3,))
    outputs = layers.Dense(2)(inputs)
    for model in (Doubled(inputs=inputs, outputs=outputs), Doubled(inputs, outputs, name="twice")):
        assert type(model) is Doubled
        assert torch.equal(model(X), 2 * Model(inputs, outputs)(X))
    assert model.name == "twice"


def test_a_subclass_may_draw_itself():
    class Own(Model):
        def __init__(self, units=2, **kwargs):
            inputs = Input((3,))
            super().__init__(inputs=inputs, outputs=layers.Dense(units)(inputs), **kwargs)

    Own()
    model = Own(4, name="own", trainable=False)
    assert not model.trainable
    assert model(X).shape == (4, 4)
    assert (model.name, model.count_params()) == ("own", 16)
    other = Own.from_config(model.get_config())
    assert (other.name, other.count_params()) == ("own", 16)


def test_the_list_of_one_tensor_is_the_tensor():
    inputs = Input((3,))
    model = Model([inputs], [layers.Dense(2)(inputs)])
    assert isinstance(model(X), torch.Tensor)
    assert torch.equal(model([X]), model(X))
    assert isinstance(model.predict(X, verbose=0), np.ndarray)


def test_names_are_there_once():
    inputs = Input((3,))
    twice = layers.Dense(2, name="same")(layers.Dense(2, name="same")(inputs))
    with pytest.raises(UsageError) as error:
        Model(inputs, twice)
    assert str(error.value) == "the layers and inputs of a model need names of their own, and two are called 'same'"


@pytest.mark.parametrize("make", [lambda x, y: Model(x, y), lambda x, y: Sequential([x, layers.Dense(2)])])
def test_one_number_a_sample_needs_no_axis(make):
    inputs = Input((1,))
    model = make(inputs, layers.Dense(2)(inputs))
    numbers = np.arange(4.0)
    assert torch.equal(model(numbers), model(numbers[:, None]))
    model.compile("sgd", "mse")
    model.fit(numbers, np.zeros((4, 2)), verbose=0)
    assert model.predict(numbers, verbose=0).shape == (4, 2)


def test_another_rank_is_refused():
    inputs = Input((3,), name="row")
    model = Model(inputs, layers.ReLU()(inputs), name="net")
    with pytest.raises(ShapeError) as error:
        model(np.zeros((2, 3, 4), "float32"))
    assert str(error.value) == "net (Functional) expects the input row with 2 axes, got 3 (x = float32[2, 3, 4])"


class Nesting(Model):
    def __init__(self, base, told=None):
        super().__init__()
        self.base, self.told = base, told

    def call(self, x, training=False):
        return self.base(x, training=training if self.told is None else self.told)


@pytest.mark.parametrize("kind", ["stack", "drawn"])
def test_a_nested_model_is_told_how_to_run(kind):
    inputs = Input((3,))
    base = Sequential([layers.Dropout(0.5)]) if kind == "stack" else Model(inputs, layers.Dropout(0.5)(inputs))
    assert base(inputs, training=False).shape[1] == 3
    x = torch.ones(200, 3)
    assert torch.equal(Nesting(base)(x), x)
    assert set(Nesting(base)(x, training=True).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(Nesting(base, told=False)(x, training=True), x)


@pytest.mark.parametrize("kind", ["stack", "drawn"])
def test_a_mask_given_to_a_model_reaches_its_layers(kind):
    lstm, inputs = layers.LSTM(2), Input((4, 3))
    model = Sequential([lstm]) if kind == "stack" else Model(inputs, lstm(inputs))
    x, mask = torch.randn(2, 4, 3), torch.tensor([[True, True, False, False], [True] * 4])
    found = model(x.clone(), mask=mask)
    assert torch.equal(found, lstm(x, mask=mask))
    assert not torch.equal(found, lstm(x))
    assert torch.equal(model(x), lstm(x))


def test_a_layer_put_in_place_of_another_is_the_one_that_counts():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    outer = Sequential([Own()])
    outer(X)
    own = outer.layers[0]
    own.dense = layers.Dense(2)
    outer(X)
    assert own.module.dense.kernel is own.dense.module.kernel
    assert any(p is own.dense.module.kernel for p in outer.module.parameters())


def test_build_may_call_its_supers():
    class Scale(Layer):
        def build(self, input_shape):
            self.scale = self.add_weight("scale", (input_shape[-1],), "ones")
            super().build(input_shape)

        def call(self, x):
            return x * self.scale

    assert torch.equal(Scale()(X), torch.tensor(X))


def test_an_init_that_forgets_its_super():
    class Forgetful(Layer):
        def __init__(self):
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    layer = Forgetful()
    assert layer(X).shape == (4, 2)
    assert layer.name == "forgetful"


def test_variables_made_in_init_have_values_at_once():
    class Count(Layer):
        def __init__(self):
            super().__init__()
            self.total = self.add_weight("total", (2,), "ones", trainable=False)
            self.total.assign(self.total * 3)

        def call(self, x):
            self.total.assign_add(x.sum(0))
            self.total.assign_sub(1.0)
            return self.total * 1

    layer = Count()
    assert layer.losses == []
    assert layer.get_weights()[0].tolist() == [3, 3]
    assert layer(torch.ones(4, 2)).tolist() == [6, 6]
    assert layer.total.numpy().tolist() == [6, 6]
    assert [float(value) for value in layer.total] == [6, 6]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: layers.Dense(2), (4, 3)),
        (lambda: layers.Conv2D(2, 3), (1, 5, 5, 2)),
        (lambda: layers.BatchNormalization(), (4, 3)),
        (lambda: layers.LayerNormalization(), (4, 3)),
        (lambda: layers.LSTM(2), (2, 4, 3)),
        (lambda: layers.EinsumDense("ab,bc->ac", 2), (4, 3)),
    ],
    ids=["Dense", "Conv2D", "BatchNormalization", "LayerNormalization", "LSTM", "EinsumDense"],
)
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_whole_numbers_are_computed_with_as_floats(layer, shape, dtype):
    made = layer()
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    assert torch.equal(made(x), made(x.astype("float32")))


def test_a_torch_module_in_a_layer_is_trained_and_counted():
    class Mixed(Model):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3, 4)
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(torch.relu(self.linear(x)))

    model = Mixed()
    assert model.linear.in_features == 3
    model.compile("sgd", "mse")
    before = model.linear.weight.detach().clone()
    model.fit(X, X.sum(1, keepdims=True), verbose=0)
    assert model.count_params() == 3 * 4 + 4 + 4 + 1
    assert {"linear.weight", "linear.bias"} <= set(model.module.state_dict())
    assert not torch.equal(model.module.state_dict()["linear.weight"], before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_mirror_converted_by_torch_computes_in_that_dtype(dtype):
    inner = Sequential([layers.Dense(4, activation="relu"), layers.BatchNormalization()])
    model = Sequential([layers.Dense(3, input_shape=(3,)), inner, layers.Dense(2)])
    expected = model(X)
    model.module.to(dtype)
    x = torch.tensor(X).to(dtype)
    assert model.module(x).dtype is model(x).dtype is dtype
    torch.testing.assert_close(model(x).float(), expected, rtol=0.05, atol=0.05)
    mixed = layers.Dense(2, dtype="mixed_bfloat16")
    mixed(X)
    mixed.module.float()
    assert mixed(X).dtype is torch.bfloat16


def test_a_tensor_repeated_to_a_size_it_does_not_know():
    class Token(Layer):
        def build(self, input_shape):
            self.token = self.add_weight("token", (1, 1, input_shape[-1]))

        def call(self, x):
            return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)

    assert str(Token()(Input((5, 4))).shape) == "(None, 6, 4)"
    assert Token()(torch.ones(2, 5, 4)).shape == (2, 6, 4)


def test_a_step_written_for_torch_as_keras_shows_it():
    class Stepping(Model):
        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            loss.backward()
            weights = list(self.trainable_weights)
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in weights], weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    def fitted(kind):
        utils.set_random_seed(0)
        inputs = Input((3,))
        hidden = layers.Dense(4, name="hidden")(inputs)
        model = kind(inputs, layers.Dense(1, name="last")(hidden), name="net")
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(X, X.sum(1, keepdims=True), epochs=3, verbose=0, shuffle=False).history
        return history, model.get_weights()

    (usual, weights), (own, others) = fitted(Model), fitted(Stepping)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert own == {name: pytest.approx(usual[name]) for name in ("loss", "mae")}
