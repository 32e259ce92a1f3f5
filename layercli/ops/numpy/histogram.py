"""Bins: searchsorted, digitize, bincount and histogram."""

from __future__ import annotations

from layercli.core import dtypes
from layercli.core.dims import UNKNOWN
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.scatter_gather import check_whole


@dataclass(frozen=True)
class SearchSorted(Op):
    """out = the index at which each value keeps the ascending ``sequence`` sorted; ``side`` chooses among equal values."""

    side: str = "left"

    def spec(self, sequence: Spec, values: Spec) -> Spec:
        """Return the values' shape in int32; ShapeError where the sequence is not a vector."""
        check_rank(sequence, 1)
        return Spec(values.shape, dtypes.INDEX)

    def run(self, sequence: Tensor, values: Tensor) -> Tensor:
        """Return torch's searchsorted in the promoted dtype."""
        check_rank(sequence, 1)
        dtype = torch.promote_types(sequence.dtype, values.dtype)
        return torch.searchsorted(sequence.to(dtype), values.to(dtype).contiguous(), side=self.side, out_int32=True)


@dataclass(frozen=True)
class Digitize(Op):
    """out = the i with bins[i - 1] <= x < bins[i]; for descending bins bins[i - 1] > x >= bins[i]."""

    def spec(self, x: Spec, bins: Spec) -> Spec:
        """Return x's shape in int32; ShapeError where the bins are not a vector."""
        check_rank(bins, 1)
        return Spec(x.shape, dtypes.INDEX)

    def run(self, x: Tensor, bins: Tensor) -> Tensor:
        """Return torch's searchsorted, of the reversed bins where they descend."""
        check_rank(bins, 1)
        dtype = torch.promote_types(x.dtype, bins.dtype)
        x, bins = x.to(dtype).contiguous(), bins.to(dtype)
        rising = torch.searchsorted(bins, x, right=True, out_int32=True)
        falling = len(bins) - torch.searchsorted(bins.flip(0), x, right=True, out_int32=True)
        return torch.where(bins[0] > bins[-1], falling, rising) if len(bins) else rising


@dataclass(frozen=True)
class BinCount(Op):
    """out[i] = the number of values of x equal to i, or the sum of their weights, for i < max(minlength, max(x) + 1).

    For x with two axes each row is counted.
    """

    minlength: int = 0

    def spec(self, x: Spec, weights: Spec | None = None) -> Spec:
        """Return an unknown number of bins, which depends on values; ShapeError where x does not have 1 or 2 axes."""
        if x.rank not in (1, 2):
            raise ShapeError(f"expects x with 1 or 2 axes, got {x.rank} (x = {x})")
        check_whole(x)
        given = dtypes.INDEX if weights is None else weights.dtype
        dtype = dtypes.INDEX if given in ("bool", "int64") else given
        return Spec((*x.shape[:-1], UNKNOWN), dtype)

    def run(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return ones, or the weights, added at the index x."""
        dtype = getattr(torch, self.spec(*map(spec_of, (x, weights))).dtype)
        count = max(self.minlength, int(x.max()) + 1 if x.numel() else 0)
        weights = torch.ones_like(x, dtype=dtype) if weights is None else weights.to(dtype)
        return torch.zeros((*x.shape[:-1], count), dtype=dtype, device=x.device).scatter_add(-1, x.long(), weights)


@dataclass(frozen=True)
class Histogram(MultiOutputOp):
    """The number of values of x in each of ``bins`` equal bins of ``range`` (low, high), and the bin edges.

    ``range`` None is (min(x), max(x)). The last bin includes its upper edge.
    """

    bins: int = 10
    range: tuple[float, float] | None = None

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return (bins,) and (bins + 1,); ShapeError where x is not a vector."""
        check_rank(x, 1)
        dtype = x.dtype if dtypes.is_floating(x.dtype) else "float32"
        return Spec((self.bins,), dtype), Spec((self.bins + 1,), dtype)

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the differences of the counts below each edge."""
        check_rank(x, 1)
        x = x if x.is_floating_point() else x.float()
        edges = self._edges(x)
        before = torch.searchsorted(torch.sort(x).values, edges)
        last = (x <= edges[-1]).sum()
        return torch.cat([before[:-1], last.reshape(1)]).diff().to(x.dtype), edges

    def _edges(self, x: Tensor) -> Tensor:
        if self.range is not None:
            low, high = (x.new_full((), end) for end in self.range)
        else:
            low, high = (x.min(), x.max()) if len(x) else (x.new_zeros(()), x.new_ones(()))
        half = torch.where(low == high, 0.5, 0.0).to(x.dtype)
        shares = torch.linspace(0, 1, self.bins + 1, dtype=x.dtype, device=x.device)
        return torch.lerp(low - half, high + half, shares)


def searchsorted(sorted_sequence: TensorLike, values: TensorLike, side: str = "left") -> Tensor:
    """Return the index, in int32, at which each value keeps the ascending sequence sorted.

    ``side``: ``left`` before equal values, ``right`` after them; UsageError for another.
    """
    if side not in ("left", "right"):
        raise UsageError(f"searchsorted expects side to be left or right, got {side!r}")
    return SearchSorted(side)(convert_to_tensor(sorted_sequence), convert_to_tensor(values))


def digitize(x: TensorLike, bins: TensorLike) -> Tensor:
    """Return the bin, in int32, of each value: the i with bins[i - 1] <= x < bins[i]."""
    return Digitize()(convert_to_tensor(x), convert_to_tensor(bins))


def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """Return the number of times that 0, 1, 2, ... occur in the integers x, or the sums of their ``weights``.

    The result has at least ``minlength`` bins; for x with two axes each row is counted. Raises UsageError where
    ``sparse`` is true, DTypeError where x is not of an integer dtype.
    """
    if minlength < 0:
        raise UsageError(f"bincount expects minlength of at least 0, got {minlength}")
    if sparse:
        raise UsageError("bincount expects sparse to be false: layercli has no sparse tensors")
    given = () if weights is None else (convert_to_tensor(weights),)
    return BinCount(minlength)(convert_to_tensor(x), *given)


def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """Return the number of values of the vector x in each of ``bins`` bins of equal width, and the bin edges.

    ``range``: (low, high); None is (min(x), max(x)). Raises UsageError for an invalid number of bins or range.
    """
    if not isinstance(bins, int) or bins < 1:
        raise UsageError(f"histogram expects bins to be an integer of at least 1, got {bins}")
    if range is not None and (len(range) != 2 or range[0] > range[1]):
        raise UsageError(f"histogram expects an ascending range, got {range}")
    ends = None if range is None else (float(range[0]), float(range[1]))
    counts, edges = Histogram(bins, ends)(convert_to_tensor(x))
    return counts, edges
