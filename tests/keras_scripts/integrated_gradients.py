"""Example "Model interpretability with Integrated Gradients": gradients by the input, outputs of every layer of a Sequential."""

import keras
import numpy as np
import torch
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

m = keras.Sequential(
    [
        layers.Input((12, 12, 3)),
        layers.SeparableConv2D(6, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(),
        layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(5, activation="softmax"),
    ]
)
set_weights(m)
rng = np.random.default_rng(0)
img = rng.random((12, 12, 3)).astype("float32") * 255


def get_gradients(x, top):
    x = ops.convert_to_tensor(x)
    x = x.clone().detach().requires_grad_(True)
    preds = m(x)
    top_class = preds[:, top]
    return torch.autograd.grad(top_class.sum(), x)[0]


base = np.zeros_like(img)
steps = 5
inter = [base + (k / steps) * (img - base) for k in range(steps + 1)]
top = int(np.argmax(m.predict(img[None], verbose=0)[0]))
grads = ops.stack([get_gradients(np.asarray(x)[None], top)[0] for x in inter])
grads = (grads[:-1] + grads[1:]) / 2.0
ig = (img - base) * ops.convert_to_numpy(ops.mean(grads, axis=0))
fe = keras.Model(inputs=m.inputs, outputs=[l.output for l in m.layers])
acts = fe.predict(img[None], verbose=0)
acts2 = fe(img[None])
# deep dream step
loss_model = keras.Model(m.inputs, {l.name: l.output for l in m.layers[:2]})
d = loss_model(ops.convert_to_tensor(img[None]))
results = {
    "ig": ig,
    "top": top,
    "acts": acts,
    "n": len(acts2),
    "shapes": str([tuple(a.shape) for a in acts2]),
    "dream": [float(ops.mean(ops.square(v[:, 2:-2, 2:-2, :]))) for v in d.values()],
    "keys": [k.rstrip("_0123456789") for k in d],
}
