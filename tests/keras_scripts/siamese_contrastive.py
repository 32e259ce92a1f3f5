"""Examples "Image similarity using a Siamese network": a contrastive loss of two towers, and a triplet loss in train_step."""

import keras
import numpy as np
import torch
from keras import layers, metrics, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
a, b, c = rng.random((3, 16, 10, 10, 1)).astype("float32")
labels = rng.integers(0, 2, 16).astype("float32")


def tower():
    inputs = keras.Input((10, 10, 1))
    x = layers.BatchNormalization()(inputs)
    x = layers.Conv2D(4, (5, 5), activation="tanh")(x)
    x = layers.AveragePooling2D(pool_size=(2, 2))(x)
    x = layers.BatchNormalization()(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(5, activation="tanh")(x))


def euclidean_distance(vects):
    x, y = vects
    return ops.sqrt(ops.maximum(ops.sum(ops.square(x - y), axis=1, keepdims=True), keras.config.epsilon()))


def contrastive(y_true, y_pred, margin=1.0):
    square, margin_square = ops.square(y_pred), ops.square(ops.maximum(margin - y_pred, 0))
    return ops.mean((1 - y_true) * square + y_true * margin_square)


left, right, shared = keras.Input((10, 10, 1)), keras.Input((10, 10, 1)), tower()
merged = layers.Lambda(euclidean_distance, output_shape=(1,))([shared(left), shared(right)])
outputs = layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(merged))
siamese = set_weights(keras.Model(inputs=[left, right], outputs=outputs))
siamese.compile(loss=contrastive, optimizer="RMSprop", metrics=["accuracy"])
history = siamese.fit([a, b], labels, batch_size=8, epochs=2, shuffle=False, verbose=0).history


class Triplets(keras.Model):
    def __init__(self, embedding, margin=0.5):
        super().__init__()
        self.embedding, self.margin = embedding, margin
        self.loss_tracker = metrics.Mean(name="loss")

    def call(self, inputs):
        anchor, positive, negative = (self.embedding(each) for each in inputs)
        return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)

    def train_step(self, data):
        (inputs,) = data
        near, far = self(inputs, training=True)
        loss = ops.mean(ops.maximum(near - far + self.margin, 0.0))
        self.zero_grad()
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    @property
    def metrics(self):
        return [self.loss_tracker]


embedding = set_weights(keras.Sequential([keras.Input((10, 10, 1)), layers.Flatten(), layers.Dense(4)]))
triplets = Triplets(embedding)
triplets.compile(optimizer=keras.optimizers.Adam(0.001))
cosine = metrics.CosineSimilarity()
cosine.update_state(embedding(a), embedding(b))
results = {
    "history": history, "predictions": siamese.predict([a[:3], b[:3]], verbose=0), "cosine": cosine.result(),
    "triplets": triplets.fit([a, b, c], batch_size=8, epochs=2, shuffle=False, verbose=0).history,
}  # fmt: skip
