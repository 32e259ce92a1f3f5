"""Examples "Grad-CAM", "Visualizing what convnets learn" and "Integrated gradients": gradients of outputs by torch."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

image = np.random.default_rng(0).random((1, 10, 10, 3)).astype("float32")
inputs = keras.Input((10, 10, 3))
x = layers.Conv2D(4, 3, activation="relu", name="first_conv")(inputs)
x = layers.Conv2D(5, 3, activation="relu", name="last_conv")(x)
x = layers.GlobalAveragePooling2D()(x)
model = set_weights(keras.Model(inputs, layers.Dense(3, activation="softmax", name="predictions")(x)))
model.layers[-1].activation = None

grad_model = keras.models.Model(model.inputs, [model.get_layer("last_conv").output, model.output])
last_conv_output, predictions = grad_model(image)
last_conv_output.retain_grad()
best = int(ops.argmax(predictions[0]))
predictions[:, best].sum().backward()
pooled = ops.mean(last_conv_output.grad, axis=(0, 1, 2))
heatmap = ops.squeeze(ops.matmul(last_conv_output.detach()[0], pooled[..., None]))
heatmap = ops.maximum(heatmap, 0) / ops.max(heatmap)

extractor = keras.Model(inputs=model.inputs, outputs=model.get_layer(name="first_conv").output)
picture = torch.tensor(image, requires_grad=True, device="cpu")
losses = []
for _ in range(3):
    loss = ops.mean(extractor(picture)[:, 2:-2, 2:-2, 1])
    (gradient,) = torch.autograd.grad(loss, picture)
    picture = (picture + 0.5 * ops.normalize(gradient.reshape(1, -1)).reshape(picture.shape)).detach().requires_grad_()
    losses.append(float(loss))

steps = ops.linspace(0.0, 1.0, 5)[:, None, None, None] * ops.convert_to_tensor(image)
steps = steps.detach().requires_grad_()
(path,) = torch.autograd.grad(model(steps)[:, best].sum(), steps)
integrated = ops.mean((path[:-1] + path[1:]) / 2.0, axis=0) * image[0]

results = {"best": best, "heatmap": heatmap, "losses": losses, "integrated": integrated, "logits": model(image)}
