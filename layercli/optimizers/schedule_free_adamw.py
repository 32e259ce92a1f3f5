"""ScheduleFreeAdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer, copy_each
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.learning_rate import LearningRate
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class ScheduleFreeAdamW(Optimizer):
    """AdamW with averaged iterates instead of a learning-rate schedule.

    ``v += (g^2 - v)(1 - beta_2)``, ``z -= rate g / (sqrt(v / (1 - beta_2^t)) + epsilon)``,
    ``x = (p - (1 - beta_1) z) / beta_1``, ``x += (z - x) / t``, ``p = (1 - beta_1) z + beta_1 x``. The slot "momentum" is z.
    Reference: Defazio et al. 2024, arXiv:2405.15682.

    Args:
        warmup_steps: The number of steps in which the learning rate rises linearly.
    """

    learning_rate: Any = LearningRate(0.0025)  # a descriptor: each optimizer has its own rate behind it
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    warmup_steps: int = 0

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum and velocity."""
        return [("momentum", "velocity")]

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return the parameter's own value for the momentum, zeros for the velocity."""
        return parameter.clone() if slot == "momentum" else torch.zeros_like(parameter)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        z, velocity, step = slots["momentum"], slots["velocity"], self.update_count + 1
        if self.warmup_steps:
            rate *= min(step / self.warmup_steps, 1)
        torch._foreach_lerp_(velocity, torch._foreach_mul(gradients, gradients), 1 - self.beta_2)
        below = torch._foreach_sqrt(velocity)
        torch._foreach_div_(below, math.sqrt(1 - self.beta_2**step))
        torch._foreach_add_(below, self.epsilon)
        torch._foreach_addcdiv_(z, gradients, below, -rate)
        # The paper, and Keras on JAX, take z from before the line above; Keras on torch and TensorFlow, matched here,
        # read it after.
        x = torch._foreach_sub(parameters, torch._foreach_mul(z, 1 - self.beta_1))
        torch._foreach_div_(x, self.beta_1)
        torch._foreach_lerp_(x, z, 1 / step)
        copy_each(parameters, torch._foreach_lerp(x, z, 1 - self.beta_1))
