"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Adamax(Optimizer):
    """Adam with the infinity norm: ``m += (g - m)(1 - beta_1)``, ``u = max(beta_2 u, |g|)``, then at step t
    ``p -= rate m / ((1 - beta_1^t)(u + epsilon))``.

    Reference: Kingma and Ba 2014, arXiv:1412.6980.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum and norm."""
        return [("momentum", "norm")]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        momentum, norm = slots["momentum"], slots["norm"]
        torch._foreach_lerp_(momentum, gradients, 1 - self.beta_1)
        torch._foreach_mul_(norm, self.beta_2)
        torch._foreach_maximum_(norm, torch._foreach_abs(gradients))
        below = torch._foreach_add(norm, self.epsilon)
        torch._foreach_addcdiv_(parameters, momentum, below, -rate / (1 - self.beta_1 ** (self.update_count + 1)))
