"""Where gradients stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec


@dataclass(frozen=True)
class StopGradient(Op):
    """out = x, through which no gradient flows: a view."""

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Any) -> Any:
        """Return torch's detach."""
        return x.detach()


def stop_gradient(variable: Any) -> Any:
    """Return the value of ``variable``, a tensor of any kind, through which no gradient flows."""
    return StopGradient()(variable)
