"""Example "Text generation with a miniature GPT": a causal mask of one's own, two outputs of which one has a loss, greedy text."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
vocab_size, maxlen = 18, 7
text = rng.integers(1, vocab_size, (12, maxlen + 1))


def causal_attention_mask(batch_size, n_dest, n_src, dtype):
    i, j = ops.arange(n_dest)[:, None], ops.arange(n_src)
    mask = ops.reshape(ops.cast(i >= j - n_src + n_dest, dtype), [1, n_dest, n_src])
    return ops.tile(mask, (batch_size, 1, 1))


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads, embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1, self.layernorm2 = (layers.LayerNormalization(epsilon=1e-6) for _ in range(2))

    def call(self, inputs):
        batch_size, seq_len, _ = ops.shape(inputs)
        causal_mask = causal_attention_mask(batch_size, seq_len, seq_len, "bool")
        out1 = self.layernorm1(inputs + self.att(inputs, inputs, attention_mask=causal_mask))
        return self.layernorm2(out1 + self.ffn(out1))


class Embeddings(layers.Layer):
    def __init__(self):
        super().__init__()
        self.token_emb, self.pos_emb = layers.Embedding(vocab_size, 6), layers.Embedding(maxlen, 6)

    def call(self, x):
        return self.token_emb(x) + self.pos_emb(ops.arange(0, ops.shape(x)[-1], 1))


class TextGenerator(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        tokens = [3, 4]
        while len(tokens) < 6:
            x = np.array([tokens + [0] * (maxlen - len(tokens))])
            y, _ = self.model.predict(x, verbose=0)
            tokens.append(int(np.argmax(y[0][len(tokens) - 1])))
        written.append(tokens)


written = []
inputs = layers.Input(shape=(maxlen,), dtype="int32")
x = TransformerBlock(6, 2, 8)(Embeddings()(inputs))
model = set_weights(keras.Model(inputs=inputs, outputs=[layers.Dense(vocab_size)(x), x]))
model.compile("adam", loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
history = model.fit(
    text[:, :-1], text[:, 1:], epochs=2, batch_size=4, callbacks=[TextGenerator()], shuffle=False, verbose=0
)
results = {"history": history.history, "written": written, "logits": model.predict(text[:2, :-1], verbose=0)[0]}
