"""Example "Classification with Gated Residual and Variable Selection Networks": nested own layers over a list of features."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
data = {f"f{i}": rng.standard_normal((20, 1)).astype("float32") for i in range(3)}
y, weights = rng.integers(0, 2, 20), rng.random(20).astype("float32")


class GatedLinearUnit(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.linear, self.sigmoid = layers.Dense(units), layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        return self.linear(inputs) * self.sigmoid(inputs)

    def build(self, input_shape):
        self.built = True


class GatedResidualNetwork(layers.Layer):
    def __init__(self, units, dropout_rate):
        super().__init__()
        self.units = units
        self.elu_dense, self.linear_dense = layers.Dense(units, activation="elu"), layers.Dense(units)
        self.dropout = layers.Dropout(dropout_rate)
        self.gated_linear_unit, self.layer_norm = GatedLinearUnit(units), layers.LayerNormalization()
        self.project = layers.Dense(units)

    def call(self, inputs):
        x = self.dropout(self.linear_dense(self.elu_dense(inputs)))
        if inputs.shape[-1] != self.units:
            inputs = self.project(inputs)
        return self.layer_norm(inputs + self.gated_linear_unit(x))

    def build(self, input_shape):
        self.built = True


class VariableSelection(layers.Layer):
    def __init__(self, num_features, units, dropout_rate):
        super().__init__()
        self.grns = [GatedResidualNetwork(units, dropout_rate) for _ in range(num_features)]
        self.grn_concat = GatedResidualNetwork(units, dropout_rate)
        self.softmax = layers.Dense(units=num_features, activation="softmax")

    def call(self, inputs):
        v = self.grn_concat(layers.concatenate(inputs))
        v = ops.expand_dims(self.softmax(v), axis=-1)
        x = ops.stack([grn(each) for grn, each in zip(self.grns, inputs, strict=True)], axis=1)
        return ops.squeeze(ops.matmul(ops.transpose(v, axes=[0, 2, 1]), x), axis=1)

    def build(self, input_shape):
        self.built = True


inputs = {name: layers.Input(shape=(1,), name=name) for name in data}
features = VariableSelection(3, 6, 0.0)([layers.Dense(4)(each) for each in inputs.values()])
model = keras.Model(inputs, layers.Dense(units=1, activation="sigmoid")(features))
model(data)
set_weights(model)
model.compile("adam", loss=keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.BinaryAccuracy(name="accuracy")])
history = model.fit(data, y, sample_weight=weights, epochs=2, batch_size=5, shuffle=False, verbose=0).history
results = {"history": history, "predictions": model.predict(data, verbose=0), "count": len(model.weights)}
