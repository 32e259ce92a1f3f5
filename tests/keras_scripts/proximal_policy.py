"""Example "Proximal Policy Optimization": two networks with an op in one, clipped ratios, two optimizers."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights


def mlp(x, sizes, activation="tanh", output_activation=None):
    for size in sizes[:-1]:
        x = layers.Dense(units=size, activation=activation)(x)
    return layers.Dense(units=sizes[-1], activation=output_activation)(x)


def logprobabilities(logits, a):
    lp = keras.ops.log_softmax(logits)
    return keras.ops.sum(keras.ops.one_hot(a, 3) * lp, axis=1)


obs = keras.Input(shape=(4,), dtype="float32")
actor = set_weights(keras.Model(inputs=obs, outputs=mlp(obs, [8, 3])))
value = keras.ops.squeeze(mlp(obs, [8, 1]), axis=1)
critic = set_weights(keras.Model(inputs=obs, outputs=value), 2)
po, vo = keras.optimizers.Adam(3e-3), keras.optimizers.Adam(1e-2)
rng = np.random.default_rng(0)
O = rng.normal(size=(20, 4)).astype("float32")
A = rng.integers(0, 3, 20)
adv = rng.normal(size=20).astype("float32")
ret = rng.normal(size=20).astype("float32")
old = ops.convert_to_numpy(logprobabilities(actor(O), A))
kls, vl = [], []
for _ in range(4):
    ratio = ops.exp(logprobabilities(actor(O), A) - ops.convert_to_tensor(old))
    mn = ops.where(ops.convert_to_tensor(adv) > 0, 1.2 * ops.convert_to_tensor(adv), 0.8 * ops.convert_to_tensor(adv))
    loss = -ops.mean(ops.minimum(ratio * ops.convert_to_tensor(adv), mn))
    actor.zero_grad()
    loss.backward()
    tv = actor.trainable_variables
    with torch.no_grad():
        po.apply([v.value.grad for v in tv], tv)
    kls.append(float(ops.sum(ops.mean(ops.convert_to_tensor(old) - logprobabilities(actor(O), A)))))
    l = ops.mean((ops.convert_to_tensor(ret) - critic(O)) ** 2)
    critic.zero_grad()
    l.backward()
    tv = critic.trainable_variables
    with torch.no_grad():
        vo.apply([v.value.grad for v in tv], tv)
    vl.append(float(l.detach()))
results = {"kl": kls, "vl": vl, "layers": [type(l).__name__ for l in critic.layers], "shape": str(critic.output_shape)}
