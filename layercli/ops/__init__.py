"""Operations as functions: ``ops.relu(x)``, on symbolic tensors and on torch tensors alike; each family loads when first used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from layercli.core.symbolic import OPERATORS
from layercli.ops import raw_torch as raw_torch

FAMILIES = {
    "elementwise": (
        "absolute add cast ceil cos divide equal erf exp expm1 floor floor_divide greater greater_equal isfinite isnan less "
        "less_equal log log1p logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative not_equal power "
        "round rsqrt sign sin sqrt square subtract where"
    ),
    "filling": "full_like ones_like zeros_like",
    "joining": "concatenate split stack",
    "linear": "matmul",
    "named_activations": (
        "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax mish "
        "relu relu6 relu_ selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus "
        "tanh tanh_shrink threshold"
    ),
    "padding": "pad",
    "reduction": "all any max mean min prod std sum var",
    "repeating": "repeat tile",
    "reshaping": "broadcast_to expand_dims reshape squeeze transpose",
    "slicing": "getitem",
}
"""Where each operation is."""

HOMES = {name: family for family, names in FAMILIES.items() for name in names.split()}

__all__ = sorted(HOMES)  # the table is the one list


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"layercli.ops has no operation {name!r}")
    operation = getattr(import_module(f"layercli.ops.{HOMES[name]}"), name)
    globals()[name] = operation
    return operation


def __dir__() -> list[str]:
    return __all__


def _operator(name: str) -> Callable[..., Any]:
    """Return what an operator does; the operation is looked up when it is used."""
    return lambda *values: __getattr__(name)(*values)


def load() -> None:
    """Make every operator the operation itself: torch.compile can trace that, and no import inside a call."""
    OPERATORS.update({name: __getattr__(name) for name in HOMES})


OPERATORS.update({name: _operator(name) for name in HOMES})
