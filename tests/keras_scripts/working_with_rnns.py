"""Guide "Working with RNNs": states of an encoder for a decoder, stateful layers, bidirectional ones, an own cell of cells."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)

encoder_input = keras.Input(shape=(None,))
output, state_h, state_c = layers.LSTM(4, return_state=True, name="encoder")(layers.Embedding(30, 4)(encoder_input))
decoder_input = keras.Input(shape=(None,))
decoded = layers.LSTM(4, name="decoder")(layers.Embedding(40, 4)(decoder_input), initial_state=[state_h, state_c])
model = set_weights(keras.Model([encoder_input, decoder_input], layers.Dense(3)(decoded)))
words = [rng.integers(30, size=(4, 6)), rng.integers(40, size=(4, 5))]

paragraphs = [rng.random((3, 4, 2)).astype("float32") for _ in range(3)]
stateful = layers.LSTM(5, stateful=True)
stateful.build((3, 4, 2))
set_weights(stateful)
outputs = [ops.convert_to_numpy(stateful(each)) for each in paragraphs]
states = [ops.convert_to_numpy(each) for each in stateful.states]
stateful.reset_states()
again = ops.convert_to_numpy(stateful(paragraphs[0]))

bidirectional = keras.Sequential(
    [
        keras.Input((5, 4)),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.Bidirectional(layers.GRU(2), merge_mode="sum"),
        layers.Dense(2),
    ]
)
set_weights(bidirectional)


class MinimalCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, units, units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent")

    def call(self, inputs, states):
        output = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent))
        return output, [output]


x = rng.standard_normal((2, 5, 4)).astype("float32")
stacked = keras.Sequential([keras.Input((5, 4)), layers.RNN([MinimalCell(3), layers.LSTMCell(4), MinimalCell(2)])])
set_weights(stacked)
backwards = set_weights(keras.Sequential([keras.Input((5, 4)), layers.SimpleRNN(3, go_backwards=True, unroll=True)]))
stacked.compile("sgd", "mse")
history = stacked.fit(x, np.ones((2, 2)), epochs=2, verbose=0).history
results = {
    "seq2seq": model.predict(words, verbose=0), "outputs": outputs, "states": states, "again": again,
    "bidirectional": bidirectional.predict(x, verbose=0), "history": history, "backwards": backwards(x),
    "weights": [each.path.split("/", 1)[1] for each in model.weights if "coder" in each.path] and len(model.weights),
}  # fmt: skip
