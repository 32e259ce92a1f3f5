"""Complex tensors: their parts, and conversion from and to pairs of real numbers."""

from __future__ import annotations

from layercli.core import dims, dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError
from layercli.lazy import torch
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.elementwise import Unary, broadcast_shapes


@dataclass(frozen=True)
class ViewAsComplex(Op):
    """out[...] = x[..., 0] + i x[..., 1], in complex64, or complex128 for float64."""

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without its last axis; ShapeError where its size is not 2."""
        if not x.rank or not dims.may_equal(x.shape[-1], 2):
            raise ShapeError(f"expects x with a last axis of size 2, the real and the imaginary part, got {x}")
        return Spec(x.shape[:-1], "complex128" if x.dtype == "float64" else "complex64")

    def run(self, x: Tensor) -> Tensor:
        """Return torch's complex of the parts."""
        self.spec(spec_of(x))
        x = x if x.dtype is torch.float64 else x.float()
        return torch.complex(x[..., 0], x[..., 1])


@dataclass(frozen=True)
class ViewAsReal(Op):
    """out[..., 0] and out[..., 1] = the real and the imaginary part of x."""

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with a last axis of size 2."""
        return Spec((*x.shape, 2), dtypes.REAL.get(x.dtype, x.dtype))

    def run(self, x: Tensor) -> Tensor:
        """Return torch's view_as_real; the imaginary part of real numbers is 0."""
        return torch.view_as_real(x) if x.is_complex() else torch.stack([x, torch.zeros_like(x)], -1)


@dataclass(frozen=True)
class Polar(Op):
    """out = radius * (cos(angle) + i sin(angle))."""

    def spec(self, radius: Spec, angle: Spec) -> Spec:
        """Return the broadcast shape; DTypeError where the parts do not have one floating dtype."""
        if radius.dtype != angle.dtype or radius.dtype not in ("float32", "float64"):
            raise DTypeError(f"expects two of float32 or of float64, got {radius.dtype} and {angle.dtype}")
        dtype = "complex64" if radius.dtype == "float32" else "complex128"
        return Spec(broadcast_shapes(radius.shape, angle.shape), dtype)

    def run(self, radius: Tensor, angle: Tensor) -> Tensor:
        """Return torch's polar."""
        return torch.polar(radius, angle)


def view_as_complex(x: TensorLike) -> Tensor:
    """Return x[..., 0] + i x[..., 1]; ShapeError where the last axis does not have size 2."""
    return ViewAsComplex()(convert_to_tensor(x))


def view_as_real(x: TensorLike) -> Tensor:
    """Return the real and the imaginary part of x along a new last axis of size 2."""
    return ViewAsReal()(convert_to_tensor(x))


def polar(abs_: TensorLike, angle: TensorLike) -> Tensor:
    """Return abs_ * (cos(angle) + i sin(angle)), elementwise, in complex64."""
    parts = (convert_to_tensor(part) for part in (abs_, angle))
    return Polar()(*(part if dtypes.name_of(part.dtype) == "float32" else cast(part, "float32") for part in parts))


def angle(x: TensorLike) -> Tensor:
    """Return the angle of x in the complex plane, elementwise, in (-pi, pi]: pi for negative real numbers."""
    return Unary("angle")(x)


def conj(x: TensorLike) -> Tensor:
    """Return the complex conjugate of x, elementwise."""
    return Unary("conj")(x)


def conjugate(x: TensorLike) -> Tensor:
    """Return the complex conjugate of x, elementwise; the same as ``conj``."""
    return Unary("conj")(x)


def imag(x: TensorLike) -> Tensor:
    """Return the imaginary part of x, elementwise: 0 for real numbers."""
    return Unary("imag")(x)


def real(x: TensorLike) -> Tensor:
    """Return the real part of x, elementwise."""
    return Unary("real")(x)
