"""One value everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.lazy import torch


@dataclass(frozen=True)
class FullLike(Op):
    """out = ``value`` in the shape of x, in ``dtype`` or, where that is None, x's own."""

    value: float | bool
    dtype: str | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape."""
        return Spec(x.shape, self.dtype or x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's full_like."""
        return torch.full_like(x, self.value, dtype=getattr(torch, self.dtype) if self.dtype else None)


def full_like(x: Any, fill_value: float | bool, dtype: Any = None) -> Any:
    """Return ``fill_value`` in the shape of x."""
    return FullLike(fill_value, None if dtype is None else dtypes.name_of(dtype))(x)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones in the shape of x."""
    return full_like(x, 1, dtype)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros in the shape of x."""
    return full_like(x, 0, dtype)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """Return a tensor of x's shape to be written over: zeros, as its values have to be something."""
    return full_like(x, 0, dtype)
