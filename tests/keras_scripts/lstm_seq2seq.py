"""Example "Character-level recurrent sequence-to-sequence model": trained with teacher forcing, decoded step by step."""

import keras
import numpy as np

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
tokens, latent = 7, 6
encoder_data = np.eye(tokens, dtype="float32")[rng.integers(0, tokens, (12, 5))]
decoder_data = np.eye(tokens, dtype="float32")[rng.integers(0, tokens, (12, 6))]
target_data = np.roll(decoder_data, -1, axis=1)

encoder_inputs = keras.Input(shape=(None, tokens))
encoder_outputs, state_h, state_c = keras.layers.LSTM(latent, return_state=True)(encoder_inputs)
decoder_inputs = keras.Input(shape=(None, tokens))
decoder_lstm = keras.layers.LSTM(latent, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=[state_h, state_c])
decoder_dense = keras.layers.Dense(tokens, activation="softmax")
model = set_weights(keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs)))
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    [encoder_data, decoder_data], target_data, batch_size=4, epochs=2, validation_split=0.25, shuffle=False, verbose=0
)

encoder_model = keras.Model(model.input[0], [state_h, state_c])
state_inputs = [keras.Input(shape=(latent,)), keras.Input(shape=(latent,))]
outputs, h, c = decoder_lstm(decoder_inputs, initial_state=state_inputs)
decoder_model = keras.Model([decoder_inputs, *state_inputs], [decoder_dense(outputs), h, c])
states = encoder_model.predict(encoder_data[:1], verbose=0)
step, decoded, probabilities = np.eye(tokens, dtype="float32")[[[0]]], [], []
for _ in range(4):
    output, h, c = decoder_model.predict([step, *states], verbose=0)
    decoded.append(int(np.argmax(output[0, -1, :])))
    probabilities.append(output[0, -1])
    step, states = np.eye(tokens, dtype="float32")[[[decoded[-1]]]], [h, c]
results = {"history": history.history, "decoded": decoded, "probabilities": probabilities}
