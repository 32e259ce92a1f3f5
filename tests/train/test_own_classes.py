"""Classes of one's own in ``.keras`` files: saved by their arguments or get_config, found by name, never imported."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from keras_parity import close
from keras_parity import real_keras as keras

import layercli
from layercli import layers, saving
from layercli.errors import FormatError, LayercliError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((8, 6)).astype("float32")
Y = RNG.standard_normal((8, 2)).astype("float32")
TOKENS = RNG.integers(0, 9, (4, 5)).astype("int32")


class Scale(layercli.Layer):
    """Fields are its config."""

    factor: float = 2.0

    def build(self, input_shape):
        self.offset = self.add_weight("offset", shape=(input_shape[-1],))

    def call(self, inputs):
        return inputs * self.factor + self.offset


class Net(layercli.Model):
    """A constructor, no get_config: its arguments are captured."""

    def __init__(self, units, activation="relu"):
        super().__init__()
        self.hidden = layers.Dense(units, activation=activation)
        self.scale = Scale(0.5)
        self.out = layers.Dense(2)

    def call(self, x):
        return self.out(self.scale(self.hidden(x)))


class Written(layercli.Model):
    """A get_config as Keras's users write it, and a layer among the arguments."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.out = layers.Dense(2)

    def call(self, x):
        return self.out(self.inner(x))

    def get_config(self):
        return {**super().get_config(), "inner": saved(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def saved(layer):
    from layercli.saving.serialization import config_of

    return config_of(layer)


class Tokens(layercli.Model):
    """Takes integers, two inputs, and builds itself from both."""

    def setup(self):
        self.table = layers.Embedding(9, 4)

    def call(self, inputs):
        return self.table(inputs[0]) + self.table(inputs[1])


class Tower(layercli.Sequential):
    """A stack with a constructor of its own."""

    def __init__(self, units, **kwargs):
        super().__init__([layers.Dense(units), layers.Dense(2)], **kwargs)


def cubed(x):
    return x**3


OWN = {"Net": Net, "Scale": Scale, "Written": Written, "Tokens": Tokens, "Tower": Tower, "cubed": cubed}


def inner():
    inputs = layercli.Input((6,))
    return layercli.Model(inputs, layers.Dense(3)(inputs) * 2.0, name="inner")


MAKERS = {
    "arguments": (lambda: Net(5), X),
    "a function of one's own": (lambda: Net(5, cubed), X),
    "get_config": (lambda: Written(inner(), name="written"), X),
    "two inputs of integers": (Tokens, [TOKENS, TOKENS[::-1].copy()]),
    "a stack": (lambda: Tower(3), X),
    "a layer in a stack": (lambda: layercli.Sequential([layers.Dense(3), Scale(3.0)]), X),
    "a model in a wrapper": (lambda: layercli.Sequential([layers.TimeDistributed(inner())]), np.stack([X, X])),
}


@pytest.mark.parametrize("name", MAKERS)
def test_saved_and_loaded_it_gives_the_same(name, tmp_path):
    make, x = MAKERS[name]
    model = make()
    expected = model.predict(x)
    model.save(tmp_path / "m.keras")
    again = layercli.load_model(tmp_path / "m.keras", custom_objects=OWN)
    assert type(again) is type(model)
    assert again.name == model.name
    assert np.array_equal(again.predict(x), expected)


def test_it_goes_on_training_as_if_it_had_not_stopped(tmp_path):
    layercli.core.naming.clear_session()
    model = Net(5)
    model.compile(layercli.optimizers.Adam(0.01), "mse")
    whole = model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    model.save(tmp_path / "m.keras")
    again = layercli.load_model(tmp_path / "m.keras", custom_objects=OWN)
    more = {"epochs": 4, "initial_epoch": 2, "batch_size": 4, "verbose": 0}
    assert again.fit(X, Y, **more).history["loss"] == model.fit(X, Y, **more).history["loss"]
    assert whole.history["loss"]


def of_keras():
    """The same two classes over Keras: a file of weights goes by the names of classes."""

    class Scale(keras.layers.Layer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, input_shape):
            self.offset = self.add_weight(name="offset", shape=(input_shape[-1],))

        def call(self, inputs):
            return inputs * self.factor + self.offset

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    class Net(keras.Model):
        def __init__(self, units, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.hidden = keras.layers.Dense(units, activation=activation)
            self.scale = Scale(0.5)
            self.out = keras.layers.Dense(2)

        def call(self, x):
            return self.out(self.scale(self.hidden(x)))

    return {"Net": Net, "Scale": Scale}


def test_keras_loads_it_with_its_own_class_of_that_name_and_the_other_way_round(tmp_path):
    theirs = of_keras()
    model = Net(5)
    model.predict(X)
    model.save(tmp_path / "ours.keras")
    close(np.asarray(keras.models.load_model(tmp_path / "ours.keras", custom_objects=theirs)(X)), model.predict(X))
    inputs = keras.Input((6,))
    drawn = keras.Model(inputs, theirs["Scale"](3.0)(keras.layers.Dense(4)(inputs)))
    drawn.save(tmp_path / "theirs.keras")
    ours = layercli.load_model(tmp_path / "theirs.keras", custom_objects=OWN)
    close(ours.predict(X), np.asarray(drawn(X)))


def test_registered_classes_and_functions_are_found_by_their_full_name(tmp_path):
    @saving.register_keras_serializable(package="test")
    class Registered(Scale):
        """A layer."""

    @saving.register_keras_serializable("test", "distance")
    def far(y_true, y_pred):
        return abs(y_true - y_pred)

    assert saving.get_registered_name(Registered) == "test>Registered"
    assert saving.get_registered_object("test>distance") is far
    assert saving.get_registered_object("distance") is None
    model = layercli.Sequential([layercli.Input((6,)), Registered(), layers.Dense(2)])
    model.compile("sgd", far, metrics=[far])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "m.keras").read("config.json"))
    assert config["config"]["layers"][1]["registered_name"] == "test>Registered"
    again = layercli.load_model(tmp_path / "m.keras")
    assert type(again.layers[0]) is Registered
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_a_scope_names_classes_while_it_is_open(tmp_path):
    model = layercli.Sequential([layercli.Input((6,)), Scale()])
    model.save(tmp_path / "m.keras")
    with saving.custom_object_scope({"Scale": Scale}):
        assert type(layercli.load_model(tmp_path / "m.keras").layers[0]) is Scale
    with pytest.raises(FormatError) as raised:
        layercli.load_model(tmp_path / "m.keras")
    assert str(raised.value) == f"{tmp_path}/m.keras holds a Scale, which layercli does not make from a file"
    assert raised.value.hint == (
        "a class of your own is given as custom_objects={'Scale': Scale}, or --custom FILE.py:Scale"
    )


def test_a_class_of_ones_own_is_not_taken_for_keras_s_of_that_name(tmp_path):
    class Dense(layercli.Layer):
        """Another one."""

        def call(self, inputs):
            return inputs + 1.0

    layercli.Sequential([layercli.Input((6,)), Dense()], name="m").save(tmp_path / "m.keras")
    with pytest.raises(FormatError) as raised:
        layercli.load_model(tmp_path / "m.keras")
    assert str(raised.value) == f"{tmp_path}/m.keras holds a Dense, which layercli does not make from a file"
    again = layercli.load_model(tmp_path / "m.keras", custom_objects={"Dense": Dense})
    assert np.array_equal(again.predict(X), X + 1)


def test_named_models_need_nobody_s_help(tmp_path):
    from layercli.sources.resolve import resolve

    model = resolve("mlp").model
    expected = model.predict(np.ones((2, *model.example_input().shape[1:]), "float32"))
    model.save(tmp_path / "m.keras")
    again = layercli.load_model(tmp_path / "m.keras")
    assert np.array_equal(again.predict(np.ones((2, *model.example_input().shape[1:]), "float32")), expected)


def test_settings_that_make_no_such_layer(tmp_path):
    class Needs(layercli.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

        def call(self, inputs):
            return inputs

        def get_config(self):
            return {"name": self.name}

    layercli.Sequential([layercli.Input((6,)), Needs(3)]).save(tmp_path / "m.keras")
    with pytest.raises(FormatError) as raised:
        layercli.load_model(tmp_path / "m.keras", custom_objects={"Needs": Needs})
    assert str(raised.value).partition(": ")[2] == (
        "a Needs cannot be made of its settings 'name': "
        "test_settings_that_make_no_such_layer.<locals>.Needs.__init__() missing 1 required positional argument: 'units'"
    )
    assert raised.value.hint == "give Needs a from_config that takes what its get_config gave"


def test_what_has_no_config_is_not_registered():
    with pytest.raises(LayercliError) as raised:
        saving.register_keras_serializable()(int)
    assert str(raised.value) == "int cannot be registered: it has no get_config method"


class Rated(layercli.Model):
    """Its compile takes other arguments, which it writes and reads itself, as Keras's guide on saving shows."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(2)

    def call(self, inputs):
        return self.out(inputs)

    def compile(self, model_optimizer, loss_fn):
        super().compile(optimizer=model_optimizer, loss=loss_fn)
        self.given = {"model_optimizer": model_optimizer, "loss_fn": loss_fn}

    def get_compile_config(self):
        return self.given

    def compile_from_config(self, config):
        self.compile(**{name: saving.deserialize_keras_object(value) for name, value in config.items()})


def test_a_file_holds_the_arguments_of_a_compile_of_ones_own(tmp_path):
    model = Rated()
    model.compile(layercli.optimizers.SGD(0.25, momentum=0.5), layercli.losses.Huber(0.5))
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "net.keras")
    loaded = saving.load_model(tmp_path / "net.keras", {"Rated": Rated})
    assert float(loaded.optimizer.learning_rate) == 0.25
    assert loaded.given["loss_fn"].delta == 0.5
    first, again = (net.fit(X, Y, verbose=0, shuffle=False).history["loss"] for net in (model, loaded))
    assert first == again
    assert np.array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))  # the momentum was in the file
