"""Fourier transforms along the last one or two axes; a complex tensor is a pair (real, imaginary), as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.conversion import cast, convert_to_tensor

TRANSFORMS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "fft": (1, lambda x: torch.fft.fft(x)),
    "fft2": (2, lambda x: torch.fft.fft2(x)),
    "ifft2": (2, lambda x: torch.fft.ifft2(x)),
}
"""The number of transformed axes, and torch's function."""


@dataclass(frozen=True)
class Fourier(MultiOutputOp):
    """The real and the imaginary part of the transform ``function``, a key of ``TRANSFORMS``, of real + i imaginary."""

    function: str

    def spec(self, real: Spec, imaginary: Spec) -> tuple[Spec, Spec]:
        """Return real's spec twice; ShapeError where the parts differ."""
        check_parts(real, imaginary, TRANSFORMS[self.function][0])
        return real, real

    def run(self, real: Tensor, imaginary: Tensor) -> tuple[Tensor, ...]:
        """Return torch's transform."""
        self.spec(spec_of(real), spec_of(imaginary))
        return parts_of(TRANSFORMS[self.function][1](torch.complex(real, imaginary)))


@dataclass(frozen=True)
class RealFourier(MultiOutputOp):
    """The real and the imaginary part of the transform of real values, at the frequencies 0 to length // 2.

    x is truncated or zero-padded to ``length`` along the last axis; None keeps its size.
    """

    length: int | None = None

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return two specs with length // 2 + 1 as the last size."""
        length = last_size(x) if self.length is None else self.length
        part = Spec((*x.shape[:-1], length // 2 + 1), check_floating(x))
        return part, part

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's rfft."""
        return parts_of(torch.fft.rfft(x, self.length))


@dataclass(frozen=True)
class InverseRealFourier(Op):
    """out = the ``length`` real values whose transform is real + i imaginary; None is 2 * (frequencies - 1)."""

    length: int | None = None

    def spec(self, real: Spec, imaginary: Spec) -> Spec:
        """Return real's shape with the length as the last size."""
        check_parts(real, imaginary, 1)
        length: Size = 2 * (real.shape[-1] - 1) if self.length is None else self.length
        return Spec((*real.shape[:-1], length), real.dtype)

    def run(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Return torch's irfft."""
        self.spec(spec_of(real), spec_of(imaginary))
        out: Tensor = torch.fft.irfft(torch.complex(real, imaginary), self.length)
        return out


def fft(x: tuple[object, object]) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of (real, imaginary) along the last axis, as such a pair."""
    return _pair(Fourier("fft")(*checked_pair("fft", x)))


def fft2(x: tuple[object, object]) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of (real, imaginary) along the last two axes, as such a pair."""
    return _pair(Fourier("fft2")(*checked_pair("fft2", x)))


def ifft2(x: tuple[object, object]) -> tuple[Tensor, Tensor]:
    """Return the inverse of ``fft2`` of (real, imaginary), as such a pair."""
    return _pair(Fourier("ifft2")(*checked_pair("ifft2", x)))


def rfft(x: TensorLike, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the Fourier transform of real values along the last axis, as (real, imaginary) of fft_length // 2 + 1
    frequencies.
    """
    x = convert_to_tensor(x)
    x = x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")
    return _pair(RealFourier(fft_length)(x))


def irfft(x: tuple[object, object], fft_length: int | None = None) -> Tensor:
    """Return the inverse of ``rfft`` of (real, imaginary): ``fft_length`` real values, by default 2 * (frequencies -
    1).
    """
    return InverseRealFourier(fft_length)(*checked_pair("irfft", x))


def checked_pair(name: str, x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the parts of a complex tensor; UsageError where x is not a pair."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise UsageError(f"{name} expects a pair of tensors, the real and the imaginary part, got {type(x).__name__}")
    return convert_to_tensor(x[0]), convert_to_tensor(x[1])


def check_parts(real: Spec, imaginary: Spec, axes: int) -> None:
    """Raise ShapeError where the parts differ in shape or have fewer than ``axes`` axes, DTypeError where their dtypes
    differ.
    """
    alike = real.rank == imaginary.rank and all(map(dims.may_equal, real.shape, imaginary.shape))
    if not alike or real.rank < axes:
        raise ShapeError(f"expects two parts of one shape with at least {axes} axes, got {real} and {imaginary}")
    if not dtypes.is_floating(real.dtype) or real.dtype != imaginary.dtype:
        raise DTypeError(f"expects two parts of one floating dtype, got {real} and {imaginary}")


def check_floating(x: Spec) -> str:
    """Return x's dtype; DTypeError where it is not floating."""
    if not dtypes.is_floating(x.dtype):
        raise DTypeError(f"expects x of a floating dtype (x = {x})")
    return x.dtype


def last_size(x: Spec) -> Size:
    """Return the size of x's last axis; ShapeError where x has no axis."""
    if not x.rank:
        raise ShapeError(f"expects x with at least 1 axis, got 0 (x = {x})")
    return x.shape[-1]


def parts_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the real and the imaginary part of a complex torch tensor."""
    return x.real, x.imag


def _pair(parts: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    real, imaginary = parts
    return real, imaginary
