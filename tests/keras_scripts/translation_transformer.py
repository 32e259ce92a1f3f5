"""Example "English-to-Spanish translation with a sequence-to-sequence Transformer": masks of both sides, saved and loaded."""

import os
import tempfile

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights


class TransformerEncoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.dense_dim, self.num_heads = embed_dim, dense_dim, num_heads
        self.attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential([layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm_1 = layers.LayerNormalization()
        self.layernorm_2 = layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        padding_mask = ops.cast(mask[:, None, :], dtype="int32") if mask is not None else None
        a = self.attention(query=inputs, value=inputs, key=inputs, attention_mask=padding_mask)
        p = self.layernorm_1(inputs + a)
        return self.layernorm_2(p + self.dense_proj(p))

    def get_config(self):
        c = super().get_config()
        c.update({"embed_dim": self.embed_dim, "dense_dim": self.dense_dim, "num_heads": self.num_heads})
        return c


class PositionalEmbedding(layers.Layer):
    def __init__(self, sequence_length, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.token_embeddings = layers.Embedding(vocab_size, embed_dim)
        self.position_embeddings = layers.Embedding(sequence_length, embed_dim)
        self.sequence_length, self.vocab_size, self.embed_dim = sequence_length, vocab_size, embed_dim

    def call(self, inputs):
        length = ops.shape(inputs)[-1]
        return self.token_embeddings(inputs) + self.position_embeddings(ops.arange(0, length, 1))

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)

    def get_config(self):
        c = super().get_config()
        c.update({"sequence_length": self.sequence_length, "vocab_size": self.vocab_size, "embed_dim": self.embed_dim})
        return c


class TransformerDecoder(layers.Layer):
    def __init__(self, embed_dim, latent_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.latent_dim, self.num_heads = embed_dim, latent_dim, num_heads
        self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential([layers.Dense(latent_dim, activation="relu"), layers.Dense(embed_dim)])
        self.l1, self.l2, self.l3 = (
            layers.LayerNormalization(),
            layers.LayerNormalization(),
            layers.LayerNormalization(),
        )
        self.supports_masking = True

    def call(self, inputs, mask=None):
        inputs, encoder_outputs = inputs
        causal = self.get_causal_attention_mask(inputs)
        if mask is None:
            ip = ep = None
        else:
            ip, ep = mask
        a1 = self.attention_1(query=inputs, value=inputs, key=inputs, attention_mask=causal, query_mask=ip)
        o1 = self.l1(inputs + a1)
        a2, _ = self.attention_2(
            query=o1,
            value=encoder_outputs,
            key=encoder_outputs,
            query_mask=ip,
            key_mask=ep,
            return_attention_scores=True,
        )
        o2 = self.l2(o1 + a2)
        return self.l3(o2 + self.dense_proj(o2))

    def get_causal_attention_mask(self, inputs):
        s = ops.shape(inputs)
        b, n = s[0], s[1]
        i = ops.arange(n)[:, None]
        j = ops.arange(n)
        mask = ops.reshape(ops.cast(i >= j, dtype="int32"), (1, n, n))
        mult = ops.concatenate([ops.expand_dims(b, -1), ops.convert_to_tensor([1, 1])], axis=0)
        return ops.tile(mask, mult)

    def get_config(self):
        c = super().get_config()
        c.update({"embed_dim": self.embed_dim, "latent_dim": self.latent_dim, "num_heads": self.num_heads})
        return c


V, L, E = 20, 6, 8
ei = keras.Input(shape=(None,), dtype="int64", name="encoder_inputs")
x = PositionalEmbedding(L, V, E)(ei)
eo = TransformerEncoder(E, 16, 2)(x)
encoder = keras.Model(ei, eo)
di = keras.Input(shape=(None,), dtype="int64", name="decoder_inputs")
es = keras.Input(shape=(None, E), name="decoder_state_inputs")
x = PositionalEmbedding(L, V, E)(di)
x = TransformerDecoder(E, 16, 2)([x, eo])
x = layers.Dropout(0.0)(x)
do = layers.Dense(V, activation="softmax")(x)
m = keras.Model({"encoder_inputs": ei, "decoder_inputs": di}, do, name="transformer")
set_weights(m)
rng = np.random.default_rng(0)
src = rng.integers(1, V, (12, L))
src[:, 4:] = 0
tgt = rng.integers(1, V, (12, L + 1))
tgt[:4, 5:] = 0
m.compile("rmsprop", loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0), metrics=["accuracy"])
h = m.fit(
    {"encoder_inputs": src, "decoder_inputs": tgt[:, :-1]}, tgt[:, 1:], batch_size=4, epochs=2, shuffle=False, verbose=0
)
out = m.predict({"encoder_inputs": src[:2], "decoder_inputs": tgt[:2, :3]}, verbose=0)
p = os.path.join(tempfile.mkdtemp(), "m.keras")
m.save(p)
again = keras.models.load_model(
    p,
    custom_objects={
        "PositionalEmbedding": PositionalEmbedding,
        "TransformerEncoder": TransformerEncoder,
        "TransformerDecoder": TransformerDecoder,
    },
)
results = {
    "h": h.history,
    "out": out,
    "again": again.predict({"encoder_inputs": src[:2], "decoder_inputs": tgt[:2, :3]}, verbose=0),
    "params": m.count_params(),
}
