"""Encodings of categories: one-hot, multi-hot, counts and bins."""

from __future__ import annotations

from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, ValueRangeError
from layercli.lazy import torch
from layercli.ops import known_values


@dataclass(frozen=True)
class CategoryOneHot(Op):
    """out[..., c] = 1 where x is c, else 0, for c in [0, depth); a last axis of size 1 is dropped, and a number is a vector of one.

    An unknown last size is taken as different from 1, as in Keras.
    """

    depth: int
    dtype: str = "float32"

    def spec(self, x: Spec) -> Spec:
        """Return (*x, depth)."""
        shape = x.shape[:-1] if x.rank > 1 and x.shape[-1] == 1 else x.shape or (1,)
        return Spec((*shape, self.depth), self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return the comparison of each value with each category, as numbers."""
        x = x.squeeze(-1) if x.ndim > 1 and x.shape[-1] == 1 else x.reshape(x.shape or (1,))
        return is_category(x, self.depth).to(getattr(torch, self.dtype))


@dataclass(frozen=True)
class CategoryCount(Op):
    """out[b, c] = the number of times c occurs in x[b, :], or the sum of weights[b, :] there; along axis 1, or the only
    axis.
    """

    depth: int
    dtype: str = "float32"

    def spec(self, x: Spec, weights: Spec | None = None) -> Spec:
        """Return x's shape without axis 1, with depth; ShapeError where the weights' shape is not x's."""
        if weights is not None and weights.rank != x.rank:
            raise ShapeError(f"expects count_weights of the shape of x, got {weights} (x = {x})")
        return Spec((*without_category_axis(x.shape), self.depth), self.dtype if weights is None else weights.dtype)

    def run(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return torch's sum."""
        found = is_category(x.reshape(x.shape or (1,)), self.depth)
        if weights is None:
            return found.sum(min(1, found.ndim - 2)).to(getattr(torch, self.dtype))
        if weights.ndim != x.ndim:
            raise ShapeError(f"expects count_weights with {x.ndim} axes, got {weights.ndim}")
        weights = weights.reshape(weights.shape or (1,))
        return (found.to(weights.dtype) * weights.unsqueeze(-1)).sum(min(1, found.ndim - 2))


@dataclass(frozen=True)
class CategoryMultiHot(Op):
    """out[b, c] = 1 where c occurs in x[b, :], else 0; along axis 1, or the only axis."""

    depth: int
    dtype: str = "float32"

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without axis 1, with depth."""
        return Spec((*without_category_axis(x.shape), self.depth), self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's any, as numbers."""
        found = is_category(x.reshape(x.shape or (1,)), self.depth)
        return found.any(min(1, found.ndim - 2)).to(getattr(torch, self.dtype))


@dataclass(frozen=True)
class Bucketize(Op):
    """out = the number of ascending ``boundaries`` that are at most x; all of them for NaN."""

    boundaries: tuple[float, ...]

    def spec(self, x: Spec) -> Spec:
        """Return x's shape, in int32."""
        return Spec(x.shape, "int32")

    def run(self, x: Tensor) -> Tensor:
        """Return torch's bucketize."""
        boundaries = torch.tensor(self.boundaries, dtype=torch.float32, device=x.device)
        return torch.bucketize(x.to(torch.float32), boundaries, right=True, out_int32=True)


def without_category_axis(shape: Shape) -> Shape:
    """Return a shape without axis 1, or without its only axis."""
    return (shape[0], *shape[2:]) if len(shape) > 1 else ()


def is_category(x: Tensor, depth: int) -> Tensor:
    """Return, for each value without its fraction, whether it is each category in [0, depth); ValueRangeError for a larger one."""
    x = x.to(torch.int64)
    check_below(x, depth)
    return x.unsqueeze(-1) == torch.arange(depth, device=x.device)


def check_below(x: Tensor, classes: int) -> None:
    """Raise ValueRangeError for an id that is no class; on a GPU the values are not waited for."""
    if x.is_cpu and x.numel() and known_values.are_known(x) and (most := int(x.max())) >= classes:
        raise ValueRangeError(f"expects ids below {classes}, the number of classes, got {most}")
