"""The recurrence of a selective state space model (Mamba)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class SelectiveScan(Op):
    """out[t] = states[t] @ output[t], where states[t] = exp(step[t] rate) * states[t - 1] + step[t] x[t] (outer)
    input[t].

    x and step: (batch, steps, channels); rate: (channels, state); input and output: (batch, steps, state). The initial
    states are 0. Reference: Gu and Dao, 2023, arXiv:2312.00752.
    """

    def spec(self, x: Spec, step: Spec, rate: Spec, input: Spec, output: Spec) -> Spec:
        """Return x's spec."""
        if x.shape[-1] != rate.shape[0]:
            raise ShapeError(f"expects x with {rate.shape[0]} channels, got {x.shape[-1]} (x = {x})")
        return x

    def run(self, x: Tensor, step: Any, rate: Any, input: Any, output: Tensor) -> Tensor:
        """Return the outputs, computed step by step."""
        states = x.new_zeros((x.shape[0], *rate.shape))
        found = []
        for t in range(x.shape[1]):
            decay = torch.exp(step[:, t, :, None] * rate)
            states = decay * states + (step[:, t] * x[:, t])[:, :, None] * input[:, t, None, :]
            found.append((states * output[:, t, None, :]).sum(-1))
        return torch.stack(found, 1) if found else torch.zeros_like(x)
