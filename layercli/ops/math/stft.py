"""Short-time Fourier transform and its inverse."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.math.fft import check_parts, checked_pair, last_size, parts_of

WINDOWS = ("hann", "hamming")
"""The windows with a name; others are tensors."""


@dataclass(frozen=True)
class Frames(Op):
    """out[..., i, :] = x[..., i * stride : i * stride + length]: a view."""

    length: int
    stride: int

    def spec(self, x: Spec) -> Spec:
        """Return (..., frames, length); ShapeError where x is shorter than a frame."""
        size = last_size(x)
        if self.length < 1 or self.stride < 1:
            raise ShapeError(f"expects frames of at least 1 value, 1 apart, got {self.length} and {self.stride}")
        if isinstance(size, int) and size < self.length:
            raise ShapeError(f"expects x with at least {self.length} values along its last axis, got {size} (x = {x})")
        return Spec((*x.shape[:-1], (size - self.length) // self.stride + 1, self.length), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's unfold."""
        return x.unfold(-1, self.length, self.stride)


@dataclass(frozen=True)
class _Spectrum(Op):
    """Base of the transforms: frames of ``length`` values, ``stride`` apart, times a window, zero-padded to ``size``
    values.

    ``window``: a name in ``WINDOWS``, or empty where the window is an input, or all ones without one. ``center``: the
    first frame is centered at the start of the signal.
    """

    length: int
    stride: int
    size: int
    window: str = "hann"
    center: bool = True

    def weights(self, like: Any, given: Any) -> Tensor:
        """Return the window, zero-padded to ``size``."""
        if self.window:
            made = torch.hann_window if self.window == "hann" else torch.hamming_window
            given = made(self.length, dtype=torch.float64, device=like.device)
        elif given is None:
            return torch.ones(self.size, dtype=like.dtype, device=like.device)
        before = (self.size - self.length) // 2
        return F.pad(given.to(like.dtype), (before, self.size - self.length - before))

    def check_window(self, given: Spec | None) -> None:
        """Raise ShapeError where the given window has another length."""
        if given is not None and (given.rank != 1 or not dims.may_equal(given.shape[0], self.length)):
            raise ShapeError(f"expects a window of the shape ({self.length},), got {given}")


