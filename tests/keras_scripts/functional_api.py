"""Guide "The Functional API": shared layers, several inputs and outputs, skip connections, feature extraction."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)

title = keras.Input(shape=(None,), name="title")
body = keras.Input(shape=(None,), name="body")
tags = keras.Input(shape=(4,), name="tags")
shared = layers.Embedding(20, 6)
title_features = layers.LSTM(5)(shared(title))
body_features = layers.LSTM(4)(shared(body))
x = layers.concatenate([title_features, body_features, tags])
priority = layers.Dense(1, name="priority")(x)
department = layers.Dense(3, name="department")(x)
model = keras.Model(inputs=[title, body, tags], outputs={"priority": priority, "department": department})
set_weights(model)
model.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={
        "priority": keras.losses.BinaryCrossentropy(from_logits=True),
        "department": keras.losses.CategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
)
data = {
    "title": rng.integers(20, size=(12, 5)),
    "body": rng.integers(20, size=(12, 7)),
    "tags": rng.integers(2, size=(12, 4)).astype("float32"),
}
targets = {
    "priority": rng.random((12, 1)).round().astype("float32"),
    "department": np.eye(3, dtype="float32")[rng.integers(3, size=12)],
}
history = model.fit(data, targets, epochs=2, batch_size=4, shuffle=False, verbose=0)

image = keras.Input(shape=(12, 12, 3), name="img")
block1 = layers.Conv2D(4, 3, activation="relu")(image)
y = layers.Conv2D(4, 3, activation="relu", padding="same")(block1)
y = layers.add([y, block1])
y = layers.GlobalAveragePooling2D()(y)
y = layers.Dropout(0.5)(layers.Dense(6, activation="relu")(y))
toy = set_weights(keras.Model(image, layers.Dense(3)(y), name="toy_resnet"))
features = keras.Model(inputs=toy.inputs, outputs=[each.output for each in toy.layers])
average = layers.average([toy(image), toy(ops.flip(image, axis=1))])
ensemble = keras.Model(image, average)
images = rng.standard_normal((2, 12, 12, 3)).astype("float32")

results = {
    "history": history.history,
    "predictions": model.predict(data, verbose=0),
    "parameters": [model.count_params(), toy.count_params(), ensemble.count_params()],
    "features": [ops.convert_to_numpy(each).mean() for each in features(images)],
    "layers": [each.name.rstrip("0123456789").rstrip("_") for each in toy.layers],
    "ensemble": ensemble.predict(images, verbose=0),
}
