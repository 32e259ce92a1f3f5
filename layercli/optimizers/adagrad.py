"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Adagrad(Optimizer):
    """``a += g^2``, then ``p -= rate g / sqrt(a + epsilon)``.

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
