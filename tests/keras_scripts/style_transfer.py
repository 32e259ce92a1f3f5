"""Examples "Neural style transfer" and "Deep Dream": losses of features of layers, gradients by the image, a rate that decays."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
base, style, start = rng.random((3, 1, 16, 16, 3)).astype("float32")
inputs = keras.Input((None, None, 3))
x = layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1")(inputs)
x = layers.MaxPooling2D(name="block1_pool")(x)
x = layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv1")(x)
x = layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv2")(x)
model = set_weights(keras.Model(inputs, x, name="convnet"))
outputs_dict = {layer.name: layer.output for layer in model.layers}
feature_extractor = keras.Model(inputs=model.inputs, outputs=outputs_dict)


def gram_matrix(x):
    x = ops.transpose(x, (2, 0, 1))
    features = ops.reshape(x, (ops.shape(x)[0], -1))
    return ops.matmul(features, ops.transpose(features))


def style_loss(style, combination):
    return ops.sum(ops.square(gram_matrix(style) - gram_matrix(combination))) / (4.0 * (3**2) * (256**2))


def total_variation_loss(x):
    a = ops.square(x[:, :-1, :-1, :] - x[:, 1:, :-1, :])
    b = ops.square(x[:, :-1, :-1, :] - x[:, :-1, 1:, :])
    return ops.sum(ops.power(a + b, 1.25))


def compute_loss(combination):
    features = feature_extractor(ops.concatenate([base, style, combination], axis=0))
    content = features["block2_conv2"]
    loss = ops.zeros(shape=()) + 2.5e-3 * ops.sum(ops.square(content[2, :, :, :] - content[0, :, :, :]))
    for name in ("block1_conv1", "block2_conv1"):
        each = features[name]
        loss = loss + 0.5 * style_loss(each[1, :, :, :], each[2, :, :, :])
    return loss + 1e-3 * total_variation_loss(combination)


rate = keras.optimizers.schedules.ExponentialDecay(initial_learning_rate=0.5, decay_steps=2, decay_rate=0.96)
optimizer = keras.optimizers.SGD(rate)
image = keras.Variable(start)
losses, rates = [], []
for _ in range(4):
    loss = compute_loss(image)
    (grad,) = torch.autograd.grad(loss, [image.value])
    with torch.no_grad():
        optimizer.apply_gradients([(grad, image)])
    losses.append(float(loss))
    rates.append(float(optimizer.learning_rate))

shapes = [(8, 8), (12, 12), (16, 16)]
dream = ops.image.resize(base, shapes[0])
for shape in shapes:
    dream = keras.Variable(ops.image.resize(dream, shape, interpolation="bilinear"))
    loss = ops.mean(ops.square(feature_extractor(dream)["block2_conv1"][:, 2:-2, 2:-2, :]))
    (grad,) = torch.autograd.grad(loss, [dream.value])
    grad = grad / ops.maximum(ops.mean(ops.abs(grad)), 1e-6)
    dream = ops.stop_gradient(dream + 0.01 * grad)
results = {"losses": losses, "rates": rates, "image": image, "dream": dream}
