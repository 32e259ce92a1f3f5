"""What weights must stay within: Keras's projections, each a function from a tensor to the nearest one it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layercli.core.registry import DataclassConfig, Registry, check_numbers
from layercli.core.registry import serialize as plain
from layercli.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

#: What is added to a norm before it divides.
EPSILON = 1e-7

Axis = int | Sequence[int] | None


@dataclass(frozen=True)
class Constraint(DataclassConfig):
    """What projects a tensor. A subclass says how in ``__call__``; this one leaves it as it is."""

    home: ClassVar[str] = "keras.constraints"

    def __post_init__(self) -> None:
        check_numbers(self)

    def __call__(self, w: Tensor) -> Tensor:
        """Return the tensor to put in the place of ``w``, of the same shape and dtype."""
        return w


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Norms along ``axis`` (one or several) of at most ``max_value``: w * min(norm, max_value) / (norm + 1e-7).

    >>> import torch
    >>> MaxNorm(1.0)(torch.tensor([[3.0], [4.0]])).T
    tensor([[0.6000, 0.8000]])
    """

    max_value: float = 2
    axis: Axis = 0

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` scaled down where its norm is larger."""
        norms = norms_of(w, self.axis)
        return w * (torch.clamp(norms, 0, self.max_value) / (EPSILON + norms))


@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Norms along ``axis`` between ``min_value`` and ``max_value``, approached by the share ``rate`` of the way.

    w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / (norm + 1e-7)

    >>> import torch
    >>> MinMaxNorm(1.0, 2.0, rate=0.5)(torch.tensor([[3.0], [4.0]])).T
    tensor([[2.1000, 2.8000]])
    """

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: Axis = 0

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` scaled up or down where its norm is outside."""
        norms = norms_of(w, self.axis)
        wanted = self.rate * torch.clamp(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (EPSILON + norms))


@dataclass(frozen=True)
class NonNeg(Constraint):
    """No value below 0: max(w, 0).

    >>> import torch
    >>> NonNeg()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` with 0 in the place of negative values."""
        return torch.clamp_min(w, 0)


@dataclass(frozen=True)
class UnitNorm(Constraint):
    """Norms along ``axis`` (one or several) of 1: w / (norm + 1e-7).

    >>> import torch
    >>> UnitNorm()(torch.tensor([[3.0], [4.0]])).T
    tensor([[0.6000, 0.8000]])
    """

    axis: Axis = 0

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` divided by its norms."""
        return w / (EPSILON + norms_of(w, self.axis))


def norms_of(w: Tensor, axis: Axis) -> Tensor:
    """Return the Euclidean norms of ``w`` along ``axis``, which is kept with size 1; of all of it for None."""
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    return torch.sqrt(torch.sum(torch.square(w), dim=axes, keepdim=True))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_catalogue = Registry("layercli", "constraint", {"constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm"})
get, deserialize, serialize = _catalogue.get, _catalogue.deserialize, plain
