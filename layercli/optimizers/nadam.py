"""Nadam."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional
from layercli.optimizers.slots import SlotSpec, State


@accept_positional
@dataclass(eq=False)
class Nadam(Optimizer):
    """Adam with Nesterov momentum: with ``u_t = beta_1 (1 - 0.96^t / 2)`` and ``U_t`` their product up to t,
    ``p -= rate (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)``.

    m and v are Adam's. Reference: Dozat 2015, "Incorporating Nesterov Momentum into Adam".
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum and velocity."""
        return [("momentum", "velocity")]

    def add_state(self, state: State) -> None:
        """Add the slots, and the product of the momentum factors so far."""
        super().add_state(state)
        self.product = torch.ones(())
        state.entries.append(SlotSpec("product", "variable", self.product))

    def factor(self, step: int) -> float:
        """Return ``u_t`` for that step."""
        return self.beta_1 * (1 - 0.5 * 0.96**step)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        momentum, velocity = slots["momentum"], slots["velocity"]
        step = self.update_count + 1
        now, after = self.factor(step), self.factor(step + 1)
        product = self.product.mul_(now).item()
        torch._foreach_lerp_(momentum, gradients, 1 - self.beta_1)
        torch._foreach_lerp_(velocity, torch._foreach_mul(gradients, gradients), 1 - self.beta_2)
        ahead = torch._foreach_mul(momentum, after / (1 - product * after))
        torch._foreach_add_(ahead, gradients, alpha=(1 - now) / (1 - product))
        below = torch._foreach_div(velocity, 1 - self.beta_2**step)
        torch._foreach_sqrt_(below)
        torch._foreach_add_(below, self.epsilon)
        torch._foreach_addcdiv_(parameters, ahead, below, -rate)
