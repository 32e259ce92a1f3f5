"""Regularizers: penalties, functions from a tensor to a scalar tensor of its dtype."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from layercli.core.registry import DataclassConfig, Registry, check_numbers
from layercli.core.registry import serialize as plain
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

#: The least norm a row or column is divided by.
EPSILON = 1e-7


@dataclass(frozen=True)
class Regularizer(DataclassConfig):
    """The base class of regularizers: override ``__call__``."""

    keras_module: ClassVar[str] = "keras.regularizers"

    def __post_init__(self) -> None:
        check_numbers(self)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in cls.__dict__ and cls.__module__ == __name__:
            from layercli.core.array_arguments import takes_arrays

            cls.__call__ = takes_arrays(cls.__dict__["__call__"])  # type: ignore[method-assign, assignment]  # arrays are taken too

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of ``x``, a scalar of its dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it makes of a tensor")

    def check_factor(self, name: str) -> None:
        """Raise UsageError unless the argument ``name`` is a finite number of at least 0."""
        value = getattr(self, name)
        if not 0 <= value < math.inf:
            raise UsageError(f"{type(self).__name__} expects {name} to be finite and at least 0, got {value!r}")


@dataclass(frozen=True)
class L1(Regularizer):
    """l1 * sum(|x|).

    >>> import torch
    >>> L1(0.5)(torch.tensor([1.0, -2.0]))
    tensor(1.5000)

    Args:
        l1: The factor, at least 0.
    """

    l1: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_factor("l1")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of ``x``, of any shape."""
        return self.l1 * torch.sum(torch.abs(x))


@dataclass(frozen=True)
class L2(Regularizer):
    """l2 * sum(x^2).

    >>> import torch
    >>> L2(0.5)(torch.tensor([1.0, -2.0]))
    tensor(2.5000)

    Args:
        l2: The factor, at least 0.
    """

    l2: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_factor("l2")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of ``x``, of any shape."""
        return self.l2 * torch.sum(torch.square(x))


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2).

    >>> import torch
    >>> L1L2(l1=1.0, l2=0.5)(torch.tensor([1.0, -2.0]))
    tensor(5.5000)

    Args:
        l1: The factor of the absolute values, at least 0; None for 0.
        l2: The factor of the squares, at least 0; None for 0.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, 0.0)
        super().__post_init__()
        self.check_factor("l1")
        self.check_factor("l2")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of ``x``, of any shape."""
        return self.l1 * torch.sum(torch.abs(x)) + self.l2 * torch.sum(torch.square(x))


@dataclass(frozen=True)
class OrthogonalRegularizer(Regularizer):
    """factor * the mean of |cosine| over all pairs of rows, or of columns, of a matrix.

    >>> import torch
    >>> OrthogonalRegularizer(1.0)(torch.tensor([[1.0, 0.0], [0.0, 3.0], [2.0, 0.0]]))
    tensor(0.3333)

    Args:
        factor: The factor, at least 0.
        mode: "rows" or "columns".
    """

    factor: float = 0.01
    mode: str = "rows"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_factor("factor")
        if self.mode not in ("rows", "columns"):
            raise UsageError(f"OrthogonalRegularizer expects mode to be rows or columns, got {self.mode!r}")

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of ``x``. Raise ShapeError unless it has two axes."""
        if len(x.shape) != 2:
            raise ShapeError(f"OrthogonalRegularizer expects a matrix, got the shape {tuple(x.shape)}")
        rows = x if self.mode == "rows" else x.T
        rows = rows / torch.clamp_min(torch.linalg.vector_norm(rows, dim=1, keepdim=True), EPSILON)
        cosines = rows @ rows.T
        count = rows.shape[0]
        pairs = count * (count - 1) / 2
        return self.factor * 0.5 * torch.sum(torch.abs(cosines - torch.diag(torch.diagonal(cosines)))) / pairs


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_registry = Registry("layercli", "regularizer", {"regularizers": "L1 L2 L1L2 OrthogonalRegularizer"})
get, deserialize = _registry.get, _registry.deserialize


def serialize(regularizer: object) -> Any:
    """Return a regularizer as plain data, ``{"class_name": ..., "config": ...}``."""
    return plain(regularizer)
