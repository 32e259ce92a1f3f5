"""Example "Bidirectional LSTM on IMDB": two bidirectional layers over embedded words."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = keras.utils.pad_sequences([rng.integers(1, 25, n) for n in rng.integers(2, 12, 12)], maxlen=8)
y = rng.integers(0, 2, 12).astype("float32")
inputs = keras.Input(shape=(None,), dtype="int32")
h = layers.Embedding(25, 6)(inputs)
h = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(h)
h = layers.Bidirectional(layers.LSTM(4))(h)
model = set_weights(keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h)))
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
history = model.fit(x, y, batch_size=6, epochs=2, validation_data=(x, y), shuffle=False, verbose=0)
results = {"history": history.history, "predictions": model.predict(x, verbose=0), "count": model.count_params()}
