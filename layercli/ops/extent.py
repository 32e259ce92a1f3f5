"""How large a tensor is."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.spec import Shape


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
