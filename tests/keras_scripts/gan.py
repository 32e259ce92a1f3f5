"""Examples "DCGAN" and "WGAN-GP": two optimizers in one train_step, the gradient penalty by torch; the noise is given."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images = rng.uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
NOISE = rng.standard_normal((4, 5)).astype("float32")


def discriminator():
    made = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(1),
        ]
    )
    return set_weights(made, 1)


def generator():
    made = keras.Sequential([keras.Input(shape=(5,)), layers.Dense(4 * 4 * 4, use_bias=False)])
    made.add(layers.BatchNormalization())
    made.add(layers.LeakyReLU(0.2))
    made.add(layers.Reshape((4, 4, 4)))
    made.add(layers.UpSampling2D((2, 2)))
    made.add(layers.Conv2D(1, 3, padding="same", activation="tanh"))
    return set_weights(made, 2)


class GAN(keras.Model):
    def __init__(self, discriminator, generator, wasserstein):
        super().__init__()
        self.discriminator, self.generator, self.wasserstein = discriminator, generator, wasserstein
        self.d_loss_tracker, self.g_loss_tracker = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")
        self.built = True

    def compile(self, d_optimizer, g_optimizer):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def gradient_penalty(self, real, fake):
        between = (0.3 * real + 0.7 * fake.detach()).requires_grad_()
        (grads,) = torch.autograd.grad(self.discriminator(between, training=True).sum(), between, create_graph=True)
        return ops.mean((ops.sqrt(ops.sum(ops.square(grads), axis=[1, 2, 3])) - 1.0) ** 2)

    def train_step(self, real):
        noise = ops.convert_to_tensor(NOISE)
        fake = self.generator(noise, training=True)
        on_fake, on_real = self.discriminator(fake.detach(), training=True), self.discriminator(real, training=True)
        if self.wasserstein:
            d_loss = ops.mean(on_fake) - ops.mean(on_real) + 10.0 * self.gradient_penalty(real, fake)
        else:
            logits = ops.concatenate([on_fake, on_real], axis=0)
            labels = ops.concatenate([ops.ones_like(on_fake), ops.zeros_like(on_real)], axis=0)
            d_loss = self.loss_fn(labels, logits)
        self.update(self.discriminator, self.d_optimizer, d_loss)
        logits = self.discriminator(self.generator(noise, training=True))
        g_loss = -ops.mean(logits) if self.wasserstein else self.loss_fn(ops.zeros_like(logits), logits)
        self.update(self.generator, self.g_optimizer, g_loss)
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

    def update(self, network, optimizer, loss):
        self.zero_grad()
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in network.trainable_weights], network.trainable_weights)


results = {}
for kind in (False, True):
    gan = GAN(discriminator(), generator(), kind)
    gan.compile(*(keras.optimizers.Adam(learning_rate=0.0002, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    name = "wgan" if kind else "dcgan"
    results[name] = gan.fit(images, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    results[f"{name} images"] = gan.generator.predict(NOISE, verbose=0)[0, :3]
