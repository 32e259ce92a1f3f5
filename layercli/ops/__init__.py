"""Operations as functions: ``ops.relu(x)``, on symbolic tensors and on torch tensors alike."""

from __future__ import annotations

from layercli.core.op import Op
from layercli.core.symbolic import SymbolicTensor
from layercli.ops.elementwise import BINARY, UNARY, Binary, Cast, Unary, Where
from layercli.ops import raw_torch as raw_torch
from layercli.ops.linear import MatMul
from layercli.ops.named_activations import ALL as ACTIVATIONS

globals().update({name: Unary(name) for name in UNARY})
globals().update({name: Binary(name) for name in BINARY})

globals().update({function.__name__: function for function in ACTIVATIONS if function.__name__ != "linear"})

matmul = MatMul()
where = Where()


def cast(x: SymbolicTensor, dtype: str) -> SymbolicTensor:
    """Return x in ``dtype``."""
    result: SymbolicTensor = Cast(dtype)(x)
    return result


__all__ = ["BINARY", "UNARY", "Op", "cast", "matmul", "where"]
