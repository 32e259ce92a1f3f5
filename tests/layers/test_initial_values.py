"""The initial values of every layer's variables have the distribution of Keras's: its deviation and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import layers
from tests.keras_parity import keras
from tests.keras_reference import asked

SEQUENCE, IMAGE = (None, 10, 48), (None, 8, 8, 24)
LONG = (None, 5, 256)
CASES = [
    ("Dense", {"units": 64}, [(None, 200)]),
    ("Dense", {"units": 64, "lora_rank": 8}, [(None, 200)]),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 8, 32), "bias_axes": "de"}, [LONG]),
    ("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 128)}, [(None, 5, 8, 32)]),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 64}, [LONG]),
    ("EinsumDense", {"equation": "abc,bcd->abd", "output_shape": (10, 64)}, [SEQUENCE]),
    (
        "EinsumDense",
        {"equation": "ab,bcd->acd", "output_shape": (8, 32), "kernel_initializer": "he_normal"},
        [(None, 64)],
    ),
    ("MultiHeadAttention", {"num_heads": 8, "key_dim": 32, "value_dim": 16, "use_gate": True}, [LONG, (None, 5, 128)]),
    ("GroupQueryAttention", {"head_dim": 32, "num_query_heads": 8, "num_key_value_heads": 2}, [LONG, LONG]),
    ("Conv1D", {"filters": 32, "kernel_size": 3, "groups": 4}, [SEQUENCE]),
    ("Conv2D", {"filters": 32, "kernel_size": 3}, [IMAGE]),
    ("Conv3D", {"filters": 16, "kernel_size": 3}, [(None, 4, 4, 4, 12)]),
    ("Conv1DTranspose", {"filters": 32, "kernel_size": 3}, [SEQUENCE]),
    ("Conv2DTranspose", {"filters": 32, "kernel_size": 3}, [IMAGE]),
    ("Conv3DTranspose", {"filters": 16, "kernel_size": 3}, [(None, 4, 4, 4, 12)]),
    ("DepthwiseConv1D", {"kernel_size": 9, "depth_multiplier": 4}, [SEQUENCE]),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 4}, [(None, 8, 8, 48)]),
    ("SeparableConv1D", {"filters": 32, "kernel_size": 9, "depth_multiplier": 4}, [SEQUENCE]),
    ("SeparableConv2D", {"filters": 32, "kernel_size": 5, "depth_multiplier": 4}, [IMAGE]),
    ("Embedding", {"input_dim": 100, "output_dim": 32}, [(None, 4)]),
    ("ReversibleEmbedding", {"input_dim": 100, "output_dim": 32, "tie_weights": False}, [(None, 4)]),
    ("LSTM", {"units": 48}, [SEQUENCE]),
    ("GRU", {"units": 48}, [SEQUENCE]),
    ("GRU", {"units": 48, "reset_after": False}, [SEQUENCE]),
    ("SimpleRNN", {"units": 48}, [SEQUENCE]),
    ("ConvLSTM1D", {"filters": 16, "kernel_size": 3}, [(None, 4, 16, 12)]),
    ("ConvLSTM2D", {"filters": 16, "kernel_size": 3}, [(None, 4, 8, 8, 12)]),
    ("PReLU", {}, [(None, 64)]),
    ("BatchNormalization", {}, [(None, 64)]),
    ("LayerNormalization", {}, [(None, 64)]),
    ("GroupNormalization", {"groups": 4}, [(None, 64)]),
    ("RMSNormalization", {}, [(None, 64)]),
    ("AdditiveAttention", {}, [[(None, 5, 4000)] * 2]),
    ("Attention", {"use_scale": True, "score_mode": "concat"}, [[LONG, LONG]]),
]


@pytest.mark.parametrize(
    ("name", "settings", "shapes"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_initial_values(name, settings, shapes):
    layer = getattr(layers, name)(**settings)
    layer.build(*shapes)
    expected = asked("initial_values", getattr(keras.layers, name)(**settings), shapes)
    assert [[v.path.rpartition("/")[2], list(v.shape)] for v in layer.variables] == [each[:2] for each in expected]
    for variable, (key, _, deviation, limit) in zip(layer.variables, expected, strict=True):
        values = variable.numpy()
        assert values.std() == pytest.approx(deviation, rel=0.05, abs=1e-6), key
        bounded = key != "recurrent_kernel"  # the largest of a normal distribution is no limit
        assert not bounded or np.abs(values).max() == pytest.approx(limit, rel=0.12, abs=1e-6), key
