"""SGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.learning_rate import LearningRate
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class SGD(Optimizer):
    """Gradient descent: ``p -= rate g``; with momentum ``m = momentum m - rate g`` and ``p += m``.

    Args:
        nesterov: Whether to use Nesterov momentum: ``p += momentum m - rate g``.
    """

    learning_rate: Any = LearningRate(0.01)  # a descriptor: each optimizer has its own rate behind it
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum <= 1:
            raise UsageError(f"momentum of sgd is a number from 0 to 1, got {self.momentum}")

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum, if there is any."""
        return [("momentum",)] if self.momentum else []

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        if not self.momentum:
            torch._foreach_add_(parameters, gradients, alpha=-rate)
            return
        momentum = slots["momentum"]
        torch._foreach_mul_(momentum, self.momentum)
        torch._foreach_add_(momentum, gradients, alpha=-rate)
        if self.nesterov:
            torch._foreach_add_(parameters, momentum, alpha=self.momentum)
            torch._foreach_add_(parameters, gradients, alpha=-rate)
        else:
            torch._foreach_add_(parameters, momentum)
