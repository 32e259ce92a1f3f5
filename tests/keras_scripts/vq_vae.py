"""Example "Vector-Quantized Variational Autoencoders": a straight-through quantizer with add_loss, codes looked up."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images = rng.random((12, 8, 8, 1)).astype("float32")


class VectorQuantizer(layers.Layer):
    def __init__(self, num_embeddings, embedding_dim, beta=0.25, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dim, self.num_embeddings, self.beta = embedding_dim, num_embeddings, beta
        self.embeddings = self.add_weight(
            shape=(embedding_dim, num_embeddings), initializer=keras.initializers.RandomUniform(seed=1), name="codes"
        )

    def call(self, x):
        input_shape = ops.shape(x)
        flat = ops.reshape(x, [-1, self.embedding_dim])
        indices = self.get_code_indices(flat)
        quantized = ops.matmul(ops.one_hot(indices, self.num_embeddings), ops.transpose(self.embeddings))
        quantized = ops.reshape(quantized, input_shape)
        commitment = ops.mean((ops.stop_gradient(quantized) - x) ** 2)
        codebook = ops.mean((quantized - ops.stop_gradient(x)) ** 2)
        self.add_loss(self.beta * commitment + codebook)
        return x + ops.stop_gradient(quantized - x)

    def get_code_indices(self, flat):
        similarity = ops.matmul(flat, self.embeddings)
        distances = ops.sum(flat**2, axis=1, keepdims=True) + ops.sum(self.embeddings**2, axis=0) - 2 * similarity
        return ops.argmin(distances, axis=1)


inputs = keras.Input(shape=(8, 8, 1))
x = layers.Conv2D(4, 3, activation="relu", strides=2, padding="same")(inputs)
encoder = keras.Model(inputs, layers.Conv2D(3, 1, padding="same")(x), name="encoder")
latent = keras.Input(shape=encoder.output.shape[1:])
x = layers.Conv2DTranspose(4, 3, activation="relu", strides=2, padding="same")(latent)
decoder = keras.Model(latent, layers.Conv2DTranspose(1, 3, padding="same")(x), name="decoder")
quantizer = VectorQuantizer(6, 3, name="vector_quantizer")
inputs = keras.Input(shape=(8, 8, 1))
vqvae = set_weights(keras.Model(inputs, decoder(quantizer(encoder(inputs))), name="vq_vae"))
vqvae.compile(optimizer=keras.optimizers.Adam(), loss="mse")
history = vqvae.fit(images, images, epochs=2, batch_size=4, shuffle=False, verbose=0).history
encoded = vqvae.get_layer("encoder").predict(images, verbose=0)
codes = vqvae.get_layer("vector_quantizer").get_code_indices(encoded.reshape(-1, encoded.shape[-1]))
results = {
    "history": history, "codes": ops.convert_to_numpy(codes).reshape(encoded.shape[:-1]),
    "losses": [float(each) for each in vqvae.losses], "rebuilt": vqvae.predict(images[:2], verbose=0),
}  # fmt: skip
