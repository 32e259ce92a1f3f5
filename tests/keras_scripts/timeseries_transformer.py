"""Example "Timeseries classification with a Transformer model": residual blocks of attention and 1-D convolutions."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.standard_normal((12, 10, 1)).astype("float32"), rng.integers(0, 2, 12)


def transformer_encoder(inputs, head_size, num_heads, ff_dim, dropout=0):
    x = layers.MultiHeadAttention(key_dim=head_size, num_heads=num_heads, dropout=dropout)(inputs, inputs)
    x = layers.Dropout(dropout)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    res = x + inputs
    x = layers.Conv1D(filters=ff_dim, kernel_size=1, activation="relu")(res)
    x = layers.Dropout(dropout)(x)
    x = layers.Conv1D(filters=inputs.shape[-1], kernel_size=1)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return x + res


inputs = keras.Input(shape=(10, 1))
h = layers.Conv1D(4, 3, padding="causal")(inputs)
for _ in range(2):
    h = transformer_encoder(h, 8, 2, 4)
h = layers.GlobalAveragePooling1D(data_format="channels_last")(h)
for dim in [8]:
    h = layers.Dense(dim, activation="relu")(h)
outputs = layers.Dense(2, activation="softmax")(h)
model = set_weights(keras.Model(inputs, outputs))
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    metrics=["sparse_categorical_accuracy"],
)
early = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
fit = {"validation_split": 0.2, "epochs": 2, "batch_size": 4, "callbacks": [early], "shuffle": False, "verbose": 0}
results = {
    "history": model.fit(x, y, **fit).history,
    "evaluated": model.evaluate(x, y, verbose=0),
    "predictions": model.predict(x[:4], verbose=0),
}
