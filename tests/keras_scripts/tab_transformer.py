"""Example "Structured data learning with TabTransformer": contextual embeddings of columns, AdamW, weighted samples."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
data = {
    "age": rng.standard_normal(20).astype("float32"),
    "gain": rng.standard_normal(20).astype("float32"),
    "work": rng.integers(0, 4, 20).astype("float32"),
    "race": rng.integers(0, 3, 20).astype("float32"),
}
y, weights = rng.integers(0, 2, (20, 1)).astype("float32"), rng.random((20, 1)).astype("float32")


def create_mlp(hidden_units, activation, normalization_layer, name=None):
    mlp_layers = []
    for units in hidden_units:
        mlp_layers += [normalization_layer(), layers.Dense(units, activation=activation), layers.Dropout(0.0)]
    return keras.Sequential(mlp_layers, name=name)


inputs = {name: layers.Input(name=name, shape=(), dtype="float32") for name in data}
encoded = [layers.Embedding(size, 4)(inputs[name]) for name, size in (("work", 4), ("race", 3))]
numerical = layers.concatenate([ops.expand_dims(inputs[name], -1) for name in ("age", "gain")])
columns = ops.stack(encoded, axis=1)
columns = columns + ops.cast(np.eye(2, 4), "float32")
for block in range(2):
    attention = layers.MultiHeadAttention(2, 4, dropout=0.0, name=f"multihead_attention_{block}")(columns, columns)
    x = layers.Add(name=f"skip_connection1_{block}")([attention, columns])
    x = layers.LayerNormalization(name=f"layer_norm1_{block}", epsilon=1e-6)(x)
    feedforward = create_mlp(
        [4], keras.activations.gelu, lambda: layers.LayerNormalization(epsilon=1e-6), name=f"feedforward_{block}"
    )(x)
    x = layers.Add(name=f"skip_connection2_{block}")([feedforward, x])
    columns = layers.LayerNormalization(name=f"layer_norm2_{block}", epsilon=1e-6)(x)
features = layers.concatenate([layers.Flatten()(columns), layers.LayerNormalization(epsilon=1e-6)(numerical)])
features = create_mlp([8, 4], keras.activations.selu, layers.BatchNormalization, name="MLP")(features)
model = keras.Model(inputs, layers.Dense(units=1, activation="sigmoid", name="sigmoid")(features))
set_weights(model)
optimizer = keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001)
model.compile(optimizer, keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.BinaryAccuracy(name="accuracy")])
history = model.fit(data, y, sample_weight=weights, epochs=2, batch_size=10, shuffle=False, verbose=0).history
results = {"history": history, "predictions": model.predict(data, verbose=0), "count": model.count_params()}
