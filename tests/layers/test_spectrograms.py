"""STFTSpectrogram, MelSpectrogram and Pipeline against Keras."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import LayercliError
from tests.keras_parity import check, image, keras, real_keras

X = image(2, 150, 3)
MODES = ["log", "magnitude", "psd", "real", "imag", "angle", "stft"]
SHAPES = [
    {},
    {"frame_step": 20, "padding": "same", "expand_dims": True, "scaling": "spectrum", "window": "hamming"},
    {"data_format": "channels_first", "scaling": None, "periodic": True},
]


@pytest.mark.parametrize("settings", SHAPES, ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_spectrograms(mode, settings):
    settings = {"mode": mode, "frame_length": 50, **settings}
    x = np.ascontiguousarray(X.transpose(0, 2, 1)) if "data_format" in settings else X
    ours, theirs = layers.STFTSpectrogram(**settings), keras.layers.STFTSpectrogram(**settings)
    check(ours, theirs, x, gradients=mode == "magnitude", tolerance=2e-4)
    assert ours(Input(x.shape[1:])).shape[1:] == tuple(ours(x).shape[1:])


def test_a_spectrogram_starts_as_the_transform():
    ours, theirs = layers.STFTSpectrogram(frame_length=50), keras.layers.STFTSpectrogram(frame_length=50)
    np.testing.assert_allclose(ours(X).detach(), np.asarray(theirs(X)), rtol=0, atol=1e-3)


MEL = [
    {"fft_length": 256, "sequence_stride": 60, "num_mel_bins": 12},
    {"fft_length": 128, "sequence_length": 100, "sequence_stride": 40, "max_freq": 7000, "top_db": 12, "ref_power": 2.0},
    {"fft_length": 128, "sequence_stride": 50, "power_to_db": False, "mag_exp": 1.0, "window": "hamming"},
]  # fmt: skip


@pytest.mark.parametrize("settings", MEL, ids=str)
def test_mel_spectrograms(settings):
    x = image(2, 400)
    check(
        layers.MelSpectrogram(**settings), keras.layers.MelSpectrogram(**settings), x, gradients=False, tolerance=1e-4
    )
    assert str(layers.MelSpectrogram(**settings)(Input((400,))).dtype) == "float32"


def test_a_pipeline_is_its_layers_one_after_the_other(tmp_path):
    pipeline = layers.Pipeline([layers.Rescaling(2.0), layers.Normalization(), layers.Dropout(0.5)])
    pipeline.layers[1].adapt(X)
    model = Sequential([Input((150, 3)), pipeline])
    expected = pipeline.layers[1](X * 2)
    np.testing.assert_array_equal(model(X, training=False), expected)
    assert (model(X, training=True) == 0).float().mean() > 0.3
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(layercli.load_model(tmp_path / "m.keras")(X, training=False), expected)
    theirs = real_keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(np.asarray(theirs(X, training=False)), expected, rtol=1e-6)


def said(function, *args, **kwargs):
    with pytest.raises(LayercliError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert said(layers.Pipeline, 3) == "Pipeline expects layers to be a list of layers, got 3"
    assert said(layers.STFTSpectrogram, frame_length=5, frame_step=6) == (
        "STFTSpectrogram expects frame_step up to frame_length 5, got 6"
    )
    assert said(layers.STFTSpectrogram, frame_length=9, fft_length=8) == (
        "STFTSpectrogram expects fft_length from frame_length 9, got 8"
    )
    assert said(layers.STFTSpectrogram(name="s"), X.astype("int32")) == (
        "s (STFTSpectrogram) expects x in floats (x = int32[2, 150, 3])"
    )
    assert said(layers.MelSpectrogram, fft_length=8, sequence_length=9) == (
        "MelSpectrogram expects fft_length from sequence_length 9, got 8"
    )
