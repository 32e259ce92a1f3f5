"""Guide "Understanding masking and padding": pad_sequences, computed and passed masks, own layers that make or change one."""

import keras
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

raw = [[711, 632, 71], [73, 8, 321, 55, 927], [83, 91, 1, 645, 1253, 99]]
padded = keras.utils.pad_sequences(raw, padding="post")
embedding = layers.Embedding(input_dim=1300, output_dim=4, mask_zero=True)
masked = embedding(padded)
masking = layers.Masking()
unmasked = ops.cast(ops.tile(ops.expand_dims(padded, axis=-1), [1, 1, 3]), "float32")


class TemporalSplit(layers.Layer):
    def call(self, inputs):
        return ops.split(inputs, 2, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else ops.split(mask, 2, axis=1)


class MaskedSoftmax(layers.Layer):
    def call(self, inputs, mask=None):
        exp = ops.exp(inputs) * ops.expand_dims(ops.cast(mask, "float32"), axis=-1)
        return exp / ops.sum(exp, axis=1, keepdims=True)


class Passing(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return ops.relu(inputs)


inputs = keras.Input(shape=(None,), dtype="int32")
x = layers.Embedding(1300, 6, mask_zero=True)(inputs)
x = Passing()(x)
x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
x = layers.Dense(1)(x)
model = set_weights(keras.Model(inputs, MaskedSoftmax()(x)))
pooled = layers.GlobalAveragePooling1D()
pool = set_weights(keras.Sequential([keras.Input((None,)), layers.Embedding(1300, 5, mask_zero=True), pooled]))
halves = TemporalSplit().compute_mask(masked, embedding.compute_mask(padded))
lstm = set_weights(keras.Sequential([keras.Input((None, 3)), layers.Masking(0.0), layers.GRU(3)]))

results = {
    "padded": padded,
    "masks": [embedding.compute_mask(padded), masking.compute_mask(unmasked), *halves],
    "kept": keras.utils.pad_sequences(raw, maxlen=4, truncating="post", padding="pre", value=-1),
    "softmax": model.predict(padded, verbose=0),
    "pooled": pool.predict(padded, verbose=0),
    "lstm": lstm(unmasked / 1000.0),
}
