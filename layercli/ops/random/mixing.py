"""Random numbers of the layers that mix images: weights, permutations and places."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.random.counter_rng import uniform


@dataclass(frozen=True)
class MixDraws(Op):
    """out[b] = a weight of Beta(a, a), the place of b in a permutation, and two uniform values, for each b of x's batch.

    a is uniform between ``low`` and ``high``, one for the batch.
    """

    low: float
    high: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return (batch, 4)."""
        return Spec((x.shape[0], 4), "float32")

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return the values as float32."""
        samples = uniform((x.shape[0] + 1, 3), x, self.seed, counter)
        alpha = self.low + (self.high - self.low) * samples[-1, 0]
        weights = dirichlet(alpha.expand(x.shape[0], 2), samples[-1, 1], self.seed)[:, :1]
        order = samples[:-1, :1].argsort(0).to(weights.dtype)
        return torch.cat([weights, order, samples[:-1, 1:]], 1)


@dataclass(frozen=True)
class ChainDraws(Op):
    """out = ``chains`` weights of Dirichlet(a, ...), a weight of Beta(a, a), and ``values`` uniform values, for the whole batch."""

    chains: int
    values: int
    alpha: float = 1.0
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return (chains + 1 + values,)."""
        return Spec((self.chains + 1 + self.values,), "float32")

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return the values as float32."""
        samples = uniform((self.values + 2,), x, self.seed, counter)
        alpha = torch.full((1, self.chains), self.alpha, device=x.device)
        weights = dirichlet(alpha, samples[-1], self.seed)[0]
        weight = dirichlet(torch.full((1, 2), self.alpha, device=x.device), samples[-2], self.seed)[0, :1]
        return torch.cat([weights, weight, samples[:-2]])


def dirichlet(alpha: Any, sample: Any, seed: int | None) -> Tensor:
    """Return values of Dirichlet distributions, a row for each row of parameters; with a seed those that follow from ``sample``."""
    generator = None
    if seed is not None:
        generator = torch.Generator(device=alpha.device)
        generator.manual_seed(int(sample * 2**24))
    return torch._sample_dirichlet(alpha.contiguous(), generator=generator)
