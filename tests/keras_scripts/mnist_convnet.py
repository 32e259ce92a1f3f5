"""Example "Simple MNIST convnet"."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = np.expand_dims(rng.integers(0, 256, (40, 14, 14)).astype("float32") / 255, -1)
y = keras.utils.to_categorical(rng.integers(0, 4, 40), 4)
model = keras.Sequential(
    [
        keras.Input(shape=(14, 14, 1)),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.0),
        layers.Dense(4, activation="softmax"),
    ]
)
set_weights(model)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(x, y, batch_size=8, epochs=2, validation_split=0.1, shuffle=False, verbose=0)
results = {
    "history": history.history,
    "score": model.evaluate(x, y, verbose=0),
    "predictions": model.predict(x[:3], verbose=0),
    "count": model.count_params(),
}
