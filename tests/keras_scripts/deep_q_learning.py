"""Example "Deep Q-Learning": a target network, masked Q-values of the actions taken, clipped gradients."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
num_actions = 3


def create_q_model():
    return keras.Sequential(
        [
            layers.Lambda(
                lambda tensor: ops.transpose(tensor, [0, 2, 3, 1]), output_shape=(12, 12, 2), input_shape=(2, 12, 12)
            ),
            layers.Conv2D(4, 4, strides=2, activation="relu", input_shape=(2, 12, 12)),
            layers.Conv2D(4, 3, strides=1, activation="relu"),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(num_actions, activation="linear"),
        ]
    )


model, model_target = create_q_model(), create_q_model()
frames = rng.random((10, 2, 12, 12)).astype("float32")
for each in (model, model_target):
    each(frames[:1])
    set_weights(each)
optimizer = keras.optimizers.Adam(learning_rate=0.01, clipnorm=1.0)
loss_function = keras.losses.Huber()
chosen, rewards, done = rng.integers(0, 3, 10), rng.random(10), (rng.random(10) < 0.2).astype("float32")
losses, targets = [], []
for step in range(4):
    rows = np.arange(4) + 2 * (step % 3)
    future_rewards = model_target.predict(frames[(rows + 1) % 10], verbose=0)
    updated = rewards[rows] + 0.99 * np.amax(future_rewards, axis=1)
    updated = updated * (1 - done[rows]) - done[rows]
    masks = ops.one_hot(chosen[rows], num_actions)
    q_values = model(frames[rows])
    q_action = ops.sum(ops.multiply(q_values, masks), axis=1)
    loss = loss_function(ops.convert_to_tensor(updated, "float32"), q_action)
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        optimizer.apply([v.value.grad for v in model.trainable_variables], model.trainable_variables)
    losses.append(float(loss.detach()))
    targets.append(updated)
    if step == 1:
        model_target.set_weights(model.get_weights())
results = {"losses": losses, "targets": targets, "q": model.predict(frames[:3], verbose=0)}
