"""The bits of numbers read as numbers of another dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.conversion import convert_to_tensor


@dataclass(frozen=True)
class View(Op):
    """out = the bytes of x as numbers of ``dtype``: more or fewer along the last axis where they are smaller or larger."""

    dtype: str

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the last size that the bytes have room for; ShapeError where they do not come out even."""
        here, wanted = dtypes.BYTES[x.dtype], dtypes.BYTES[self.dtype]
        if here == wanted:
            return Spec(x.shape, self.dtype)
        last = x.shape[-1] if x.rank else None
        if last is None or (isinstance(last, int) and last * here % wanted):
            raise ShapeError(f"expects x with a last axis whose bytes come in {wanted} for {self.dtype}, got {x}")
        return Spec((*x.shape[:-1], last * here // wanted), self.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's view of the dtype."""
        return x.contiguous().view(getattr(torch, self.dtype))


def view(x: Any, dtype: Any = None) -> Any:
    """Return the bytes of x read as numbers of ``dtype``; None is x's own."""
    x = convert_to_tensor(x)
    return x if dtype is None else View(dtypes.name_of(dtype))(x)
