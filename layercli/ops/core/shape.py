"""How large a tensor is."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.spec import Shape
from layercli.ops.numpy.creation import ConstantTensor


class ShapeTensor(tuple[Size, ...]):
    """Sizes in a row, not all of them known yet: what a vector of them is while a model is described."""

    __slots__ = ()
    __add__ = __mul__ = __rmul__ = None  # type: ignore[assignment]  # a tuple's would be no vector's


def sizes_in(x: Any) -> tuple[Size, ...]:
    """Return the integers and the sizes in x: one of them, a vector, or a list."""
    if isinstance(x, SymbolicTensor) and x.node is not None and isinstance(x.node.target, ConstantTensor):
        x = x.node.args[0]
    found = x.tolist() if hasattr(x, "tolist") else x
    return tuple(found) if isinstance(found, (list, tuple)) else (found,)


def shape(x: Any) -> Shape:
    """Return the sizes of x's axes; one that is not known while a model is described can be reckoned with all the same."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(array(x).shape)


def ndim(x: Any) -> int:
    """Return how many axes x has."""
    return len(shape(x))


def size(x: Any) -> Size:
    """Return how many values x has: the product of its sizes."""
    return dims.product(shape(x))


def array(x: Any) -> Any:
    """Return values as a numpy array, Python's own fractions in float32."""
    import numpy as np

    made = np.asarray(x)
    return made.astype("float32") if made.dtype == "float64" and not hasattr(x, "dtype") else made
