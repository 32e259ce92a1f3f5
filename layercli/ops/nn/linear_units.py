"""``relu`` and ``gelu`` with the arguments and defaults of ``keras.ops``, which differ from those of ``keras.activations``."""

from __future__ import annotations

from layercli.core.types import Tensor, TensorLike
from layercli.ops.nn import activation_functions


def relu(x: TensorLike) -> Tensor:
    """Return max(x, 0), elementwise."""
    return activation_functions.relu(x)


def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """Return x * P(X <= x) for a standard normal X, elementwise.

    ``approximate`` uses 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead of the error function. It is the
    default here, as in ``keras.ops``; ``activations.gelu`` is exact by default, as in ``keras.activations``.
    """
    return activation_functions.gelu(x, approximate)
