"""Embedding lookup, and masking of padded steps."""

from __future__ import annotations

from layercli.core import dtypes
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, IndexRangeError
from layercli.lazy import F, torch


@dataclass(frozen=True)
class EmbeddingLookup(Op):
    """out[..., :] = table[indices[...], :]; IndexRangeError for an index out of range, on the CPU."""

    def spec(self, indices: Spec, table: Spec) -> Spec:
        """Return (*indices, features); DTypeError where the indices are not integers."""
        if not (dtypes.is_integer(indices.dtype) or dtypes.is_floating(indices.dtype)):
            raise DTypeError(f"expects integers as indices, got {indices}")
        return Spec((*indices.shape, table.shape[1]), table.dtype)

    def run(self, indices: Tensor, table: Tensor) -> Tensor:
        """Return torch's embedding; an index out of range is reported on the CPU, on a GPU torch's kernel asserts."""
        whole = indices if indices.dtype in (torch.int32, torch.int64) else indices.long()
        try:
            return F.embedding(whole, table)
        except IndexError:
            raise _out_of_range(whole, table.shape[0]) from None


@dataclass(frozen=True)
class ApplyMask(Op):
    """out = x where mask is true, else 0; mask has x's leading axes."""

    def spec(self, x: Spec, mask: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return torch's where."""
        return torch.where(mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim)), x, torch.zeros_like(x))


def _out_of_range(indices: Tensor, rows: int) -> IndexRangeError:
    wrong = indices[(indices < 0) | (indices >= rows)]
    return IndexRangeError(f"expects indices from 0 to {rows - 1}, got {int(wrong[0])}")
