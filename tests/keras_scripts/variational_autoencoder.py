"""Example "Variational AutoEncoder": three losses tracked; the noise is given, since random numbers differ between frameworks."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
digits = rng.random((12, 8, 8, 1)).astype("float32")
noise = rng.standard_normal((12, 2)).astype("float32")


class Sampling(layers.Layer):
    def call(self, inputs):
        z_mean, z_log_var, epsilon = inputs
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


encoder_inputs = keras.Input(shape=(8, 8, 1))
h = layers.Conv2D(4, 3, activation="relu", strides=2, padding="same")(encoder_inputs)
h = layers.Dense(6, activation="relu")(layers.Flatten()(h))
z_mean, z_log_var = layers.Dense(2, name="z_mean")(h), layers.Dense(2, name="z_log_var")(h)
epsilon = keras.Input(shape=(2,))
z = Sampling()([z_mean, z_log_var, epsilon])
encoder = keras.Model([encoder_inputs, epsilon], [z_mean, z_log_var, z], name="encoder")
latent_inputs = keras.Input(shape=(2,))
h = layers.Reshape((4, 4, 4))(layers.Dense(4 * 4 * 4, activation="relu")(latent_inputs))
h = layers.Conv2DTranspose(4, 3, activation="relu", strides=2, padding="same")(h)
decoder_outputs = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(h)
decoder = keras.Model(latent_inputs, decoder_outputs, name="decoder")


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total, self.reconstruction, self.kl = (
            keras.metrics.Mean(name=n) for n in ("loss", "reconstruction", "kl")
        )

    @property
    def metrics(self):
        return [self.total, self.reconstruction, self.kl]

    def call(self, inputs):
        return self.decoder(self.encoder(inputs)[2])

    def train_step(self, data):
        (data,) = data
        z_mean, z_log_var, z = self.encoder(list(data))
        crossentropy = keras.losses.binary_crossentropy(data[0], self.decoder(z))
        reconstruction = ops.mean(ops.sum(crossentropy, axis=(1, 2)))
        kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        kl = ops.mean(ops.sum(kl, axis=1))
        self.zero_grad()
        (reconstruction + kl).backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        for metric, value in zip(self.metrics, (reconstruction + kl, reconstruction, kl), strict=True):
            metric.update_state(value)
        return {m.name: m.result() for m in self.metrics}


vae = VAE(set_weights(encoder), set_weights(decoder, 2))
vae.compile(optimizer=keras.optimizers.Adam())
history = vae.fit([digits, noise], epochs=2, batch_size=6, shuffle=False, verbose=0).history
results = {
    "history": history,
    "decoded": decoder.predict(noise[:1], verbose=0)[0, :2],
    "z": encoder([digits[:2], noise[:2]])[2],
}
