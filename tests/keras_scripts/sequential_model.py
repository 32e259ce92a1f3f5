"""Guide "The Sequential model": add and pop, deferred build, features of every layer."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.standard_normal((3, 4)).astype("float32")

model = keras.Sequential(name="my_sequential")
model.add(layers.Dense(2, activation="relu", name="layer1"))
model.add(layers.Dense(3, activation="relu", name="layer2"))
model.add(layers.Dense(4, name="layer3"))
before = model.built
model.pop()
model.build((None, 4))
set_weights(model)
y = model(x)

pictures = keras.Sequential(
    [
        keras.Input(shape=(20, 20, 3)),
        layers.Conv2D(4, 5, strides=2, activation="relu"),
        layers.Conv2D(4, 3, activation="relu", name="my_intermediate_layer"),
        layers.MaxPooling2D(2),
    ]
)
pictures.add(layers.Conv2D(4, 2, activation="relu"))
pictures.add(layers.GlobalMaxPooling2D())
pictures.add(layers.Dense(5))
set_weights(pictures)
extractor = keras.Model(inputs=pictures.inputs, outputs=pictures.get_layer(name="my_intermediate_layer").output)
images = ops.ones((1, 20, 20, 3))

results = {
    "built": [before, model.built],
    "names": [each.name for each in model.layers],
    "weights": [list(each.shape) for each in model.weights],
    "paths": [each.path for each in model.weights],
    "y": y,
    "shapes": [str(each.shape) for each in pictures.outputs],
    "features": ops.mean(extractor(images), axis=(1, 2)),
    "logits": pictures(images),
    "parameters": pictures.count_params(),
}
