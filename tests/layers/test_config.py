"""Every layer's config makes the same layer again."""

from __future__ import annotations

import inspect
import json

import pytest

from layercli import layers
from layercli.core.layer import Layer

SETTINGS = {
    "units": 3, "filters": 4, "kernel_size": 3, "rate": 0.5, "stddev": 0.1, "n": 2, "target_shape": (2,), "dims": (2, 1),
    "axes": 1, "scale": 2.0, "input_dim": 5, "output_dim": 3, "num_heads": 2, "key_dim": 3, "head_dim": 3,
    "num_query_heads": 4, "num_key_value_heads": 2, "equation": "ab,bc->ac", "output_shape": 3, "activation": "relu",
    "output_size": 2, "pool_size": 2,
}  # fmt: skip
WRAPPERS = {"layer", "cell", "cells"}


def simple():
    for name in layers.__all__:
        kind = getattr(layers, name)
        if isinstance(kind, type) and kind is not Layer and not WRAPPERS & kind._fields.keys():
            yield name


@pytest.mark.parametrize("name", list(simple()))
def test_config_goes_round(name):
    kind = getattr(layers, name)
    needed = [key for key, default in kind._fields.items() if default is inspect.Parameter.empty]
    layer = kind(**{key: SETTINGS[key] for key in needed})
    config = layer.get_config()
    assert set(config) >= {"name", "trainable", "dtype", *kind._fields}
    assert kind.from_config(json.loads(json.dumps(config))).get_config() == config
