"""The activations that configs name in ``hidden_act``, and small functions shared by several families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.errors import FormatError
from layercli.models.reading import shown


def quick_gelu(x: Tensor) -> Tensor:
    """Return x * sigmoid(1.702 x)."""
    return x * ops.sigmoid(x * 1.702)


def tanh_gelu(x: Tensor) -> Tensor:
    """Return GELU in its tanh approximation."""
    return ops.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_new": tanh_gelu,
    "gelu_fast": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "quick_gelu": quick_gelu,
    "relu": lambda x: ops.relu(x),
    "silu": lambda x: ops.silu(x),
    "swish": lambda x: ops.silu(x),
    "tanh": lambda x: ops.tanh(x),
    "sigmoid": lambda x: ops.sigmoid(x),
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Return the activation of that name; FormatError for an unknown one."""
    if name not in ACTIVATIONS:
        raise FormatError(f"config.json names the activation {shown(name)}, which layercli does not have")
    return ACTIVATIONS[name]


def split_heads(x: Tensor, features: int) -> Tensor:
    """Reshape (batch, steps, heads x features) to (batch, steps, heads, features); a rank may have some of the heads."""
    batch, steps, width = x.shape
    return ops.reshape(x, (batch, steps, width // features, features))


def merge_heads(x: Tensor) -> Tensor:
    """Reshape (batch, steps, heads, features) to (batch, steps, heads x features)."""
    batch, steps, heads, features = x.shape
    return ops.reshape(x, (batch, steps, heads * features))


def soft_cap(x: Tensor, cap: float | None) -> Tensor:
    """Return cap tanh(x / cap), or x without a cap."""
    return x if cap is None else ops.tanh(x / cap) * cap
