"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class RMSprop(Optimizer):
    """``v = rho v + (1 - rho) g^2``, ``p -= rate g / sqrt(v + epsilon)``; with momentum ``m = momentum m + rate g / sqrt(...)``.

    Reference: Hinton 2012, lecture 6e of "Neural Networks for Machine Learning".

    Args:
        centered: Whether to subtract the square of the mean gradient from v.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return velocity, momentum if there is any, and average_gradient if centered."""
        kept = [("velocity", True), ("momentum", self.momentum > 0), ("average_gradient", self.centered)]
        return [(name,) for name, wanted in kept if wanted]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        velocity = slots["velocity"]
        torch._foreach_lerp_(velocity, torch._foreach_mul(gradients, gradients), 1 - self.rho)
        below = torch._foreach_add(velocity, self.epsilon)
        if self.centered:
            mean = slots["average_gradient"]
            torch._foreach_lerp_(mean, gradients, 1 - self.rho)
            torch._foreach_addcmul_(below, mean, mean, -1)
        torch._foreach_sqrt_(below)
        if self.momentum > 0:
            torch._foreach_mul_(slots["momentum"], self.momentum)
            torch._foreach_addcdiv_(slots["momentum"], gradients, below, rate)
            torch._foreach_sub_(parameters, slots["momentum"])
        else:
            torch._foreach_addcdiv_(parameters, gradients, below, -rate)
