"""Guide "Working with RNNs": cells of one's own, nested states, initial states, masks, stateful layers."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.normal(size=(4, 5, 3)).astype("float32")
y = rng.normal(size=(4, 2)).astype("float32")


@keras.saving.register_keras_serializable(package="cells")
class MinimalRNNCell(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.state_size = units, units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        h = ops.matmul(inputs, self.kernel)
        output = h + ops.matmul(states[0], self.recurrent_kernel)
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class GatedCell(keras.Layer):
    """A cell that takes training, a constant, and makes its own initial state."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.state_size, self.output_size = units, [units, 1], units
        self.gate = layers.Dense(units, activation="sigmoid")

    def build(self, input_shape):
        input_shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.gate.build((None, input_shape[-1]))

    def get_initial_state(self, batch_size=None):
        return [ops.ones((batch_size, self.units)), ops.zeros((batch_size, 1))]

    def call(self, inputs, states, training=False):
        h, count = states
        gate = self.gate(inputs)
        h = gate * h + (1 - gate) * ops.mean(inputs, axis=-1, keepdims=True)
        return h * 0.5 if training else h, [h, count + 1]


stacked = keras.Sequential([keras.Input((None, 3)), layers.RNN([MinimalRNNCell(4), MinimalRNNCell(2)])])
set_weights(stacked)
stacked.compile("rmsprop", "mse")
history = stacked.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0).history
copy = keras.Sequential.from_config(stacked.get_config())
copy.set_weights(stacked.get_weights())
gated = layers.RNN(GatedCell(4), return_sequences=True, return_state=True)
sequence, h, count = gated(x)
set_weights(gated)
sequence, h, count = gated(x)
trained, _, _ = gated(x, training=True)
masked, _, masked_count = gated(x, mask=np.array([[1, 1, 1, 0, 0]] * 4, bool))
backwards = layers.RNN(MinimalRNNCell(2), go_backwards=True, unroll=True)
backwards(x)
set_weights(backwards)
stateful = layers.LSTM(3, stateful=True)
model = keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), stateful, layers.Dense(2)])
set_weights(model)
first, second = model.predict(x, batch_size=4, verbose=0), model.predict(x, batch_size=4, verbose=0)
stateful.reset_states() if hasattr(stateful, "reset_states") else stateful.reset_state()
third = model.predict(x, batch_size=4, verbose=0)
states = [ops.convert_to_numpy(each) for each in stateful.states]
gru = layers.Bidirectional(
    layers.GRU(2, return_sequences=True, return_state=True),
    merge_mode="sum",
    backward_layer=layers.GRU(2, return_sequences=True, return_state=True, go_backwards=True),
)
gru(x)
set_weights(gru)
given = layers.GRU(2, kernel_initializer="ones", recurrent_initializer="zeros")
results = {
    "history": history, "copy": copy.predict(x, verbose=0), "sequence": sequence, "h": h, "count": count, "trained": trained,
    "masked": masked, "masked_count": masked_count, "backwards": backwards(x), "stateful": [first, second, third], "states": states,
    "bidirectional": list(gru(x)), "initial": given(x, initial_state=np.ones((4, 2), "float32")),
    "config": copy.layers[0].get_config()["cell"]["class_name"],
}  # fmt: skip
