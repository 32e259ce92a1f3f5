"""Guide "Writing a training loop from scratch in PyTorch": own loops, metrics, a DataLoader of torch."""

import keras
import numpy as np
import torch

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.standard_normal((24, 8)).astype("float32"), rng.integers(0, 3, 24)
data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
loader = torch.utils.data.DataLoader(data, batch_size=6, shuffle=False)


class ActivityRegularization(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(1e-2 * torch.sum(inputs))
        return inputs


inputs = keras.Input(shape=(8,), name="digits")
h = ActivityRegularization()(keras.layers.Dense(6, activation="relu")(inputs))
model = set_weights(keras.Model(inputs, keras.layers.Dense(3, name="predictions")(h)))
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(learning_rate=1e-2)
accuracy = keras.metrics.SparseCategoricalAccuracy()
losses, accuracies = [], []
for _ in range(2):
    for batch, labels in loader:
        logits = model(batch, training=True)
        loss = loss_fn(labels, logits) + sum(model.losses)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            optimizer.apply([v.value.grad for v in model.trainable_weights], model.trainable_weights)
        accuracy.update_state(labels, logits)
        losses.append(float(loss))
    accuracies.append(float(accuracy.result()))
    accuracy.reset_state()

results = {
    "losses": losses, "accuracies": accuracies, "iterations": int(optimizer.iterations.numpy()),
    "predictions": model(x[:3]),
}  # fmt: skip
