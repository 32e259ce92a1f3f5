"""Shapes and sizes of tensors."""

from __future__ import annotations

from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.spec import Shape
from layercli.core.types import TensorLike
from layercli.ops.numpy.creation import ConstantTensor


class ShapeTensor(tuple[Size, ...]):
    """A vector of sizes, some of which may be symbolic: the value of ``ops.shape`` while a model is described."""

    __slots__ = ()
    __add__ = __mul__ = __rmul__ = None  # type: ignore[assignment]  # a vector's arithmetic, unlike a tuple's


def sizes_in(x: Any) -> tuple[Size, ...]:
    """Return the integers and symbolic sizes in x: a number, a vector or a list."""
    if isinstance(x, SymbolicTensor) and x.node is not None and isinstance(x.node.target, ConstantTensor):
        x = x.node.args[0]
    found = x.tolist() if hasattr(x, "tolist") else x
    return tuple(found) if isinstance(found, (list, tuple)) else (found,)


def shape(x: Any) -> tuple[Size | None, ...]:
    """Return the sizes of x's axes as a tuple: ``x.shape``. In a layer's ``call`` unknown sizes support arithmetic."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(array(x).shape)


def sizes_of(x: Any) -> Shape:
    """Return the sizes of x's axes to compute with, in a layer's ``call`` and outside of it."""
    return x.spec.shape if isinstance(x, SymbolicTensor) else shape(x)  # type: ignore[return-value]  # those of values are known


def ndim(x: TensorLike) -> int:
    """Return the number of axes of x."""
    return len(shape(x))


def size(x: TensorLike) -> Size:
    """Return the number of values of x: the product of its sizes."""
    return dims.product(sizes_of(x))


def array(x: TensorLike) -> Any:
    """Return x as a numpy array; Python floats become float32, integers int32 where it can hold them."""
    import numpy as np

    made = np.asarray(x)
    kind = None if hasattr(x, "ndim") and not isinstance(x, float) else dtypes.of_python(x)
    return made if kind is None else made.astype(kind)