@dataclass(frozen=True)
class ShortTimeFourier(_Spectrum, MultiOutputOp):
    """The real and the imaginary part of the transform of each frame of x (..., values): (..., frames, size // 2 + 1)."""

    def spec(self, x: Spec, window: Spec | None = None) -> tuple[Spec, Spec]:
        """Return the shapes of both; DTypeError where x is not float32 or float64."""
        if x.dtype not in ("float32", "float64"):
            raise DTypeError(f"expects x in float32 or float64 (x = {x})")
        self.check_window(window)
        extra = 2 * (self.size // 2) * self.center
        last = last_size(x)
        if isinstance(last, int) and last + extra < self.size:
            raise ShapeError(
                f"expects x with at least {self.size - extra} values along its last axis, got {last} (x = {x})"
            )
        part = Spec((*x.shape[:-1], (last + extra - self.size) // self.stride + 1, self.size // 2 + 1), x.dtype)
        return part, part

    def run(self, x: Tensor, window: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return torch's rfft of the overlapping frames of the signal, reflected at its ends for ``center``."""
        self.spec(spec_of(x), None if window is None else spec_of(window))
        if self.center:
            half = self.size // 2
            flat = F.pad(x.reshape(1, -1, x.shape[-1]), (half, half), "reflect")
            x = flat.reshape(*x.shape[:-1], x.shape[-1] + 2 * half)
        return parts_of(torch.fft.rfft(x.unfold(-1, self.size, self.stride) * self.weights(x, window)))


@dataclass(frozen=True)
class InverseShortTimeFourier(_Spectrum):
    """out = the signal (..., values) whose frames have the transforms real + i imaginary (..., frames, size // 2 + 1).

    ``values``: the length of the signal; None follows from the frames.
    """

    values: int | None = None

    def spec(self, real: Spec, imaginary: Spec, window: Spec | None = None) -> Spec:
        """Return (..., values)."""
        check_parts(real, imaginary, 2)
        self.check_window(window)
        *lead, frames, _ = real.shape
        whole: Size = self.size + self.stride * (frames - 1)
        half = self.size // 2 if self.center else 0
        length = whole - 2 * half if self.values is None else self.values
        if self.values is not None and isinstance(whole, int):
            length = min(self.values, whole - half)
        return Spec((*lead, length), real.dtype)

    def run(self, real: Tensor, imaginary: Tensor, window: Tensor | None = None) -> Tensor:
        """Return the weighted frames, overlapped and added, divided by the sum of the squared weights.

        Without a window the result is size / stride times that, as in Keras.
        """
        self.spec(spec_of(real), spec_of(imaginary), None if window is None else spec_of(window))
        weights = self.weights(real, window)
        frames = torch.fft.irfft(torch.complex(real, imaginary), self.size) * weights
        count = frames.shape[-2]
        whole = self.size + self.stride * (count - 1)
        out = self._added(frames.reshape(-1, count, self.size), whole)
        norm = self._added((weights * weights).expand(1, count, self.size), whole)
        out = torch.where(norm > 1e-10, out / torch.where(norm > 1e-10, norm, 1), out)
        out = out if self.window or window is not None else out * (self.size / self.stride)
        start = self.size // 2 if self.center else 0
        end = start + self.values if self.values is not None else whole - start
        return out[:, start:end].reshape(*real.shape[:-2], -1)

    def _added(self, frames: Tensor, whole: int) -> Tensor:
        columns = frames.transpose(1, 2)
        return F.fold(columns, (1, whole), (1, self.size), stride=(1, self.stride)).reshape(len(frames), whole)


def extract_sequences(x: TensorLike, sequence_length: int, sequence_stride: int) -> Tensor:
    """Return frames of ``sequence_length`` values along x's last axis, ``sequence_stride`` apart: (..., frames,
    length).
    """
    return Frames(sequence_length, sequence_stride)(convert_to_tensor(x))


def stft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: TensorLike = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return the short-time Fourier transform of x (..., values) as (real, imaginary), each (..., frames, fft_length //
    2 + 1).

    Frames of ``sequence_length`` values, ``sequence_stride`` apart, are multiplied by ``window`` (hann, hamming, a
    tensor, or None) and zero-padded to ``fft_length``. ``center``: the first frame is centered at the start of the
    signal.
    """
    name, given = _window("stft", (sequence_length, sequence_stride, fft_length), window)
    op = ShortTimeFourier(sequence_length, sequence_stride, fft_length, name, center)
    real, imaginary = op(convert_to_tensor(x), *given)
    return real, imaginary


def istft(
    x: tuple[object, object],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: TensorLike = "hann",
    center: bool = True,
) -> Tensor:
    """Return the signal whose ``stft`` with the same arguments is the pair x, cut to ``length`` values where given."""
    name, given = _window("istft", (sequence_length, sequence_stride, fft_length), window)
    op = InverseShortTimeFourier(sequence_length, sequence_stride, fft_length, name, center, length)
    return op(*checked_pair("istft", x), *given)


def _window(name: str, sizes: tuple[int, int, int], window: object) -> tuple[str, tuple[object, ...]]:
    """Return the name of a window, empty for a tensor or None, and the tensor or None; UsageError for another name."""
    length, stride, size = sizes
    if length < 1 or stride < 1:
        raise UsageError(
            f"{name} expects sequence_length and sequence_stride to be at least 1, got {length} and {stride}"
        )
    if size < length:
        raise UsageError(f"{name} expects fft_length to be at least sequence_length, got {size} and {length}")
    if not isinstance(window, str):
        return "", () if window is None else (convert_to_tensor(window),)
    if window not in WINDOWS:
        raise UsageError(f"{name} expects window to be hann, hamming, a tensor or None, got {window!r}")
    return window, ()
