"""Models quantized to float8 and trained, as plain data in tests/reference/float8.npz.

``KERAS_BACKEND=torch python -m tests.keras_float8`` writes the record anew: JAX on a CPU rounds to float8 in two steps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "float8.npz"
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.standard_normal(shape).astype("float32") for shape in ((6, 3), (3,))]
X, Y = (RNG.standard_normal(shape).astype("float32") for shape in ((8, 6), (8, 3)))
KINDS = {
    "Dense": {"units": 3, "activation": "tanh"},
    "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"},
}


def trained(api, kind):
    """Return the model of one layer after training, and by name its outputs before and its weights."""
    model = api.Sequential([api.Input((6,)), getattr(api.layers, kind)(**KINDS[kind])])
    model.set_weights(WEIGHTS)
    model.compile("adam", "mse")
    model.quantize("float8")
    found = {f"{kind} before": np.asarray(model.predict(X, verbose=0))}
    model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    names = [f"{kind} {variable.name.rpartition('/')[2]}" for variable in model.layers[0].variables]
    return model, found | dict(zip(names, model.get_weights(), strict=True))


if __name__ == "__main__":
    import keras

    np.savez_compressed(RECORD, **{name: value for kind in KINDS for name, value in trained(keras, kind)[1].items()})
