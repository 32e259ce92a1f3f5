"""Example "Sequence to sequence learning for performing number addition": RepeatVector between two recurrent layers."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
chars = "0123456789+ "


def encode(text, rows):
    return keras.utils.to_categorical([chars.index(c) for c in text.ljust(rows)], len(chars))


pairs = rng.integers(0, 100, (24, 2))
x = np.array([encode(f"{a}+{b}"[::-1], 5) for a, b in pairs])
y = np.array([encode(str(a + b), 3) for a, b in pairs])
model = keras.Sequential()
model.add(layers.Input((5, len(chars))))
model.add(layers.LSTM(10))
model.add(layers.RepeatVector(3))
model.add(layers.LSTM(10, return_sequences=True))
model.add(layers.TimeDistributed(layers.Dense(len(chars), activation="softmax")))
set_weights(model)
model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"])
losses = [
    model.fit(
        x[:20], y[:20], batch_size=5, epochs=1, validation_data=(x[20:], y[20:]), shuffle=False, verbose=0
    ).history
    for _ in range(2)
]
guesses = np.argmax(model.predict(x, verbose=0), axis=-1)
results = {"losses": losses, "guesses": ["".join(chars[i] for i in row) for row in guesses], "shape": list(y.shape)}
