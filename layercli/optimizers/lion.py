"""Lion."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Lion(Optimizer):
    """``p -= rate sign(beta_1 m + (1 - beta_1) g)``, then ``m = beta_2 m + (1 - beta_2) g``.

    Reference: Chen et al. 2023, arXiv:2302.06675.

    Args:
        beta_1: The weight of the momentum in an update, from 0 to 1.
        beta_2: The decay of the momentum, from 0 to 1.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.beta_1 <= 1:
            raise UsageError(f"beta_1 of lion is over 0 and at most 1, got {self.beta_1}")

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum."""
        return [("momentum",)]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        directions = torch._foreach_mul(slots["momentum"], self.beta_1)
        torch._foreach_add_(directions, gradients, alpha=1 - self.beta_1)
        torch._foreach_sign_(directions)
        torch._foreach_add_(parameters, directions, alpha=-rate)
        torch._foreach_lerp_(slots["momentum"], gradients, 1 - self.beta_2)
