"""Every layer takes inputs of as many axes as Keras's does; others, and dtypes that torch has no kernel for, are refused."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import layers
from layercli.errors import LayercliError
from tests.keras_reference import asked
from tests.layers.test_config import CELLS, TEXT, settings_of, simple

SIZES = (2, 4, 4, 4, 4)
LOOKUPS = {"Hashing", "IntegerLookup"}  # Keras's need TensorFlow
CHANCE = {"AugMix", "RandAugment"}  # whether a layer for images in colour is drawn decides what they take
WIDER = {"ContrastLimitedAdaptiveHistogramEqualization"}  # takes any number of channels; Keras's one or three
REFUSED = {
    "Softmax": [0],
    "UnitNormalization": [0],
    "Masking": [0],
    "PReLU": [0],
    "BatchNormalization": [1],
    "AdaptiveAveragePooling2D": [3],
    "AdaptiveAveragePooling3D": [3],
    "AdaptiveMaxPooling2D": [3],
    "AdaptiveMaxPooling3D": [3],
}
"""What Keras returns something for that has no meaning: an axis that is not there, statistics of a batch without a batch."""


@pytest.mark.parametrize("name", [name for name in simple() if name not in CELLS | TEXT | LOOKUPS | CHANCE | WIDER])
def test_ranks(name):
    wanted = asked("called_on_ranks", name, settings_of(name))
    for rank, expected in enumerate(wanted):
        outputs = called(name, SIZES[:rank], "float32")
        assert outputs == (None if rank in REFUSED.get(name, ()) else expected), rank
        called(name, SIZES[:rank], "int32")


def called(name, shape, dtype):
    """Return the shape and dtype of each output for ones, None where the layer refuses them; no other error is let through."""
    layer = getattr(layers, name)(**settings_of(name))
    try:
        found = layer(np.ones(shape, dtype))
    except LayercliError:
        return None
    except TypeError as error:
        if "missing" not in str(error):  # it takes two inputs
            raise
        return None
    outputs = found if isinstance(found, (list, tuple)) else [found]
    return [[list(y.shape), str(y.dtype).removeprefix("torch.")] for y in outputs]
