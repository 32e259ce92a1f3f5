"""Everyday mistakes, as expressions, with the class of the error that Keras on torch raises, in tests/reference/mistakes.json.

``KERAS_BACKEND=torch python -m tests.keras_mistakes`` asks Keras again for every expression that stands there.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "mistakes.json"


def names_for(keras, folder):
    """Return the names that the expressions use."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(8, 4)).astype("float32"), draw.normal(size=(8, 1)).astype("float32")
    layers = keras.layers
    for name in ("bad.keras", "bad.h5", "bad.weights.h5"):
        Path(folder, name).write_text("x")

    def mlp(outputs=1):
        return keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(outputs)])

    def compiled(outputs=1, loss="mse", optimizer="sgd", **settings):
        model = mlp(outputs)
        model.compile(optimizer=optimizer, loss=loss, **settings)
        return model

    def two_outputs(loss, by_name=False, **settings):
        a = keras.Input((4,))
        outputs = {"p": layers.Dense(1)(a), "q": layers.Dense(1)(a)}
        model = keras.Model(a, outputs if by_name else list(outputs.values()))
        model.compile("sgd", loss, **settings)
        return model

    class Unchanged(layers.Layer):
        def call(self, x):
            return x

    class OwnModel(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    class WrongShape(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(3, 3))

        def call(self, x):
            return keras.ops.matmul(x, self.w)

    class WithArgument(layers.Layer):
        def __init__(self, n):
            super().__init__()

        def call(self, x):
            return x

    class WithoutSuper(layers.Layer):
        def __init__(self):
            self.dense = layers.Dense(2)

    class WeightInCall(layers.Layer):
        def call(self, x):
            return x * self.add_weight(shape=(4,))

    class VariableInCall(layers.Layer):
        def call(self, x):
            self.scale = keras.Variable(np.ones(4, "float32"))
            return x * self.scale

    class Holds(layers.Layer):
        def __init__(self, held, **given):
            super().__init__(**given)
            self.held = held

        def call(self, x):
            return x

        def get_config(self):
            return {**super().get_config(), "held": self.held}

    def saved(model, name):
        path = f"{folder}/{name}"
        (model.save_weights if ".weights." in name else model.save)(path)
        return path

    def sequential(*parts):
        return keras.Sequential([keras.Input((4,)), *parts])

    return {
        "keras": keras, "layers": layers, "ops": keras.ops, "np": np, "X": x, "Y": y, "CLASSES": np.arange(8) % 3,
        "FOLDER": folder, "Input": lambda *shape, **given: keras.Input(shape, **given), "mlp": mlp, "compiled": compiled,
        "fit": lambda model, *args, **given: model.fit(*args, verbose=0, **given), "two_outputs": two_outputs,
        "Unchanged": Unchanged, "OwnModel": OwnModel, "WrongShape": WrongShape, "WithArgument": WithArgument,
        "WithoutSuper": WithoutSuper, "Uncalled": type("Uncalled", (layers.Layer,), {}),
        "UncalledModel": type("UncalledModel", (keras.Model,), {}), "saved": saved, "sequential": sequential,
        "built": lambda layer: (layer(x), layer)[1], "quantized": lambda model: (model.quantize("int8"), model)[1],
        "WeightInCall": WeightInCall, "VariableInCall": VariableInCall, "Holds": Holds, "ONE": keras.Variable(1.0),
        "THREE": keras.Variable(np.ones(3, "float32")),
        "ADAM": keras.optimizers.Adam, "SCHEDULE": keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.1),
    }  # fmt: skip


def error_of(expression, names):
    """Return the error that an expression raises, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            eval(expression, dict(names))
        except Exception as error:
            return error
    return None


def of_keras():
    """Return the classes of Keras's errors by expression, empty where it raises none, asked of Keras itself."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        names = names_for(keras, folder)
        found = {each: error_of(each, names) for each in json.loads(RECORD.read_text())}
    return {each: "" if error is None else type(error).__name__ for each, error in found.items()}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(of_keras(), indent=0, sort_keys=True) + "\n")
