"""The recurrence of a selective state space model (Mamba)."""

from __future__ import annotations

from typing import Any

from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class SelectiveScan(MultiOutputOp):
    """out[t] = states[t] @ output[t], where states[t] = exp(step[t] rate) * states[t - 1] + step[t] x[t] (outer)
    input[t]; and the last states.

    x and step: (batch, steps, channels); rate: (channels, state); input and output: (batch, steps, state); states before the
    first step: (batch, channels, state), 0 if None. The states are computed in float32 and kept in x's dtype. Reference: Gu
    and Dao, 2023, arXiv:2312.00752.
    """

    def spec(
        self, x: Spec, step: Spec, rate: Spec, input: Spec, output: Spec, states: Spec | None = None
    ) -> tuple[Spec, Spec]:
        """Return x's spec, and that of the states."""
        if x.shape[-1] != rate.shape[0]:
            raise ShapeError(f"expects x with {rate.shape[0]} channels, got {x.shape[-1]} (x = {x})")
        return x, Spec((x.shape[0], *rate.shape), x.dtype)

    def macs(self, x: Spec, step: Spec, rate: Spec, input: Spec, output: Spec, states: Spec | None = None) -> Size:
        """Return those of states @ output."""
        return x.size * rate.shape[1]

    def run(
        self, x: Tensor, step: Any, rate: Any, input: Any, output: Tensor, states: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the outputs and the last states, computed step by step."""
        kind = torch.float64 if x.dtype == torch.float64 else torch.float32
        y, step, rate, input, output = (each.to(kind) for each in (x, step, rate, input, output))
        kept = y.new_zeros((x.shape[0], *rate.shape)) if states is None else states.to(kind)
        given = step * y
        found = []
        for t in range(x.shape[1]):
            decay = torch.exp(step[:, t, :, None] * rate)
            kept = decay * kept + given[:, t, :, None] * input[:, t, None, :]
            found.append((kept @ output[:, t, :, None]).squeeze(-1))
        return (torch.stack(found, 1) if found else torch.zeros_like(y)).to(x.dtype), kept.to(x.dtype)
