"""Constraints: projections of weights, functions from a tensor to the nearest allowed tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from layercli.core.registry import DataclassConfig, Registry, check_numbers
from layercli.core.registry import serialize as plain
from layercli.dataclass import dataclass
from layercli.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

#: What is added to a norm before it divides.
EPSILON = 1e-7

Axis = int | Sequence[int] | None


@dataclass(frozen=True)
class Constraint(DataclassConfig):
    """The base class of constraints: override ``__call__``. This one returns the tensor unchanged."""

    keras_module: ClassVar[str] = "keras.constraints"

    def __post_init__(self) -> None:
        check_numbers(self)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in cls.__dict__ and cls.__module__ == __name__:
            from layercli.core.array_arguments import takes_arrays

            cls.__call__ = takes_arrays(cls.__dict__["__call__"])  # type: ignore[method-assign, assignment]  # arrays are taken too

    def __call__(self, w: Tensor) -> Tensor:
        """Return the projection of ``w``, of the same shape and dtype."""
        return w


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Limit norms: w * min(norm, max_value) / (norm + 1e-7).

    >>> import torch
    >>> MaxNorm(1.0)(torch.tensor([[3.0], [4.0]])).T
    tensor([[0.6000, 0.8000]])

    Args:
        max_value: The largest norm.
        axis: The axis, or axes, along which norms are computed; None for all.
    """

    max_value: float = 2
    axis: Axis = 0

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` scaled down where its norm is larger."""
        norms = norms_of(w, self.axis)
        return w * (torch.clamp(norms, 0, self.max_value) / (EPSILON + norms))


@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Keep norms between two values: w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / (norm + 1e-7).

    >>> import torch
    >>> MinMaxNorm(1.0, 2.0, rate=0.5)(torch.tensor([[3.0], [4.0]])).T
    tensor([[2.1000, 2.8000]])

    Args:
        min_value: The smallest norm.
        max_value: The largest norm.
        rate: The fraction of the correction that one step makes, from 0 to 1.
        axis: The axis, or axes, along which norms are computed; None for all.
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
    """Replace negative values by 0: max(w, 0).

    >>> import torch
    >>> NonNeg()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` with its negative values replaced by 0."""
        return torch.clamp_min(w, 0)


@dataclass(frozen=True)
class UnitNorm(Constraint):
    """Scale norms to 1: w / (norm + 1e-7).

    >>> import torch
    >>> UnitNorm()(torch.tensor([[3.0], [4.0]])).T
    tensor([[0.6000, 0.8000]])

    Args:
        axis: The axis, or axes, along which norms are computed; None for all.
    """

    axis: Axis = 0

    def __call__(self, w: Tensor) -> Tensor:
        """Return ``w`` divided by its norms."""
        return w / (EPSILON + norms_of(w, self.axis))


def norms_of(w: Tensor, axis: Axis) -> Tensor:
    """Return the Euclidean norms of ``w`` along ``axis``, kept with size 1; for None, the norm of all values."""
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    return torch.sqrt(torch.sum(torch.square(w), dim=axes, keepdim=True))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_registry = Registry("layercli", "constraint", {"constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm"})
get, deserialize = _registry.get, _registry.deserialize


def serialize(constraint: object) -> Any:
    """Return a constraint as plain data, ``{"class_name": ..., "config": ...}``."""
    return plain(constraint)
