"""Example "WGAN-GP": a penalty on the gradient by the input, two optimizers in one train_step."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights


def conv_block(
    x,
    filters,
    activation,
    kernel_size=(3, 3),
    strides=(1, 1),
    padding="same",
    use_bias=True,
    use_bn=False,
    use_dropout=False,
    drop_value=0.5,
):
    x = layers.Conv2D(filters, kernel_size, strides=strides, padding=padding, use_bias=use_bias)(x)
    if use_bn:
        x = layers.BatchNormalization()(x)
    x = activation(x)
    if use_dropout:
        x = layers.Dropout(drop_value)(x)
    return x


img = layers.Input(shape=(10, 10, 1))
x = layers.ZeroPadding2D((1, 1))(img)
x = conv_block(x, 4, kernel_size=(5, 5), strides=(2, 2), activation=layers.LeakyReLU(0.2), use_bias=True)
x = conv_block(x, 8, kernel_size=(5, 5), strides=(2, 2), activation=layers.LeakyReLU(0.2))
x = layers.Flatten()(x)
x = layers.Dense(1)(x)
D = set_weights(keras.Model(img, x, name="discriminator"))
noise = layers.Input(shape=(6,))
x = layers.Dense(3 * 3 * 8, use_bias=False)(noise)
x = layers.BatchNormalization()(x)
x = layers.LeakyReLU(0.2)(x)
x = layers.Reshape((3, 3, 8))(x)
x = layers.UpSampling2D((2, 2))(x)
x = conv_block(x, 4, layers.Activation("tanh"), use_bias=False, use_bn=True)
x = layers.UpSampling2D((2, 2))(x)
x = layers.Conv2D(1, 3, padding="same", activation="tanh")(x)
x = layers.Cropping2D((1, 1))(x)
G = set_weights(keras.Model(noise, x, name="generator"), 3)


class WGAN(keras.Model):
    def __init__(self, d, g, latent, gp=10.0):
        super().__init__()
        self.discriminator, self.generator, self.latent_dim, self.gp_weight = d, g, latent, gp
        self.seed_generator = keras.random.SeedGenerator(1337)

    def compile(self, d_optimizer, g_optimizer, d_loss_fn, g_loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.d_loss_fn, self.g_loss_fn = (
            d_optimizer,
            g_optimizer,
            d_loss_fn,
            g_loss_fn,
        )

    def gradient_penalty(self, real, fake):
        alpha = ops.reshape(ops.linspace(0.1, 0.9, real.shape[0]), (-1, 1, 1, 1))
        inter = (real + alpha * (fake - real)).detach().requires_grad_(True)
        pred = self.discriminator(inter, training=True)
        (g,) = torch.autograd.grad(pred.sum(), inter, create_graph=True)
        norm = ops.sqrt(ops.sum(ops.square(g), axis=[1, 2, 3]))
        return ops.mean((norm - 1.0) ** 2)

    def train_step(self, real):
        if isinstance(real, (list, tuple)):
            real = real[0]
        b = ops.shape(real)[0]
        z = ops.reshape(ops.linspace(-1.0, 1.0, b * self.latent_dim), (b, self.latent_dim))
        fake = self.generator(z, training=True)
        d_loss = self.d_loss_fn(
            self.discriminator(real, training=True), self.discriminator(fake.detach(), training=True)
        ) + self.gp_weight * self.gradient_penalty(real, fake)
        self.discriminator.zero_grad()
        d_loss.backward()
        tv = self.discriminator.trainable_weights
        with torch.no_grad():
            self.d_optimizer.apply([w.value.grad for w in tv], tv)
        g_loss = self.g_loss_fn(self.discriminator(self.generator(z, training=True), training=True))
        self.generator.zero_grad()
        g_loss.backward()
        tv = self.generator.trainable_weights
        with torch.no_grad():
            self.g_optimizer.apply([w.value.grad for w in tv], tv)
        return {"d_loss": d_loss, "g_loss": g_loss}


class Monitor(keras.callbacks.Callback):
    seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, sorted(logs), self.model.latent_dim))


wgan = WGAN(D, G, 6)
wgan.built = True
wgan.compile(
    d_optimizer=keras.optimizers.Adam(0.0002, beta_1=0.5, beta_2=0.9),
    g_optimizer=keras.optimizers.Adam(0.0002, beta_1=0.5, beta_2=0.9),
    d_loss_fn=lambda r, f: ops.mean(f) - ops.mean(r),
    g_loss_fn=lambda f: -ops.mean(f),
)
rng = np.random.default_rng(0)
h = wgan.fit(
    rng.normal(size=(8, 10, 10, 1)).astype("float32"),
    batch_size=4,
    epochs=2,
    shuffle=False,
    callbacks=[Monitor()],
    verbose=0,
)
results = {
    "h": {k: [float(v) for v in vs] for k, vs in h.history.items()},
    "seen": str(Monitor.seen),
    "out": G.predict(np.ones((1, 6), "float32"), verbose=0),
    "summary_lines": 0,
}
