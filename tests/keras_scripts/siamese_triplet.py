"""Example: a siamese network with a triplet loss in a step of its own; its metrics are its class's."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
anchors, positives, negatives = rng.random((3, 12, 6, 6, 1)).astype("float32")


class Siamese(keras.Model):
    def __init__(self, network, margin=0.5):
        super().__init__()
        self.network, self.margin = network, margin
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        anchor, positive, negative = (self.network(inputs[name]) for name in ("anchor", "positive", "negative"))
        return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)

    def triplet_loss(self, data, training):
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        near, far = self(inputs, training=training)
        return ops.mean(ops.maximum(near - far + self.margin, 0.0))

    def train_step(self, data):
        self.zero_grad()
        loss = self.triplet_loss(data, True)
        loss.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def test_step(self, data):
        self.tracker.update_state(self.triplet_loss(data, False))
        return {"loss": self.tracker.result()}

    @property
    def metrics(self):
        return [self.tracker]


def data():
    for start in range(0, 12, 4):
        part = slice(start, start + 4)
        yield ({"anchor": anchors[part], "positive": positives[part], "negative": negatives[part]},)


network = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3, activation="relu"), layers.Flatten()])
network.add(layers.BatchNormalization())
network.add(layers.Dense(3))
set_weights(network)
model = Siamese(network)
model(*next(data()))
model.compile(keras.optimizers.SGD(0.05))
losses = [model.fit(data(), steps_per_epoch=3, verbose=0).history for _ in range(2)]
cosine = keras.metrics.CosineSimilarity()
results = {
    "losses": losses,
    "evaluate": model.evaluate(data(), verbose=0),
    "similarity": [
        cosine(network(anchors, training=False), network(each, training=False)) for each in (positives, negatives)
    ],
    "moving": network.layers[2].get_weights()[2:],
}
