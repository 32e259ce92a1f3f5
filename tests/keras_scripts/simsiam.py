"""Example "Self-supervised contrastive learning with SimSiam": two views, a stopped gradient, a linear probe on a frozen part."""

import keras
import numpy as np
from keras import layers, ops, regularizers

from tests.keras_scripts.weights import set_weights

WD = 0.0005


def encoder():
    i = layers.Input((8, 8, 3))
    x = layers.Rescaling(scale=1.0 / 127.5, offset=-1)(i)
    x = layers.Conv2D(6, 3, padding="same", kernel_regularizer=regularizers.l2(WD), use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(12, use_bias=False, kernel_regularizer=regularizers.l2(WD))(x)
    return keras.Model(i, layers.BatchNormalization()(x), name="encoder")


def predictor():
    return keras.Sequential(
        [
            layers.Input((12,)),
            layers.Dense(4, use_bias=False, activation="relu", kernel_regularizer=regularizers.l2(WD)),
            layers.BatchNormalization(),
            layers.Dense(12),
        ],
        name="predictor",
    )


def loss_fn(p, z):
    z = ops.stop_gradient(z)
    z, p = ops.normalize(z, axis=1), ops.normalize(p, axis=1)
    return -ops.mean(ops.sum((p * z), axis=1))


class SimSiam(keras.Model):
    def __init__(self, encoder, predictor):
        super().__init__()
        self.encoder, self.predictor = encoder, predictor
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, data):
        ds1, ds2 = data
        z1, z2 = self.encoder(ds1, training=True), self.encoder(ds2, training=True)
        p1, p2 = self.predictor(z1, training=True), self.predictor(z2, training=True)
        loss = loss_fn(p1, z2) / 2 + loss_fn(p2, z1) / 2 + sum(self.encoder.losses)
        self.zero_grad()
        loss.backward()
        v = self.encoder.trainable_variables + self.predictor.trainable_variables
        self.optimizer.apply_gradients(zip([w.value.grad for w in v], v, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


rng = np.random.default_rng(0)
a = rng.integers(0, 255, (16, 8, 8, 3)).astype("float32")
b = a[:, :, ::-1].copy()
steps = 4
lr = keras.optimizers.schedules.CosineDecay(initial_learning_rate=0.03, decay_steps=steps)
early = keras.callbacks.EarlyStopping(monitor="loss", patience=5, restore_best_weights=True)
m = SimSiam(set_weights(encoder()), set_weights(predictor(), 2))
m.built = True
m.compile(optimizer=keras.optimizers.SGD(lr, momentum=0.6))
h = m.fit(a, b, epochs=2, batch_size=8, shuffle=False, callbacks=[early], verbose=0)
backbone = keras.Model(m.encoder.input, m.encoder.get_layer(index=-3).output)
backbone.trainable = False
inputs = layers.Input((8, 8, 3))
x = backbone(inputs, training=False)
lin = keras.Model(inputs, layers.Dense(3, activation="softmax", kernel_initializer="ones")(x), name="linear_model")
lin.compile(
    loss="sparse_categorical_crossentropy", metrics=["accuracy"], optimizer=keras.optimizers.SGD(lr, momentum=0.9)
)
h2 = lin.fit(a, rng.integers(0, 3, 16), epochs=1, batch_size=8, shuffle=False, verbose=0)
results = {
    "h": h.history,
    "h2": h2.history,
    "tw": len(lin.trainable_weights),
    "ntw": len(lin.non_trainable_weights),
    "n": m.name,
    "lr": float(m.optimizer.learning_rate),
}
