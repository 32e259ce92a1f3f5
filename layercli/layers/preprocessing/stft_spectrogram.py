"""STFTSpectrogram."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.initializers import STFT
from layercli.layers.validators import Bool, DataFormat, OptionalPositiveInt, Padding, PositiveInt, one_of

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
EPSILON = 1e-7
"""The least power and the least magnitude whose logarithm is taken."""


class STFTSpectrogram(Layer):
    """out = a spectrogram of the signals x (batch, time, channels), by convolution with the kernels of a Fourier transform.

    The kernels are variables, which can be trained. out is (batch, frames, channels * frequencies), or with expand_dims
    (batch, frames, frequencies, channels), where frequencies = fft_length / 2 + 1, twice as many for "stft". For channels first
    x is (batch, channels, time), out (batch, channels * frequencies, frames) or (batch, channels, frames, frequencies).

    Args:
        mode: "magnitude", its logarithm "log", "psd" (power, doubled between the ends), "real", "imag", "angle", or "stft" (both
            parts).
        frame_length: The length of a frame in samples.
        frame_step: The distance of frames in samples, at most frame_length; None for half of it.
        fft_length: The length of the transform, at least frame_length; None for the next power of two.
        window: The window of a frame: "hann", "hamming", an array of values, or None.
        periodic: Whether the window is periodic rather than symmetric.
        scaling: "density" divides by the window's Euclidean norm, "spectrum" by its sum, None by 1.
        expand_dims: Whether the channels have an axis of their own.
    """

    mode: Annotated[str, one_of(*MODES)] = "log"
    frame_length: PositiveInt = 256
    frame_step: OptionalPositiveInt = None
    fft_length: OptionalPositiveInt = None
    window: Any = "hann"
    periodic: Bool = False
    scaling: Annotated[Any, one_of("density", "spectrum", None)] = "density"
    padding: Padding = "valid"
    expand_dims: Bool = False
    data_format: DataFormat = None

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.real_kernel: Variable
            self.imag_kernel: Variable

    def setup(self) -> None:
        """Check the settings, and make the initializers of them."""
        length = self.frame_length
        if self.frame_step is not None and self.frame_step > length:
            raise UsageError(f"STFTSpectrogram expects frame_step up to frame_length {length}, got {self.frame_step}")
        if self.fft_length is not None and self.fft_length < length:
            raise UsageError(f"STFTSpectrogram expects fft_length from frame_length {length}, got {self.fft_length}")
        self.step = self.frame_step or max(length // 2, 1)
        self.size = self.fft_length or 2 ** math.ceil(math.log2(length))
        self.sides = {side: STFT(side, self.window, self.scaling, self.periodic) for side in ("real", "imag")}

    def build(self, input_shape: Shape) -> None:
        """Make the kernels."""
        if len(input_shape) != 3:
            raise ShapeError(f"expects x with 3 axes (batch, time, channels), got {len(input_shape)}")
        shape = (self.frame_length, 1, self.size // 2 + 1)
        if self.mode != "imag":
            self.real_kernel = self.add_weight("real_kernel", shape, self.sides["real"])
        if self.mode != "real":
            self.imag_kernel = self.add_weight("imag_kernel", shape, self.sides["imag"])

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the spectrogram."""
        if not dtypes.is_floating(spec_of(inputs).dtype):
            raise DTypeError(f"expects x in floats (x = {spec_of(inputs)})")
        signals = inputs if self.data_format == "channels_first" else ops.transpose(inputs, (0, 2, 1))
        parts = [self._frames(signals, kernel) for kernel in (self._kernels())]
        if len(parts) == 1:
            return self._arranged(parts[0])
        real, imaginary = parts
        if self.mode == "stft":
            return self._arranged(ops.concatenate(parts, -1))
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imaginary, real))
        power = real * real + imaginary * imaginary
        if self.mode == "psd":
            return self._arranged(power + ops.pad(power[..., 1:-1], ((0, 0), (0, 0), (0, 0), (1, 1))))
        magnitude = self._arranged(ops.sqrt(ops.maximum(power, EPSILON)))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, EPSILON))

    def _kernels(self) -> list[Variable]:
        if self.mode in ("real", "imag"):
            return [self.real_kernel if self.mode == "real" else self.imag_kernel]
        return [self.real_kernel, self.imag_kernel]

    def _frames(self, signals: Tensor, kernel: Variable) -> Tensor:
        """Return (batch, channels, frames, frequencies) of signals (batch, channels, time)."""
        batch, channels, time = signals.shape
        flat = ops.reshape(signals, (batch * channels, time, 1))
        found = ops.conv(flat, kernel, self.step, self.padding, "channels_last")
        return ops.reshape(found, (batch, channels, *found.shape[1:]))

    def _arranged(self, values: Tensor) -> Tensor:
        """Return (batch, channels, frames, frequencies) with the axes that the settings say."""
        batch, channels, frames, frequencies = values.shape
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return values if first else ops.transpose(values, (0, 2, 3, 1))
        order = (0, 1, 3, 2) if first else (0, 2, 1, 3)
        sizes = (channels * frequencies, frames) if first else (frames, channels * frequencies)
        return ops.reshape(ops.transpose(values, order), (batch, *sizes))
