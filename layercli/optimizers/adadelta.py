"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Adadelta(Optimizer):
    """``a = rho a + (1 - rho) g^2``, ``d = sqrt(b + epsilon) / sqrt(a + epsilon) g``, ``p -= rate d``,
    ``b = rho b + (1 - rho) d^2``.

    Reference: Zeiler 2012, arXiv:1212.5701.
    """

    rho: float = 0.95
    epsilon: float = 1e-7

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return accumulated_grad and accumulated_delta_var."""
        return [("accumulated_grad", "accumulated_delta_var")]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        squares, deltas = slots["accumulated_grad"], slots["accumulated_delta_var"]
        torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 1 - self.rho)
        steps, below = torch._foreach_add(deltas, self.epsilon), torch._foreach_add(squares, self.epsilon)
        torch._foreach_sqrt_(steps)
        torch._foreach_sqrt_(below)
        torch._foreach_mul_(steps, gradients)
        torch._foreach_div_(steps, below)
        torch._foreach_lerp_(deltas, torch._foreach_mul(steps, steps), 1 - self.rho)
        torch._foreach_add_(parameters, steps, alpha=-rate)
