"""Adagrad and Adadelta: a rate for each weight, from the gradients it has had."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from layercli.lazy import torch
from layercli.optimizers.clipping import Tensors
from layercli.optimizers.optimizer import Optimizer


@dataclass(eq=False)
class Adagrad(Optimizer):
    """``a += g^2``, then ``p -= rate g / sqrt(a + epsilon)``; ``a`` starts at ``initial_accumulator_value``.

    Reference: Duchi, Hazan and Singer 2011, JMLR 12.
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return accumulator."""
        return [("accumulator",)]

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return the starting value of the accumulator."""
        return torch.full_like(parameter, self.initial_accumulator_value)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        torch._foreach_addcmul_(slots["accumulator"], gradients, gradients, 1)
        below = torch._foreach_add(slots["accumulator"], self.epsilon)
        torch._foreach_sqrt_(below)
        torch._foreach_addcdiv_(parameters, gradients, below, -rate)


@dataclass(eq=False)
class Adadelta(Optimizer):
    """``a = rho a + (1 - rho) g^2``, ``d = sqrt(b + epsilon) / sqrt(a + epsilon) g``, ``b = rho b + (1 - rho) d^2``,
    ``p -= rate d``. Reference: Zeiler 2012, arXiv:1212.5701.
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
