"""Weights of a .keras archive: small ones are written and read as a whole, large ones in parts, with the same values."""

import numpy as np
import pytest

import layercli as lc
from layercli.errors import FormatError
from layercli.formats import keras_h5, keras_h5_writer
from layercli.layers import Dense, Input


def made():
    return lc.Sequential([Input((3,)), Dense(4), Dense(2)])


@pytest.mark.parametrize("writing", [0, 1 << 20])
@pytest.mark.parametrize("reading", [0, 1 << 20])
def test_both_ways_hold_the_same_values(writing, reading, tmp_path, monkeypatch):
    model = made()
    monkeypatch.setattr(keras_h5_writer, "SMALL", writing)
    model.save(tmp_path / "m.keras")
    monkeypatch.setattr(keras_h5, "SMALL", reading)
    loaded = lc.saving.load_model(tmp_path / "m.keras")
    for ours, found in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, found)


@pytest.mark.parametrize("whole", [False, True])
def test_weights_that_end_too_early_are_refused(whole, tmp_path):
    image = bytes(keras_h5_writer.image_of({"a": ("a", [np.ones(3000, "float32")])}))
    cut = tmp_path / "cut.h5"
    cut.write_bytes(image[: len(image) // 2])
    refused = pytest.raises(FormatError, match="is not an HDF5 file, or is damaged")
    with cut.open("rb") as stream, refused, keras_h5.opened(cut, stream, whole=whole):
        pass
