"""Fourier transforms, frames, and labels of sequences: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, keras

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError, UsageError

X, Y = image(2, 5, 8), image(2, 5, 8, seed=1)
SIGNAL = image(2, 40)


@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
def test_transforms_of_complex_numbers(name):
    agree(lambda k, x, y: getattr(k, name)((x, y)), X, Y)


@pytest.mark.parametrize("length", [None, 8, 5, 11])
def test_transforms_of_real_numbers(length):
    agree(lambda k, x: k.rfft(x, length), X)
    agree(lambda k, x, y: k.irfft((x, y), fft_length=length), X, Y)


def test_extract_sequences():
    agree(lambda k, x: k.extract_sequences(x, 3, 2), X)
    agree(lambda k, x: k.extract_sequences(x, sequence_length=8, sequence_stride=5), SIGNAL)


FRAMES = [
    {"fft_length": 8},
    {"fft_length": 9, "window": "hamming"},
    {"fft_length": 8, "window": None},
    {"fft_length": 10, "center": False},
]


@pytest.mark.parametrize("settings", FRAMES, ids=range(len(FRAMES)))
def test_frames_of_frequencies(settings):
    agree(lambda k, x: k.stft(x, 8, 3, **settings), SIGNAL, gradients=False)
    agree(lambda k, x: k.stft(x, 8, 3, **settings), SIGNAL[0], gradients=False)
    real, imaginary = (np.asarray(part) for part in keras.ops.stft(SIGNAL, 8, 3, **settings))
    agree(lambda k, x, y: k.istft((x, y), 8, 3, **settings), real, imaginary, gradients=False)
    agree(lambda k, x, y: k.istft((x, y), 8, 3, length=30, **settings), real, imaginary, gradients=False)


def test_a_window_that_is_given():
    window = np.hanning(8).astype("float32")
    agree(lambda k, x: k.stft(x, 8, 2, 8, window=window), SIGNAL, gradients=False)


LOGITS = image(3, 9, 5)
LENGTHS = np.array([9, 6, 7], "int32")
LABELS = np.array([[1, 2, 2, 4], [3, 3, 0, 0], [4, 1, 2, 3]], "int32")
COUNTS = np.array([4, 2, 3], "int32")


def test_ctc_loss():
    given = (LABELS, LOGITS, COUNTS, LENGTHS)
    agree(lambda k, t, o, n, m: k.ctc_loss(t, o, n, m), *given, tolerance=1e-5, sizes="known")
    moved = np.where(LABELS == 0, 0, LABELS - 1).astype("int32")
    agree(lambda k, t, o, n, m: k.ctc_loss(t, o, n, m, mask_index=4), moved, *given[1:], tolerance=1e-5, sizes="known")


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("mask", [0, 4])
def test_ctc_decode_greedily(merge, mask):
    call = lambda k, x, n: k.ctc_decode(x, n, merge_repeated=merge, mask_index=mask)  # noqa: E731
    agree(call, LOGITS * 3, LENGTHS, gradients=False, sizes="known")


@pytest.mark.parametrize("mask", [0, 4])
def test_ctc_decode_by_beams(mask):
    settings = {"strategy": "beam_search", "beam_width": 30, "top_paths": 3, "mask_index": mask}
    x, lengths = LOGITS * 2, LENGTHS
    labels, scores = ops.ctc_decode(torch.from_numpy(x), torch.from_numpy(lengths), **settings)
    theirs, their_scores = keras.ops.ctc_decode(x, lengths, **settings)
    assert np.array_equal(labels.numpy(), np.asarray(theirs))
    close(scores, their_scores, 1e-5)


MESSAGES = [
    (UsageError, lambda x: ops.fft(x), "fft expects a pair of tensors, the real and the imaginary part, got "),
    (
        ShapeError,
        lambda x: ops.fft((x, x[0])),
        "expects two parts of one shape with at least 1 axes, got float32[2, 5, 8] and float32[5, 8]",
    ),
    (
        ShapeError,
        lambda x: ops.extract_sequences(x, 9, 1),
        "expects x with at least 9 values along its last axis, got 8 (x = float32[2, 5, 8])",
    ),
    (UsageError, lambda x: ops.stft(x, 8, 2, 7), "stft expects fft_length to be at least sequence_length, got 7 and 8"),
    (
        UsageError,
        lambda x: ops.stft(x, 8, 2, 8, "kaiser"),
        "stft expects window to be hann, hamming, a tensor or None, got 'kaiser'",
    ),
    (ShapeError, lambda x: ops.stft(x, 8, 2, 8, x[0, 0, :7]), "expects a window of the shape (8,), got float32[7]"),
    (
        DTypeError,
        lambda x: ops.stft(ops.cast(x, "int32"), 8, 2, 8),
        "expects x in float32 or float64 (x = int32[2, 5, 8])",
    ),
    (
        UsageError,
        lambda x: ops.ctc_decode(x, [8, 8], "best"),
        "ctc_decode expects strategy to be greedy or beam_search, got 'best'",
    ),
    (
        ShapeError,
        lambda x: ops.ctc_decode(x[0], [8]),
        "expects x with 3 axes (batch, steps, classes), got 2 (x = float32[5, 8])",
    ),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert str(error.value).startswith(message)
