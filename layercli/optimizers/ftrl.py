"""Ftrl."""

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
class Ftrl(Optimizer):
    """FTRL-Proximal: with ``n' = n + g^2`` and ``k = -learning_rate_power``,
    ``z += g + 2 l2_shrinkage p - (n'^k - n^k) / rate p`` and
    ``p = (clip(z, -l1, l1) - z) / (n'^k / rate + 2 l2 + beta / rate)``.

    Reference: McMahan et al. 2013, KDD, "Ad Click Prediction".

    Args:
        learning_rate_power: The exponent of the accumulator, at most 0.
        l1_regularization_strength: The factor l1 of the absolute values, at least 0.
        l2_regularization_strength: The factor l2 of the squares, at least 0.
        l2_shrinkage_regularization_strength: The factor of the squares that is added to the gradient, at least 0.
        beta: The beta of the paper.
    """

    learning_rate_power: float = -0.5
    initial_accumulator_value: float = 0.1
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learning_rate_power > 0:
            raise UsageError(f"learning_rate_power of ftrl is at most 0, got {self.learning_rate_power}")
        strengths = [f"{kind}_regularization_strength" for kind in ("l1", "l2", "l2_shrinkage")]
        for name in ("initial_accumulator_value", *strengths):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} of ftrl is at least 0, got {getattr(self, name)}")

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return accumulator and linear."""
        return [("accumulator", "linear")]

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return the starting value of that slot."""
        return torch.full_like(parameter, self.initial_accumulator_value if slot == "accumulator" else 0)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2 * rate)
        lists = (parameters, gradients, slots["accumulator"], slots["linear"])
        for parameter, gradient, accumulator, linear in zip(*lists, strict=True):
            before = accumulator**-self.learning_rate_power
            after = accumulator.add_(gradient.square()) ** -self.learning_rate_power
            shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * parameter
            linear.add_(shrunk - (after - before) / rate * parameter)
            parameter.copy_((linear.clamp(-l1, l1) - linear) / (after / rate + 2 * l2))
