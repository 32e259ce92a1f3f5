"""Example "Supervised Contrastive Learning": an n-pairs loss on projected features, then a classifier on a frozen encoder."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.random((24, 8, 8, 1)).astype("float32"), rng.integers(0, 3, (24, 1))


class SupervisedContrastiveLoss(keras.losses.Loss):
    def __init__(self, temperature=1, name=None):
        super().__init__(name=name)
        self.temperature = temperature

    def __call__(self, labels, feature_vectors, sample_weight=None):
        normalized = keras.utils.normalize(feature_vectors, axis=1, order=2)
        logits = ops.divide(ops.matmul(normalized, ops.transpose(normalized)), self.temperature)
        return npairs_loss(ops.squeeze(labels), logits)


def npairs_loss(y_true, y_pred):
    y_pred = ops.cast(y_pred, "float32")
    y_true = ops.cast(y_true, y_pred.dtype)
    y_true = ops.cast(ops.equal(y_true[:, None], y_true[None, :]), y_pred.dtype)
    y_true = y_true / ops.sum(y_true, 1, keepdims=True)
    return ops.mean(ops.categorical_crossentropy(y_true, y_pred, from_logits=True))


def create_encoder():
    inputs = keras.Input(shape=(8, 8, 1))
    normalization = layers.Normalization()
    normalization.adapt(x)
    h = layers.Conv2D(6, 3, activation="swish")(normalization(inputs))
    return set_weights(keras.Model(inputs, layers.GlobalAveragePooling2D()(h), name="encoder"))


encoder = create_encoder()
inputs = keras.Input(shape=(8, 8, 1))
projection = layers.Dense(units=5, activation="relu")
with_head = keras.Model(inputs, projection(encoder(inputs)), name="encoder_with_projection_head")
set_weights(projection)
with_head.compile(optimizer=keras.optimizers.Adam(0.01), loss=SupervisedContrastiveLoss(0.5))
pretraining = with_head.fit(x=x, y=y, batch_size=8, epochs=2, shuffle=False, verbose=0).history

for layer in encoder.layers:
    layer.trainable = False
last = layers.Dense(3, activation="softmax")
classifier = keras.Model(inputs, last(layers.Dropout(0.0)(encoder(inputs))), name="classifier")
set_weights(last)
classifier.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
history = classifier.fit(x=x, y=y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
results = {
    "pretraining": pretraining, "history": history, "trainable": len(classifier.trainable_weights),
    "features": encoder.predict(x[:3], verbose=0), "accuracy": classifier.evaluate(x, y, verbose=0)[1],
}  # fmt: skip
