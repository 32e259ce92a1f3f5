"""Example "Image segmentation with a U-Net-like architecture": a PyDataset, transposed convolutions, a pixelwise loss."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights


class Pictures(keras.utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        rng = np.random.default_rng(0)
        self.images = rng.random((8, 16, 16, 3)).astype("float32")
        self.targets = rng.integers(0, 3, (8, 256, 1)).astype("uint8")

    def __len__(self):
        return 2

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return self.images[part], self.targets[part]


def get_model(img_size, num_classes):
    inputs = keras.Input(shape=(*img_size, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous = x
    for filters in [6, 8]:
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = layers.add([x, layers.Conv2D(filters, 1, strides=2, padding="same")(previous)])
        previous = x
    for filters in [8, 6, 4]:
        x = layers.Activation("relu")(x)
        x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same")(x)
        x = layers.BatchNormalization()(x)
        residual = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(previous)
        x = layers.add([x, residual])
        previous = x
    scores = layers.Reshape((-1, num_classes))(layers.Conv2D(num_classes, 3, padding="same")(x))
    return keras.Model(inputs, layers.Activation("softmax")(scores))


model = set_weights(get_model((16, 16), 3))
model.compile(optimizer=keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
data = Pictures()
history = model.fit(data, epochs=2, validation_data=data, shuffle=False, verbose=0)
iou = keras.metrics.MeanIoU(num_classes=3, sparse_y_pred=False)
iou.update_state(data.targets[..., 0], model.predict(data, verbose=0))
results = {
    "history": history.history,
    "iou": iou.result(),
    "predictions": model.predict(data, verbose=0)[0, :9],
    "shape": list(model.output_shape[1:]),
}
