"""Example "Actor Critic Method": two heads, actions of the highest probability, discounted returns, a Huber loss."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

eps = np.finfo(np.float32).eps.item()
inputs = layers.Input(shape=(4,))
common = layers.Dense(8, activation="relu")(inputs)
action = layers.Dense(2, activation="softmax")(common)
critic = layers.Dense(1)(common)
model = set_weights(keras.Model(inputs=inputs, outputs=[action, critic]))
optimizer = keras.optimizers.Adam(learning_rate=0.01)
huber_loss = keras.losses.Huber()
turn = np.array([[0.9, 0.1, 0, 0], [-0.1, 0.9, 0.1, 0], [0, -0.1, 0.9, 0.1], [0, 0, -0.1, 0.9]])
actions, rewards_of_episodes, losses = [], [], []
for episode in range(3):
    state, history, values, rewards = np.array([0.5, -0.2, 0.1 * episode, 0.3]), [], [], []
    for _ in range(5):
        action_probs, critic_value = model(ops.expand_dims(ops.convert_to_tensor(state, "float32"), 0))
        values.append(critic_value[0, 0])
        best = int(np.argmax(ops.convert_to_numpy(action_probs)[0]))
        history.append(ops.log(action_probs[0, best]))
        state = turn @ state + (0.05 if best else -0.05)
        rewards.append(float(1 - np.abs(state).sum()))
        actions.append(best)
    returns, discounted_sum = [], 0
    for r in rewards[::-1]:
        discounted_sum = r + 0.99 * discounted_sum
        returns.insert(0, discounted_sum)
    returns = (np.array(returns) - np.mean(returns)) / (np.std(returns) + eps)
    actor_losses, critic_losses = [], []
    for log_prob, value, ret in zip(history, values, returns, strict=True):
        actor_losses.append(-log_prob * (float(ret) - value))
        target = ops.expand_dims(ops.convert_to_tensor(float(ret), "float32"), 0)
        critic_losses.append(huber_loss(ops.expand_dims(value, 0), target))
    loss_value = sum(actor_losses) + sum(critic_losses)
    model.zero_grad()
    loss_value.backward()
    with torch.no_grad():
        optimizer.apply([v.value.grad for v in model.trainable_variables], model.trainable_variables)
    rewards_of_episodes.append(sum(rewards))
    losses.append(float(loss_value.detach()))
results = {
    "losses": losses, "rewards": rewards_of_episodes, "actions": actions,
    "outputs": model.predict(np.ones((2, 4)), verbose=0), "iterations": int(optimizer.iterations),
}  # fmt: skip
