"""Mixture of experts: each token is processed by the feed-forward networks that a router chose for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import F, torch


@dataclass(frozen=True)
class ExpertFeedForward(Op):
    """out[t] = sum over the chosen experts e of weights[t, e] * down_e(activation(gate_e(x[t])) * up_e(x[t])).

    x: (..., features); indices and weights: (..., chosen); gate and up: (experts, features, hidden); down: (experts,
    hidden, features). Only the chosen experts count as multiply-accumulates. Reference: Shazeer et al., 2017,
    arXiv:1701.06538.
    """

    activation: str = "silu"

    def spec(self, x: Spec, indices: Spec, weights: Spec, gate: Spec, up: Spec, down: Spec) -> Spec:
        """Return x's spec."""
        if x.shape[-1] != gate.shape[1]:
            raise ShapeError(f"expects x with {gate.shape[1]} features, got {x.shape[-1]} (x = {x})")
        return x

    def macs(self, x: Spec, indices: Spec, weights: Spec, gate: Spec, up: Spec, down: Spec) -> Size:
        """Return tokens x chosen x 3 x features x hidden."""
        return dims.product(indices.shape) * (3 * gate.shape[1] * gate.shape[2])

    def run(self, x: Tensor, indices: Tensor, weights: Tensor, gate: Tensor, up: Tensor, down: Any) -> Tensor:
        """Return the sum, computed expert by expert over the tokens that chose it."""
        tokens, chosen = x.reshape(-1, x.shape[-1]), indices.reshape(-1, indices.shape[-1])
        shares = weights.reshape(chosen.shape)
        out = torch.zeros_like(tokens)
        for expert, rows, positions in choices(chosen, gate.shape[0]):
            given = tokens[rows]
            hidden = getattr(F, self.activation)(given @ gate[expert]) * (given @ up[expert])
            out = out.index_add(0, rows, (hidden @ down[expert]) * shares[rows, positions].unsqueeze(-1).to(x.dtype))
        return out.reshape(x.shape)


def choices(chosen: Tensor, experts: int) -> Iterator[tuple[int, Any, Any]]:
    """Yield each chosen expert with the rows and columns of ``chosen`` (tokens, choices) that hold it.

    The meta device has no values: there the first expert takes all tokens, as shapes and costs do not depend on the
    expert.
    """
    if chosen.is_meta:
        tokens, positions = chosen.shape
        yield 0, chosen.new_empty(tokens * positions), chosen.new_empty(tokens * positions)
        return
    for expert in range(experts):
        rows, columns = torch.where(chosen == expert)
        yield expert, rows, columns
