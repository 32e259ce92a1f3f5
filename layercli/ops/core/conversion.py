"""Conversion between tensors, arrays, dtypes and Python values."""

from __future__ import annotations

from typing import Any

from layercli.core import call_context, dtypes, tree
from layercli.core.backend import get_backend
from layercli.core.dims import Dim
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError, ValueRangeError
from layercli.lazy import torch
from layercli.ops.core.shape import array as as_array
from layercli.ops.numpy.creation import ConstantTensor, create
from layercli.ops.numpy.elementwise import Unary
from layercli.ops.numpy.joining import stack


def convert_to_tensor(
    x: Any, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """Return x, a tensor, Variable, array, number or nested list, as a tensor, cast to ``dtype`` where one is given.

    Python integers become int32 (int64 where it cannot hold them), Python floats float32; a symbolic tensor stays
    symbolic. Raises UsageError where ``sparse`` or ``ragged`` is true.
    """
    if sparse or ragged:
        raise UsageError(
            "convert_to_tensor expects sparse and ragged to be false: layercli has no sparse or ragged tensors"
        )
    if dtype is not None:
        _check_number(x, dtypes.name_of(dtype))
    x = _tensor(x)
    return x if dtype is None or dtypes.name_of(x.dtype) == dtypes.name_of(dtype) else cast(x, dtypes.name_of(dtype))


def array(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return a copy of x, a tensor, array, number or nested list, as a tensor, cast to ``dtype`` where one is given."""
    return Unary("copy")(convert_to_tensor(x, dtype))


def dtype(x: object) -> str:
    """Return the name of x's dtype, or of the dtype that x has as a tensor."""
    return dtypes.name_of(x.dtype if hasattr(x, "dtype") else convert_to_tensor(x).dtype)


def is_tensor(x: TensorLike) -> bool:
    """Return whether x is a torch tensor or a symbolic tensor; arrays, lists and Variables are not."""
    return _is_tensor(x)


def convert_to_numpy(x: TensorLike) -> Any:
    """Return the values of x as a numpy array, a copy where x is a tensor; bfloat16 becomes float32, as numpy lacks it."""
    if isinstance(x, Variable):
        return x.numpy()
    if isinstance(x, SymbolicTensor):
        return x.__array__()  # raises the error that explains why
    if not _is_tensor(x):
        return as_array(x)
    return get_backend().to_numpy(x)


def _is_tensor(x: object) -> bool:
    return isinstance(x, SymbolicTensor) or hasattr(x, "detach")


def _tensor(x: Any) -> Any:
    if x is None or isinstance(x, str):
        raise DTypeError(f"convert_to_tensor expects numbers, got {x!r}")
    if isinstance(x, Variable):
        return x.value
    if _is_tensor(x):
        return x
    if isinstance(x, (list, tuple)) and any(isinstance(item, Variable) or _is_tensor(item) for item in tree.flatten(x)):
        return stack([_tensor(item) for item in x])
    return create(
        ConstantTensor(), as_array(x) if call_context.is_describing() else x
    )  # torch.compile cannot trace numpy arrays


def _check_number(x: object, dtype: str) -> None:
    """Raise ValueRangeError for a Python number out of the range of integers, DTypeError for a complex one in a real dtype."""
    if isinstance(x, complex) and dtypes.rank(dtype) < 3:
        raise DTypeError(f"{x} is no number of the dtype {dtype}")
    if isinstance(x, int | float) and dtypes.is_integer(dtype):
        least, greatest = dtypes.finfo_range(dtype)
        if not least - 1 < x < greatest + 1:
            raise ValueRangeError(f"expects a number from {least} to {greatest} for {dtype}, got {x}")


@dataclass(frozen=True)
class Cast(Op):
    """out = x converted to ``dtype``."""

    dtype: str

    def spec(self, x: Spec) -> Spec:
        """Return x's shape and the new dtype."""
        return Spec(x.shape, self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return x converted by torch."""
        return x.to(getattr(torch, self.dtype))


def cast(x: object, dtype: DTypeLike) -> Tensor:
    """Return x converted to ``dtype``, elementwise; a size of an integer dtype that is not known stays a size."""
    if isinstance(x, Dim) and not dtypes.is_floating(dtypes.name_of(dtype)):
        return x  # type: ignore[return-value]  # what shapes are made of
    _check_number(x, dtypes.name_of(dtype))
    return Cast(dtypes.name_of(dtype))(x)


@dataclass(frozen=True)
class View(Op):
    """out = the bytes of x reinterpreted as ``dtype``; the last axis shrinks or grows with the size of an item."""

    dtype: str

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the new last size; ShapeError where its bytes are not divisible by the new item size."""
        here, wanted = dtypes.BYTES[x.dtype], dtypes.BYTES[self.dtype]
        if here == wanted:
            return Spec(x.shape, self.dtype)
        last = x.shape[-1] if x.rank else None
        if last is None or (isinstance(last, int) and last * here % wanted):
            raise ShapeError(
                f"expects x with a last axis whose bytes are a multiple of {wanted} for {self.dtype}, got {x}"
            )
        return Spec((*x.shape[:-1], last * here // wanted), self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's view as the dtype."""
        return x.contiguous().view(getattr(torch, self.dtype))


def view(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Return x with its bytes reinterpreted as ``dtype``; None keeps x's dtype. Raises ShapeError for a last axis that
    does not fit.
    """
    x = convert_to_tensor(x)
    return x if dtype is None else View(dtypes.name_of(dtype))(x)
