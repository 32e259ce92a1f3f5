"""Weights that do not depend on the random numbers of the framework: a script sets them once its model is built."""

from __future__ import annotations

import numpy as np

__all__ = ["set_weights"]


def set_weights(layer, seed=1):
    """Draw every kernel of a built layer or model from N(0, 1 / fan in); vectors and numbers keep their initial values."""
    rng = np.random.default_rng(seed)
    layer.set_weights([drawn(rng, each) for each in layer.get_weights()])
    return layer


def drawn(rng, weight):
    if weight.ndim < 2:
        return weight
    return rng.normal(0.0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape).astype("float32")
