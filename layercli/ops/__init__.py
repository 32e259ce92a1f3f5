"""Operations as functions: ``ops.relu(x)``, on symbolic tensors and on torch tensors alike; each family loads when first used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from layercli.core.symbolic import OPERATORS
from layercli.ops import raw_torch as raw_torch

FAMILIES = {
    "accumulation": "cumprod cumsum diff",
    "averages": "average moments norm normalize",
    "blocks": "slice slice_update",
    "conversion": "convert_to_numpy convert_to_tensor",
    "creation": "empty eye full identity ones zeros",
    "crossentropy": "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "elementwise": (
        "abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cast ceil cos cosh divide divide_no_nan equal erf "
        "erfinv exp exp2 expm1 floor floor_divide greater greater_equal hypot isfinite isinf isnan less less_equal log log10 "
        "log1p log2 logaddexp logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative not_equal "
        "power reciprocal round rsqrt sign sin sinh sqrt square subtract tan true_divide trunc where"
    ),
    "encoding": "multi_hot one_hot",
    "extent": "ndim shape size",
    "filling": "full_like ones_like zeros_like",
    "gradient": "stop_gradient",
    "indexing": "scatter_update take take_along_axis",
    "joining": "append concatenate hstack split stack unstack vstack",
    "letters": "einsum",
    "limits": "clip nan_to_num",
    "linear": "matmul",
    "loops": "fori_loop",
    "named_activations": (
        "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax mish "
        "relu relu6 relu_ selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus "
        "tanh tanh_shrink threshold"
    ),
    "named_normalizations": "batch_normalization layer_normalization rms_normalization",
    "named_windows": "average_pool conv conv_transpose depthwise_conv max_pool separable_conv",
    "ordering": "argmax argmin argsort sort top_k",
    "padding": "pad",
    "products": "dot inner outer tensordot vdot",
    "ranges": "arange linspace",
    "reduction": "all amax amin any count_nonzero logsumexp max mean median min prod std sum var",
    "repeating": "repeat tile",
    "reshaping": "broadcast_to expand_dims moveaxis ravel reshape squeeze swapaxes transpose",
    "rolling": "flip roll",
    "slicing": "getitem",
    "triangles": "tril triu",
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
