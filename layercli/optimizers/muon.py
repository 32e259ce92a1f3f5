"""Muon."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.adam import adam
from layercli.optimizers.base_optimizer import Optimizer, apply_weight_decay
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Muon(Optimizer):
    """Update matrices by their orthogonalized momentum, and all other parameters by Adam.

    ``m = momentum m + g``; ``p -= rate rms_rate sqrt(max(rows, columns)) orthogonal(m)``. Newton-Schulz iterations
    ``x = a x + (b x x' + c (x x')^2) x`` orthogonalize m.
    References: Jordan 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982.

    Args:
        adam_beta_1: The decay of Adam's first moment, from 0 to 1.
        adam_beta_2: The decay of Adam's second moment, from 0 to 1.
        adam_weight_decay: The weight decay of the parameters that Adam updates; None for no decay.
        epsilon: The epsilon of Adam.
        weight_decay: The weight decay of the matrices; None for no decay.
        exclude_layers: Regular expressions; Adam updates the parameters whose path matches one of them.
        exclude_embeddings: Whether Adam updates embeddings, which are recognised by their path.
        muon_a: The coefficient a of the Newton-Schulz iteration.
        muon_b: The coefficient b of the Newton-Schulz iteration.
        muon_c: The coefficient c of the Newton-Schulz iteration.
        adam_lr_ratio: The learning rate of Adam divided by that of Muon.
        ns_steps: The number of Newton-Schulz iterations.
        nesterov: Whether to orthogonalize ``g + momentum m``.
        rms_rate: The factor that scales updates to the root mean square of Adam's; None for no scaling by size.
    """

    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_weight_decay: float | None = 0.004
    epsilon: float = 1e-7
    weight_decay: float | None = field(default=0.004, kw_only=True)
    exclude_layers: Sequence[str] | None = field(default=None, kw_only=True)
    exclude_embeddings: bool = field(default=True, kw_only=True)
    muon_a: float = field(default=3.4445, kw_only=True)
    muon_b: float = field(default=-4.775, kw_only=True)
    muon_c: float = field(default=2.0315, kw_only=True)
    adam_lr_ratio: float = field(default=1, kw_only=True)
    momentum: float = field(default=0.95, kw_only=True)
    ns_steps: int = field(default=5, kw_only=True)
    nesterov: bool = field(default=True, kw_only=True)
    rms_rate: float | None = field(default=0.2, kw_only=True)

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum, and velocity for what Adam takes."""
        return [("momentum", "velocity")]

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return zeros, or None for the velocity of a matrix."""
        return torch.zeros_like(parameter) if slot == "momentum" or self.uses_adam(index) else None

    def uses_adam(self, index: int) -> bool:
        """Return whether Adam takes the parameter of that index."""
        path = self.built_state.names[index]
        if self.built_state.parameters[index].ndim != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers or ())

    def decay(self, indices: list[int], rate: float) -> None:
        """Shrink the parameters, matrices by one share and Adam's by another."""
        for weight_decay, uses_adam in ((self.weight_decay, False), (self.adam_weight_decay, True)):
            chosen = [i for i in indices if self.decays(i) and self.uses_adam(i) == uses_adam]
            if weight_decay is not None:
                apply_weight_decay(self.built_state.parameters, chosen, weight_decay * rate)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        rows = list(zip(parameters, gradients, slots["momentum"], slots["velocity"], strict=True))
        for parameter, gradient, momentum, velocity in rows:
            if velocity is None:
                momentum.mul_(self.momentum).add_(gradient)
                ahead = gradient + self.momentum * momentum if self.nesterov else momentum
                parameter.sub_(self.newton_schulz(ahead), alpha=rate * self.scale(parameter))
        uses_adam = [row for row in rows if row[3] is not None]
        if uses_adam:
            lists = [list(column) for column in zip(*uses_adam, strict=True)]
            betas, step = (self.adam_beta_1, self.adam_beta_2), self.update_count + 1
            adam(*lists, rate=rate * self.adam_lr_ratio, betas=betas, epsilon=self.epsilon, step=step)

    def scale(self, matrix: torch.Tensor) -> float:
        """Return what brings the orthogonal update to the root mean square of an Adam update."""
        return 1.0 if self.rms_rate is None else self.rms_rate * math.sqrt(max(matrix.shape))

    def newton_schulz(self, x: torch.Tensor) -> torch.Tensor:
        """Return the matrix of about the same row and column spaces whose singular values are all about 1."""
        if x.shape[0] > x.shape[1]:
            return self.newton_schulz(x.T).T
        x = x / (x.norm() + 1e-7)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = self.muon_a * x + (self.muon_b * gram + self.muon_c * gram @ gram) @ x
        return x
