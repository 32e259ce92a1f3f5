"""Example "Structured data learning with Wide, Deep, and Cross networks": dict inputs, CategoryEncoding, a cross layer by hand."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
data = {
    "elevation": rng.standard_normal((24, 1)).astype("float32"),
    "slope": rng.standard_normal((24, 1)).astype("float32"),
    "soil": rng.integers(0, 5, (24, 1)).astype("int32"),
    "area": rng.integers(0, 3, (24, 1)).astype("int32"),
}
y = rng.integers(0, 3, 24)
sizes = {"soil": 5, "area": 3}


def create_model_inputs():
    return {name: layers.Input(name=name, shape=(1,), dtype="int32" if name in sizes else "float32") for name in data}


def encode_inputs(inputs, use_embedding=False):
    encoded = []
    for name, value in inputs.items():
        if name not in sizes:
            encoded.append(value)
        elif use_embedding:
            embedding = layers.Embedding(input_dim=sizes[name], output_dim=3)
            encoded.append(layers.Reshape((3,))(embedding(value)))
        else:
            encoded.append(layers.CategoryEncoding(num_tokens=sizes[name], output_mode="one_hot")(value))
    return layers.concatenate(encoded)


inputs = create_model_inputs()
wide = layers.BatchNormalization()(encode_inputs(inputs))
deep = encode_inputs(inputs, use_embedding=True)
x0 = cross = deep
for units in (8, 6):
    deep = layers.Dense(units)(deep)
    deep = layers.BatchNormalization()(deep)
    deep = layers.ReLU()(deep)
    deep = layers.Dropout(0.0)(deep)
for _ in range(2):
    cross = x0 * layers.Dense(cross.shape[-1])(cross) + cross
merged = layers.concatenate([wide, deep, layers.BatchNormalization()(cross)])
model = set_weights(keras.Model(inputs=inputs, outputs=layers.Dense(units=3, activation="softmax")(merged)))
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
results = {
    "history": model.fit(data, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history,
    "evaluated": model.evaluate(data, y, verbose=0),
    "predictions": model.predict(data, verbose=0)[:4],
    "count": model.count_params(),
}
