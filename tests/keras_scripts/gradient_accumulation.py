"""Guides "Mixed precision" and "Gradient accumulation": policies, averaged weights swapped by a callback, a scaled loss."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

keras.utils.set_random_seed(1)
keras.config.set_dtype_policy("mixed_bfloat16")
try:
    m = keras.Sequential(
        [layers.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(2, dtype="float32", activation="softmax")]
    )
    info = [(l.compute_dtype, l.dtype, l.dtype_policy.name) for l in m.layers]
finally:
    keras.config.set_dtype_policy("float32")
n = keras.Sequential([layers.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(2)])
set_weights(n)
opt = keras.optimizers.Adam(
    1e-2, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3, global_clipnorm=0.5
)
n.compile(opt, "mse")
rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6)).astype("float32")
y = rng.normal(size=(24, 2)).astype("float32")
h = n.fit(
    X,
    y,
    epochs=3,
    batch_size=4,
    shuffle=False,
    verbose=0,
    callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=False)],
)
opt2 = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2)
n.compile(opt2, "mse")
h2 = n.fit(X, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
results = {
    "info": str(info),
    "h": h.history,
    "w": n.get_weights(),
    "h2": h2.history,
    "scale": float(opt2.dynamic_scale),
    "its": int(opt.iterations),
    "nvars": len(opt.variables),
}
