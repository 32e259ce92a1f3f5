"""Guide "Save, serialize, and export models": configs, registered classes, weight files, clones."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights


@keras.saving.register_keras_serializable(package="MyLayers")
class Antirectifier(layers.Layer):
    def __init__(self, factor, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.activation = factor, keras.activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(2 * input_shape[-1], input_shape[-1]), name="kernel")

    def call(self, x):
        both = ops.concatenate([ops.relu(x), ops.relu(-x)], axis=-1)
        return self.activation(ops.matmul(both, self.kernel)) * self.factor

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "factor": self.factor, "activation": activation}


@keras.saving.register_keras_serializable(package="my_package", name="scaled_tanh")
def scaled_tanh(x):
    return 2.0 * ops.tanh(x)


x = np.random.default_rng(0).standard_normal((8, 5)).astype("float32")
inputs = keras.Input((5,))
own = Antirectifier(0.5, activation=scaled_tanh, name="own")
model = set_weights(keras.Model(inputs, layers.Dense(2, name="last")(own(inputs)), name="saved"))
model.compile("adam", loss="mse", metrics=["mae"])
model.fit(x, x[:, :2], verbose=0, shuffle=False)
with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    again = keras.models.model_from_json(model.to_json())
    again.load_weights(folder / "model.weights.h5")
again.compile("sgd", loss="mse")
clone = keras.models.clone_model(model)
clone.set_weights(model.get_weights())
config = keras.saving.serialize_keras_object(own)
results = {
    "same": [bool(np.array_equal(model(x).detach(), each(x).detach())) for each in (loaded, again, clone)],
    "config": {k: str(config[k]) for k in ("class_name", "registered_name", "build_config")},
    "own": {k: str(v) for k, v in config["config"].items() if k in ("name", "factor", "trainable")},
    "iterations": int(loaded.optimizer.iterations), "further": loaded.fit(x, x[:, :2], verbose=0).history,
    "predictions": again.predict(x, verbose=0),
}  # fmt: skip
