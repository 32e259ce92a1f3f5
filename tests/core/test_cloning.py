"""Models made again: clones, and models of the JSON that others gave."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from keras_parity import real_keras as keras

import layercli
from layercli import Input, Model, Sequential, layers, models
from layercli.errors import FormatError, UsageError

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def stacked(api):
    return api.Sequential([api.Input((3,)), api.layers.Dense(4, activation="relu"), api.layers.Dense(2)], name="stack")


def drawn(api):
    inputs = api.Input((3,), name="x")
    shared = api.layers.Dense(3, name="shared")
    twice = shared(shared(inputs) * 2.0)
    return api.Model(inputs, {"sum": twice + inputs, "last": api.layers.Dense(1, name="last")(twice)}, name="drawn")


@pytest.mark.parametrize("make", [stacked, drawn])
def test_a_clone_computes_the_same_with_the_same_weights(make):
    model = make(layercli)
    clone = models.clone_model(model)
    assert clone.name == model.name
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not {id(v) for v in clone.variables} & {id(v) for v in model.variables}
    clone.set_weights([weight + 1 for weight in model.get_weights()])
    before = model.get_weights()
    clone.set_weights(before)
    ours, again = model(X), clone(X)
    for key in ours if isinstance(ours, dict) else [...]:
        assert torch.equal(ours[key], again[key])


def test_a_clone_of_other_layers():
    def double(layer):
        settings = layer.get_config()
        return layers.Dense.from_config({**settings, "units": 2 * settings["units"]})

    assert models.clone_model(stacked(layercli), clone_function=double).output_shape == (None, 4)
    theirs = keras.models.clone_model(
        stacked(keras), clone_function=lambda layer: keras.layers.Dense(2 * layer.units, name=layer.name)
    )
    assert theirs.output_shape == (None, 4)


def test_a_clone_on_given_tensors():
    given = Input((3,), name="given")
    for make in (stacked, drawn):
        clone = models.clone_model(make(layercli), input_tensors=given)
        assert clone.inputs[0] is given


class Own(Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_a_model_of_one_s_own_class_is_cloned_by_its_config():
    model = Own(4, name="mine")
    model(X)
    clone = models.clone_model(model, recursive=True)
    assert (type(clone), clone.units, clone.name, clone.built) == (Own, 4, "mine", True)
    assert [v.shape for v in clone.variables] == [(3, 4), (4,)]
    assert not {id(v) for v in clone.variables} & {id(v) for v in model.variables}
    assert models.clone_model(Own(2)).units == 2


def test_what_cannot_be_cloned():
    with pytest.raises(UsageError) as error:
        models.clone_model(Own(2), clone_function=lambda layer: layer)
    assert str(error.value) == (
        "clone_model takes input_tensors and functions for a Sequential or a model drawn from Input, and Own is neither"
    )
    with pytest.raises(UsageError) as error:
        models.clone_model(drawn(layercli), input_tensors=[Input((3,)), Input((3,))])
    assert str(error.value) == "clone_model expects 1 input tensors, got 2"


@pytest.mark.parametrize("make", [stacked, drawn])
def test_json_goes_both_ways_with_keras(make):
    ours, theirs = make(layercli), make(keras)
    again = models.model_from_json(theirs.to_json())
    assert [layer.name for layer in again.layers] == [layer.name for layer in theirs.layers]
    back = keras.models.model_from_json(ours.to_json(indent=1))
    assert back.count_params() == ours.count_params()
    assert json.loads(models.model_from_json(ours.to_json()).to_json()) == json.loads(ours.to_json())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the JSON has a config that is not JSON"),
        ("[]", "the JSON describes a layer without its class_name"),
        (
            '{"class_name": "Dense", "config": {"units": 2}, "module": "keras.layers"}',
            "the JSON holds a Dense, which is not a model",
        ),
    ],
)
def test_json_that_is_no_model(text, message):
    with pytest.raises(FormatError) as error:
        models.model_from_json(text)
    assert str(error.value) == message


def test_keras_s_names_beside_the_named_models():
    assert models.Sequential is Sequential
    assert models.Model is Model
    assert models.load_model is layercli.load_model
    with pytest.raises(AttributeError) as error:
        models.nothing  # noqa: B018
    assert str(error.value) == "layercli.models has no 'nothing'"


def test_a_function_in_a_layer_is_cloned_without_a_name():
    inputs = Input((3,))
    model = Model(inputs, layers.Lambda(lambda x: 2 * x)(inputs))
    assert torch.equal(models.clone_model(model)(X), 2 * torch.from_numpy(X))


def test_a_registered_function_is_found_by_its_full_name():
    @layercli.saving.register_keras_serializable(package="tests")
    def thrice(x):
        return 3 * x

    layer = layers.Lambda(thrice)
    assert layers.Lambda.from_config(layer.get_config()).function is thrice


def test_a_clone_draws_values_of_its_own_and_a_seed_draws_them_again():
    def built():
        model = stacked(layercli)
        return [each.get_weights()[0] for each in (model, models.clone_model(model), stacked(layercli))]

    layercli.utils.set_random_seed(3)
    first = built()
    layercli.utils.set_random_seed(3)
    again = built()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({each.tobytes() for each in first}) == 3
    layercli.utils.set_random_seed(3)
    one = layers.Dense(2)
    one.build((None, 3))
    layercli.utils.set_random_seed(3)
    two = layers.Dense(2)  # has another name
    two.build((None, 3))
    layercli.utils.set_random_seed(4)  # the first use is no other draw
    assert np.array_equal(one.kernel, two.kernel)
    layercli.utils.set_random_seed(3)
    three = layers.Dense(2)
    three(np.ones((1, 3)))
    assert np.array_equal(one.kernel, three.kernel)
