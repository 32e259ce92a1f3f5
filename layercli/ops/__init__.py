"""Operations as functions: ``ops.relu(x)``, on symbolic tensors and on torch tensors alike."""

from __future__ import annotations

from layercli.core.op import Op
from layercli.core.symbolic import SymbolicTensor
from layercli.ops import raw_torch as raw_torch
from layercli.ops.elementwise import BINARY, UNARY, Binary, Cast, Unary, Where
from layercli.ops.filling import full_like, ones_like, zeros_like
from layercli.ops.joining import concatenate, split, stack
from layercli.ops.linear import MatMul
from layercli.ops.named_activations import ALL as ACTIVATIONS
from layercli.ops.padding import pad
from layercli.ops.reduction import REDUCTIONS, reducer
from layercli.ops.repeating import repeat, tile
from layercli.ops.reshaping import broadcast_to, expand_dims, reshape, squeeze, transpose
from layercli.ops.slicing import getitem

globals().update({name: Unary(name) for name in UNARY})
globals().update({name: Binary(name) for name in BINARY})
globals().update({name: reducer(name) for name in REDUCTIONS})

globals().update({function.__name__: function for function in ACTIVATIONS if function.__name__ != "linear"})

matmul = MatMul()
where = Where()


def cast(x: SymbolicTensor, dtype: str) -> SymbolicTensor:
    """Return x in ``dtype``."""
    result: SymbolicTensor = Cast(dtype)(x)
    return result


__all__ = [
    "BINARY",
    "REDUCTIONS",
    "UNARY",
    "Op",
    "broadcast_to",
    "cast",
    "concatenate",
    "expand_dims",
    "full_like",
    "getitem",
    "matmul",
    "ones_like",
    "pad",
    "repeat",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "tile",
    "transpose",
    "where",
    "zeros_like",
]
