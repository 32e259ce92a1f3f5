"""Guide "Transfer learning and fine-tuning": frozen layers, inference mode of BatchNormalization, then fine-tuning."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images, labels = rng.random((16, 16, 16, 3)).astype("float32"), rng.integers(0, 2, (16, 1)).astype("float32")


def base():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.Activation("relu")(x)
    x = layers.SeparableConv2D(6, 3, name="middle")(x)
    return keras.Model(inputs, layers.BatchNormalization(name="last_bn")(x), name="base")


base_model = set_weights(base())
base_model.trainable = False
inputs = keras.Input(shape=(16, 16, 3))
x = layers.Rescaling(scale=2.0, offset=-1)(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.0)(x)
head = layers.Dense(1)
model = keras.Model(inputs, head(x))
set_weights(head)
counts = [[len(model.trainable_weights), len(model.non_trainable_weights)]]
loss, metrics = keras.losses.BinaryCrossentropy(from_logits=True), [keras.metrics.BinaryAccuracy()]
model.compile(keras.optimizers.Adam(0.05), loss=loss, metrics=metrics)
frozen = [w.numpy().copy() for w in base_model.weights] if hasattr(base_model.weights[0], "numpy") else []
first = model.fit(images, labels, epochs=2, batch_size=8, shuffle=False, verbose=0).history
unchanged = [bool(np.array_equal(a, b)) for a, b in zip(frozen, base_model.get_weights(), strict=True)]

base_model.trainable = True
for layer in base_model.layers:
    layer.trainable = not isinstance(layer, layers.BatchNormalization) and layer.name != "stem"
counts.append([len(model.trainable_weights), len(model.non_trainable_weights)])
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
second = model.fit(images, labels, epochs=2, batch_size=8, shuffle=False, verbose=0).history

results = {
    "counts": counts,
    "first": first,
    "unchanged": unchanged,
    "second": second,
    "moving": [w for w, v in zip(base_model.get_weights(), base_model.weights, strict=True) if "moving" in v.path],
    "predictions": model.predict(images[:4], verbose=0),
}
