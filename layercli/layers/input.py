"""Where a drawn model begins."""

from __future__ import annotations

from typing import Any

from layercli.core import naming
from layercli.core.spec import Spec, batched
from layercli.core.symbolic import SymbolicTensor


def Input(
    shape: Any = None, batch_size: Any = None, dtype: Any = None, name: str | None = None, batch_shape: Any = None
) -> SymbolicTensor:
    """Return a symbolic tensor of ``shape`` (without the batch): sizes, ``None`` for unknown, or names such as ``"T"``.

    >>> print(Input(("T", 512)).spec)
    float32[None, T, 512]
    """
    from layercli.core import dtypes

    whole = (batch_size, *shape) if batch_shape is None else tuple(batch_shape)
    wanted = dtypes.default_policy().compute if dtype is None else dtypes.name_of(dtype)
    return SymbolicTensor(Spec(batched(whole), wanted), name=name or naming.automatic("InputLayer"))
