"""Example "End-to-end Masked Language Modeling with BERT": a loss of each word, weights, then fine-tuning."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
words = rng.integers(3, 20, (12, 6))
chosen = rng.random(words.shape) < 0.3
chosen[:, 0] = True
masked = np.where(chosen, 2, words)
loss_fn = keras.losses.SparseCategoricalCrossentropy(reduction=None)
loss_tracker = keras.metrics.Mean(name="loss")


class MaskedLanguageModel(keras.Model):
    def train_step(self, inputs):
        features, labels, sample_weight = inputs
        predictions = self(features, training=True)
        loss = ops.mean(loss_fn(labels, predictions, sample_weight=sample_weight))
        self.zero_grad()
        loss.backward()
        trainable = self.trainable_variables
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in trainable], trainable)
        loss_tracker.update_state(loss)
        return {"loss": loss_tracker.result()}

    @property
    def metrics(self):
        return [loss_tracker]


inputs = layers.Input((6,), dtype="int64")
word_embeddings = layers.Embedding(20, 8, name="word_embedding")(inputs)
angles = np.arange(6)[:, None] / 10000.0 ** (np.arange(4) / 4)
h = word_embeddings + ops.cast(np.concatenate([np.sin(angles), np.cos(angles)], axis=-1), "float32")
attention = layers.MultiHeadAttention(num_heads=2, key_dim=4, name="attention")(h, h, h)
h = layers.LayerNormalization(epsilon=1e-6, name="norm_1")(h + attention)
ffn = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(8)], name="ffn")
h = layers.LayerNormalization(epsilon=1e-6, name="encoder_output")(h + ffn(h))
outputs = layers.Dense(20, name="mlm_cls", activation="softmax")(h)
model = set_weights(MaskedLanguageModel(inputs, outputs, name="masked_bert_model"))
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01))
history = model.fit(
    masked, words, sample_weight=chosen.astype("float32"), epochs=2, batch_size=4, shuffle=False, verbose=0
)

encoder = keras.Model(model.input, model.get_layer("encoder_output").output)
encoder.trainable = False
head = layers.Dense(1, activation="sigmoid")
classifier = keras.Model(inputs, head(layers.GlobalMaxPooling1D()(encoder(inputs))))
set_weights(head)
classifier.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
labels = rng.integers(0, 2, 12)
results = {
    "history": history.history, "words": model.predict(masked[:2], verbose=0),
    "classifier": classifier.fit(words, labels, epochs=2, batch_size=4, shuffle=False, verbose=0).history,
}  # fmt: skip
