"""MelSpectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.validators import Bool, Number, PositiveInt

if TYPE_CHECKING:
    import numpy as np


class MelSpectrogram(Layer):
    """out = the spectrogram (batch, num_mel_bins, frames) of the signals x (batch, time) on the mel scale; x may lack the batch.

    The magnitude of the short-time Fourier transform, to the power mag_exp, is summed over triangular bands of equal width in
    2595 log10(1 + f / 700), as in HTK. Raises UsageError for an fft_length below sequence_length.

    Args:
        fft_length: The length of the transform.
        sequence_stride: The distance of frames in samples.
        sequence_length: The length of a frame in samples; None for fft_length.
        window: The window of a frame: "hann", "hamming", an array of values, or None.
        sampling_rate: The samples per second.
        num_mel_bins: The number of bands.
        min_freq: The lower end of the lowest band in Hz.
        max_freq: The upper end of the highest band in Hz; None for half of the sampling rate.
        power_to_db: Whether to return decibels, 10 log10(x / ref_power).
        top_db: How far decibels may lie below their maximum over the whole batch.
        mag_exp: The exponent of the magnitude: 1 for magnitude, 2 for power.
        min_power: The least power whose logarithm is taken.
        ref_power: The power of 0 decibels.
    """

    fft_length: PositiveInt = 2048
    sequence_stride: PositiveInt = 512
    sequence_length: Any = None
    window: Any = "hann"
    sampling_rate: Number = 16000
    num_mel_bins: PositiveInt = 128
    min_freq: Number = 20.0
    max_freq: Any = None
    power_to_db: Bool = True
    top_db: Number = 80.0
    mag_exp: Number = 2.0
    min_power: Number = 1e-10
    ref_power: Number = 1.0

    def setup(self) -> None:
        """Check the settings, and make the matrix of the bands."""
        self.sequence_length = self.sequence_length or self.fft_length
        self.max_freq = self.max_freq or int(self.sampling_rate / 2)
        if self.fft_length < self.sequence_length:
            raise UsageError(
                f"MelSpectrogram expects fft_length from sequence_length {self.sequence_length}, got {self.fft_length}"
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrogram."""
        dtype = self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32"
        x = ops.cast(inputs, dtype)
        real, imaginary = ops.stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        spectrum = ops.power(ops.sqrt(real * real + imaginary * imaginary), self.mag_exp)
        ends = (self.min_freq, float(self.max_freq))
        bands = mel_weights(self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, ends)
        out = ops.matmul(spectrum, ops.cast(ops.convert_to_tensor(bands), dtype))
        result: Tensor = ops.cast(
            ops.swapaxes(self._decibels(out) if self.power_to_db else out, -1, -2), self.compute_dtype
        )
        return result

    def _decibels(self, power: Tensor) -> Tensor:
        import math

        reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
        found = 10 * ops.log10(ops.maximum(power, self.min_power)) - reference
        return ops.maximum(found, ops.max(found) - self.top_db)


def mel_weights(bands: int, frequencies: int, sampling_rate: float, ends: tuple[float, float]) -> np.ndarray:
    """Return the weight (frequencies, bands) of each frequency in each band, triangles with a peak of 1; 0 for frequency 0."""
    import numpy as np

    def mel(hertz: object) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz, "float64") / 700.0)

    frequency_mels = mel(np.linspace(0, sampling_rate / 2, frequencies))[1:, None]
    first, last = mel(ends)
    edges = np.linspace(first, last, bands + 2)
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequency_mels - lower) / (center - lower), (upper - frequency_mels) / (upper - center)
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.concatenate([np.zeros((1, bands)), weights]).astype("float32")
