"""Tensors made of nothing but their settings: a shape and a value, or the values themselves.

While a model is described they are symbolic, whatever sizes are still unknown; torch is not loaded for them. When a layer
computes, they are made on the device of what it was called on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes, graph
from layercli.core.dims import Dim, Size
from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec, shape_of
from layercli.core.tracking import Trackable
from layercli.errors import UnknownSizeError
from layercli.lazy import torch


class _Place(threading.local):
    """The device on which tensors are made in this thread; None is torch's default."""

    device: Any = None


place = _Place()


def create(op: Op, *inputs: Any) -> Any:
    """Return what ``op`` makes of inputs that are no tensors; the layers being described are told that they make some."""
    frames = graph.frames()
    if not frames:
        return op(*inputs)
    for frame in frames:
        if isinstance(frame.layer, Trackable):
            frame.layer._makes_tensors = True
    return op.trace(inputs, inputs)


@dataclass(frozen=True)
class ConstantTensor(Op):
    """out = the values of an array, or of nested lists."""

    def spec(self, values: Spec) -> Spec:
        """Return the array's spec."""
        return values

    def run(self, values: Any) -> Any:
        """Return torch's tensor of them."""
        return torch.as_tensor(values, device=place.device)


@dataclass(frozen=True)
class Full(Op):
    """out = ``value`` everywhere in ``shape``."""

    shape: Shape
    value: float
    dtype: str = "float32"

    def spec(self) -> Spec:
        """Return the shape; ShapeError where a size is negative."""
        return Spec(shape_of(self.shape), self.dtype)

    def run(self) -> Any:
        """Return torch's full."""
        sizes = [as_int(size) for size in self.shape]
        return torch.full(sizes, self.value, dtype=getattr(torch, self.dtype), device=place.device)


@dataclass(frozen=True)
class Eye(Op):
    """out[i, j] = 1 where j = i + ``k``, else 0, in ``rows`` and ``columns``."""

    rows: Size
    columns: Size
    k: int = 0
    dtype: str = "float32"

    def spec(self) -> Spec:
        """Return (rows, columns)."""
        return Spec((self.rows, self.columns), self.dtype)

    def run(self) -> Any:
        """Return where the numbers of rows and columns meet."""
        i, j = (torch.arange(as_int(size), device=place.device) for size in (self.rows, self.columns))
        return (i.unsqueeze(1) + self.k == j).to(getattr(torch, self.dtype))


def as_int(size: Size) -> Any:
    """Return a size as torch wants it; UnknownSizeError for one that is not known."""
    if isinstance(size, Dim):
        raise UnknownSizeError(
            f"cannot make a tensor of the size {size}, which is not known outside of a layer's call",
            hint="put it into the call of a layer of your own, or use zeros_like, ones_like or full_like",
        )
    return size


def dtype_or(dtype: Any, default: str) -> str:
    """Return the name of ``dtype``, or the default where it is None."""
    return default if dtype is None else dtypes.name_of(dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return ``fill_value`` in ``shape``, in float32 unless told otherwise; a tensor for a value is broadcast to it."""
    if isinstance(fill_value, (bool, int, float)):
        return create(Full(sizes_of(shape), fill_value, dtype_or(dtype, "float32")))
    return full((*sizes_of(shape),), 1, dtype_or(dtype, "float32")) * fill_value


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return zeros in ``shape``, in float32 unless told otherwise."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return ones in ``shape``, in float32 unless told otherwise."""
    return full(shape, 1, dtype)


def empty(shape: Any, dtype: Any = None) -> Any:
    """Return a tensor of ``shape`` to be written over: zeros, as its values have to be something."""
    return full(shape, 0, dtype)


def eye(N: Size, M: Size | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return the matrix of N rows and M (None: N) columns with ones on its k-th diagonal, zeros elsewhere, in float32."""
    return create(Eye(N, N if M is None else M, k, dtype_or(dtype, "float32")))


def identity(n: Size, dtype: Any = None) -> Any:
    """Return the matrix (n, n) with ones on its diagonal, zeros elsewhere, in float32 unless told otherwise."""
    return eye(n, dtype=dtype)


def sizes_of(shape: Any) -> Shape:
    """Return the sizes, of which there may be one alone; those that torch has yet to find while it traces stay as they are."""
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    return sizes if all(isinstance(size, int) or hasattr(size, "node") for size in sizes) else shape_of(sizes)


@dataclass(frozen=True)
class FullLike(Op):
    """out = ``value`` in the shape of x, in ``dtype`` or, where that is None, x's own."""

    value: float | bool
    dtype: str | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape."""
        return Spec(x.shape, self.dtype or x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's full_like."""
        return torch.full_like(x, self.value, dtype=getattr(torch, self.dtype) if self.dtype else None)


def full_like(x: Any, fill_value: float | bool, dtype: Any = None) -> Any:
    """Return ``fill_value`` in the shape of x."""
    return FullLike(fill_value, None if dtype is None else dtypes.name_of(dtype))(x)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones in the shape of x."""
    return full_like(x, 1, dtype)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros in the shape of x."""
    return full_like(x, 0, dtype)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """Return a tensor of x's shape to be written over: zeros, as its values have to be something."""
    return full_like(x, 0, dtype)
