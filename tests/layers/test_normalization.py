"""Normalizations against Keras."""

from __future__ import annotations

import pytest

from layercli.layers.normalization import BatchNormalization
from tests.oracle import check, image, keras


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9, "epsilon": 1e-5}, {"center": False}, {"scale": False}, {"axis": 1}], ids=str
)
@pytest.mark.parametrize("shape", [(8, 4), (4, 5, 6), (2, 3, 4, 5)], ids=str)
def test_batch_normalization(settings, shape, training):
    check(
        BatchNormalization(**settings),
        keras.layers.BatchNormalization(**settings),
        image(*shape) * 2 + 1,
        training=training,
    )
