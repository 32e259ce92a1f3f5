"""Adafactor."""

from __future__ import annotations

import math
from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional
from layercli.optimizers.slots import SlotSpec, State


@accept_positional
@dataclass(eq=False)
class Adafactor(Optimizer):
    """Adam with a second moment that is factored into its row and column means.

    With ``b = 1 - t^beta_2_decay``: ``v = r c / mean(r)`` where r and c are means of ``g^2 + epsilon_1`` over the last axis and the
    one before; ``u = g / sqrt(v)``, scaled down to a root mean square of clip_threshold; and
    ``p -= max(epsilon_2, rms(p)) min(rate, 1 / sqrt(t)) u``. A parameter of fewer than two axes keeps v whole.
    Reference: Shazeer and Stern 2018, arXiv:1804.04235.

    Args:
        beta_2_decay: The exponent of the decay of the second moment.
        epsilon_1: A small number that is added to the squared gradient.
        epsilon_2: The smallest root mean square of a parameter that scales its step.
        clip_threshold: The largest root mean square of an update.
        relative_step: Whether a constant learning rate is limited to 1 / sqrt(t).
    """

    needs_logical_shape = True

    beta_2_decay: float = -0.8
    epsilon_1: float = 1e-30
    epsilon_2: float = 0.001
    clip_threshold: float = 1.0
    relative_step: bool = True

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return row, column and velocity."""
        return [("row", "column", "velocity")]

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return zeros: one for each row, column or element; a placeholder where there are no rows and columns."""
        if slot == "velocity":
            return torch.zeros_like(parameter)
        if parameter.ndim < 2:
            return torch.zeros((), dtype=torch.int32)
        return torch.zeros_like(parameter.mean(-1 if slot == "row" else -2))

    def add_state(self, state: State) -> None:
        """Add the slots; Keras calls rows and columns by the last part of the parameter's path alone."""
        super().add_state(state)
        state.entries[:] = [stored_as_keras_does(entry) for entry in state.entries]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        step = self.update_count + 1
        rate = min(rate, 1 / math.sqrt(step))
        keep = 1 - step**self.beta_2_decay
        lists = (parameters, gradients, slots["row"], slots["column"], slots["velocity"])
        for parameter, gradient, row, column, velocity in zip(*lists, strict=True):
            square = gradient.square() + self.epsilon_1
            if parameter.ndim < 2:
                velocity.lerp_(square, 1 - keep)
            else:
                row.lerp_(square.mean(-1), 1 - keep)
                column.lerp_(square.mean(-2), 1 - keep)
                velocity.copy_((row / row.mean(-1, keepdim=True)).unsqueeze(-1) * column.unsqueeze(-2))
            unit = gradient / velocity.sqrt()
            unit = unit / (rms(unit) / self.clip_threshold).clamp_min(1)
            parameter.sub_(rms(parameter).clamp_min(self.epsilon_2) * rate * unit)


def rms(values: torch.Tensor) -> torch.Tensor:
    """Return the root of the mean of the squares."""
    return values.square().mean().sqrt()


def stored_as_keras_does(entry: SlotSpec) -> SlotSpec:
    """Return ``entry`` under the name that Keras gives it."""
    path, _, slot = entry.key.rpartition(".")
    return entry._replace(name=path.rpartition("/")[2]) if slot in ("row", "column") else entry
