"""Creation of tensors from a shape, a value or an array.

While a model is described they are symbolic, with unknown sizes allowed, and torch is not imported. In the call of a
layer they are created on the device of its inputs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from layercli.core import call_context, dtypes
from layercli.core.dims import Dim, Size
from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec, shape_of
from layercli.core.tracking import Trackable
from layercli.core.types import DTypeLike, ShapeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ArgumentError, UnknownSizeError
from layercli.lazy import torch


class _Place(threading.local):
    """The device on which tensors are made in this thread; None is torch's default."""

    device: Any = None


creation_device = _Place()


def create(op: Op, *inputs: object) -> Tensor:
    """Return the result of ``op``, whose inputs are not tensors; layers being traced record that they create a tensor."""
    if not call_context.is_describing():
        return op(*inputs)
    for call in call_context.call_stack():
        if isinstance(call.layer, Trackable):
            call.layer._makes_tensors = True
    out: Tensor = op.trace(inputs, inputs)
    return out


def torch_dtype(values: object) -> Any:
    """Return torch's dtype for Python numbers, or nested lists of them; None for what has a dtype, and for booleans."""
    name = None if hasattr(values, "ndim") and not isinstance(values, float) else dtypes.of_python(values)
    return None if name is None else getattr(torch, name)


@dataclass(frozen=True)
class ConstantTensor(Op):
    """out = the values of an array or of nested lists."""

    def spec(self, values: Spec) -> Spec:
        """Return the array's spec."""
        return values

    def run(self, values: Tensor) -> Tensor:
        """Return the values as a torch tensor."""
        return torch.as_tensor(values, dtype=torch_dtype(values), device=creation_device.device)


@dataclass(frozen=True)
class Full(Op):
    """out = ``value`` at every index of ``shape``."""

    shape: Shape
    value: float | Dim
    dtype: str = "float32"

    def spec(self) -> Spec:
        """Return the shape; ShapeError where a size is negative."""
        return Spec(shape_of(self.shape), self.dtype)

    def run(self) -> Tensor:
        """Return torch's full."""
        sizes = [as_int(size) for size in self.shape]
        value = as_int(self.value) if isinstance(self.value, Dim) else self.value
        return torch.full(sizes, value, dtype=getattr(torch, self.dtype), device=creation_device.device)


@dataclass(frozen=True)
class Eye(Op):
    """out[i, j] = 1 where j = i + ``k``, else 0, of shape (rows, columns)."""

    rows: Size
    columns: Size
    k: int = 0
    dtype: str = "float32"

    def spec(self) -> Spec:
        """Return (rows, columns)."""
        return Spec((self.rows, self.columns), self.dtype)

    def run(self) -> Tensor:
        """Return the comparison of row and column numbers."""
        i, j = (torch.arange(as_int(size), device=creation_device.device) for size in (self.rows, self.columns))
        return (i.unsqueeze(1) + self.k == j).to(getattr(torch, self.dtype))


def as_int(size: Size) -> int:
    """Return a size as an integer; UnknownSizeError for an unknown one."""
    if isinstance(size, Dim):
        raise UnknownSizeError(
            f"cannot make a tensor of the size {size}, which is not known outside of a layer's call",
            hint="put it into the call of a layer of your own, or use zeros_like, ones_like or full_like",
        )
    return size


def dtype_or(dtype: object, default: str) -> str:
    """Return the name of ``dtype``, or the default where it is None."""
    return default if dtype is None else dtypes.name_of(dtype)


def full(shape: object, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Return a tensor of ``shape`` filled with ``fill_value``, a number or a tensor that broadcasts; float32 by
    default.
    """
    if isinstance(fill_value, (bool, int, float, Dim)):  # a size of an input, in the call of a layer
        return create(Full(sizes_of(shape), fill_value, dtype_or(dtype, "float32")))
    from layercli.ops.core.conversion import array, cast, convert_to_tensor
    from layercli.ops.numpy.reshaping import broadcast_to

    return array(broadcast_to(cast(convert_to_tensor(fill_value), dtype_or(dtype, "float32")), sizes_of(shape)))


def zeros(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return zeros of ``shape``, float32 by default."""
    return full(shape, 0, dtype)


def ones(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return ones of ``shape``, float32 by default."""
    return full(shape, 1, dtype)


def empty(shape: ShapeLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return a tensor of ``shape`` with unspecified values: zeros, float32 by default."""
    return full(shape, 0, dtype)


def eye(N: Size, M: Size | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Return the matrix of N rows and M (None: N) columns with ones on diagonal k and zeros elsewhere, float32 by
    default.
    """
    sizes = (N, N if M is None else M)
    if not all(hasattr(size, "__index__") for size in sizes):
        raise ArgumentError(f"eye expects integers, got {sizes}")
    return create(Eye(*sizes, k, dtype_or(dtype, "float32")))


def identity(n: Size, dtype: DTypeLike | None = None) -> Tensor:
    """Return the identity matrix (n, n), float32 by default."""
    return eye(n, dtype=dtype)


def sizes_of(shape: object) -> Shape:
    """Return a shape, or one size, as a tuple; torch's symbolic sizes are kept."""
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    return sizes if all(isinstance(size, int) or hasattr(size, "node") for size in sizes) else shape_of(sizes)


@dataclass(frozen=True)
class FullLike(Op):
    """out = ``value`` in x's shape, in ``dtype``, None being x's."""

    value: float | bool
    dtype: str | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape."""
        return Spec(x.shape, self.dtype or x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's full_like."""
        return torch.full_like(x, self.value, dtype=getattr(torch, self.dtype) if self.dtype else None)


def full_like(x: TensorLike, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Return a tensor of x's shape filled with ``fill_value``, a number or a tensor that broadcasts, in ``dtype``, None
    being x's.
    """
    wanted = None if dtype is None else dtypes.name_of(dtype)
    if isinstance(fill_value, (bool, int, float)):
        return FullLike(fill_value, wanted)(x)
    from layercli.ops.core.conversion import cast, convert_to_tensor
    from layercli.ops.numpy.elementwise import Where

    empty = FullLike(0, wanted)(x)
    return Where()(FullLike(True, "bool")(x), cast(convert_to_tensor(fill_value), empty.dtype), empty)


def ones_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return ones of x's shape, in ``dtype``, None being x's."""
    return full_like(x, 1, dtype)


def zeros_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return zeros of x's shape, in ``dtype``, None being x's."""
    return full_like(x, 0, dtype)


def empty_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return a tensor of x's shape with unspecified values: zeros."""
    return full_like(x, 0, dtype)
