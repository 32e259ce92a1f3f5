"""Values times a constant plus another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.lazy import torch
from layercli.ops.elementwise import broadcast_shapes

Constant = float | tuple[float, ...]


@dataclass(frozen=True)
class Rescale(Op):
    """out = x * scale + offset, each a number or one number per place of x's last axis."""

    scale: Constant
    offset: Constant = 0.0

    def spec(self, x: Spec) -> Spec:
        """Return x's shape broadcast with the constants'."""
        shapes = [(len(each),) for each in (self.scale, self.offset) if isinstance(each, tuple)]
        return Spec(broadcast_shapes(x.shape, *shapes), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's product and sum, the constants in x's dtype and on its device."""
        return x * _beside(x, self.scale) + _beside(x, self.offset)


def _beside(x: Any, constant: Constant) -> Any:
    return torch.tensor(constant, dtype=x.dtype, device=x.device) if isinstance(constant, tuple) else constant
