"""Example "Text classification with Transformer": a block of attention, token and position embeddings."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
sentences = [list(rng.integers(1, 30, rng.integers(3, 14))) for _ in range(16)]
x = keras.utils.pad_sequences(sentences, maxlen=10)
y = rng.integers(0, 2, 16)


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1, self.dropout2 = layers.Dropout(rate), layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.dropout1(self.att(inputs, inputs))
        out1 = self.layernorm1(inputs + attn_output)
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1)))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = ops.arange(start=0, stop=ops.shape(x)[-1], step=1)
        return self.token_emb(x) + self.pos_emb(positions)


inputs = layers.Input(shape=(10,))
h = TokenAndPositionEmbedding(10, 30, 8)(inputs)
h = layers.GlobalAveragePooling1D()(TransformerBlock(8, 2, 12)(h))
h = layers.Dense(6, activation="relu")(h)
model = set_weights(keras.Model(inputs, layers.Dense(2, activation="softmax")(h)))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), shuffle=False, verbose=0)
results = {"history": history.history, "predictions": model.predict(x, verbose=0), "count": model.count_params()}
