"""Lamb."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Lamb(Optimizer):
    """Adam with each parameter's update scaled to the norm of the parameter: ``p -= rate |p| / |u| u``.

    ``u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)``; the ratio is 1 where a norm is 0.
    Reference: You et al. 2019, arXiv:1904.00962.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum and velocity."""
        return [("momentum", "velocity")]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        momentum, velocity = slots["momentum"], slots["velocity"]
        step = self.update_count + 1
        torch._foreach_lerp_(momentum, gradients, 1 - self.beta_1)
        torch._foreach_lerp_(velocity, torch._foreach_mul(gradients, gradients), 1 - self.beta_2)
        below = torch._foreach_div(velocity, 1 - self.beta_2**step)
        torch._foreach_sqrt_(below)
        torch._foreach_add_(below, self.epsilon)
        updates = torch._foreach_div(torch._foreach_div(momentum, 1 - self.beta_1**step), below)
        norms = zip(torch._foreach_norm(parameters), torch._foreach_norm(updates), strict=True)
        ratios = [torch.where((p > 0) & (u > 0), p / u, 1) for p, u in norms]
        torch._foreach_mul_(updates, ratios)
        torch._foreach_add_(parameters, updates, alpha=-rate)
