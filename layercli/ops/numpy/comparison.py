"""Approximate equality, set membership and top-k membership."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.scatter_gather import check_whole
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.numpy.reductions import Reduction


@dataclass(frozen=True)
class IsClose(Op):
    """out = |x - y| <= atol + rtol * |y|, or x = y for infinities; NaN equals NaN for ``equal_nan``."""

    rtol: float = 1e-5
    atol: float = 1e-8
    equal_nan: bool = False
    promotes = True

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return the broadcast shape, bool."""
        return Spec(broadcast_shapes(x.shape, y.shape), "bool")

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's isclose in the promoted dtype."""
        dtype = torch.promote_types(x.dtype, y.dtype)
        dtype = torch.uint8 if dtype is torch.bool else dtype
        return torch.isclose(x.to(dtype), y.to(dtype), self.rtol, self.atol, self.equal_nan)


@dataclass(frozen=True)
class IsIn(Op):
    """out = whether each value of x is in ``values``, or is not for ``invert``."""

    invert: bool = False

    def spec(self, x: Spec, values: Spec) -> Spec:
        """Return x's shape, bool."""
        return Spec(x.shape, "bool")

    def run(self, x: Tensor, values: Tensor) -> Tensor:
        """Return torch's isin in the promoted dtype."""
        dtype = torch.promote_types(x.dtype, values.dtype)
        dtype = torch.uint8 if dtype is torch.bool else dtype
        return torch.isin(x.to(dtype), values.to(dtype), invert=self.invert)


@dataclass(frozen=True)
class InTopK(Op):
    """out[b] = whether fewer than ``k`` of predictions[b] are greater than predictions[b, targets[b]]; false for no class."""

    k: int

    def spec(self, targets: Spec, predictions: Spec) -> Spec:
        """Return the targets' shape, bool; ShapeError where predictions do not have one axis more."""
        check_whole(targets)
        alike = predictions.rank == targets.rank + 1
        if not alike or not all(map(dims.may_equal, targets.shape, predictions.shape)):
            raise ShapeError(
                f"expects predictions with one axis more than targets {targets}, the classes, got {predictions}"
            )
        return Spec(targets.shape, "bool")

    def run(self, targets: Tensor, predictions: Tensor) -> Tensor:
        """Return whether the count of greater predictions is below k; a NaN target prediction counts as the lowest."""
        self.spec(spec_of(targets), spec_of(predictions))
        own = torch.gather(predictions, -1, (targets.long() % predictions.shape[-1]).unsqueeze(-1))
        own = torch.where(own.isnan(), float("-inf"), own)
        is_class = (targets >= 0) & (targets < predictions.shape[-1])
        return ((predictions > own).sum(-1) < self.k) & is_class


def isclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether |x1 - x2| <= atol + rtol * |x2|, elementwise; NaN equals NaN for ``equal_nan``."""
    return IsClose(rtol, atol, equal_nan)(convert_to_tensor(x1), convert_to_tensor(x2))


def allclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether all values of x1 and x2 are close, as ``isclose``: one boolean."""
    return Reduction("all")(isclose(x1, x2, rtol, atol, equal_nan))


def isin(x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return whether each value of x1 is in x2, or is not for ``invert``; ``assume_unique`` has no effect."""
    return IsIn(invert)(convert_to_tensor(x1), convert_to_tensor(x2))


def in_top_k(targets: TensorLike, predictions: TensorLike, k: int) -> Tensor:
    """Return whether predictions[b, targets[b]] is among the ``k`` largest of predictions[b]; ties count as among them.

    targets: (batch,) integers; predictions: (batch, classes).
    """
    return InTopK(k)(convert_to_tensor(targets), convert_to_tensor(predictions))
