"""Random flips of images, per example."""

from __future__ import annotations

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch


@dataclass(frozen=True)
class FlipSelected(Op):
    """out = x flipped along ``axes`` for the examples whose samples (batch, 1) is at most 0.5, else x."""

    axes: tuple[int, ...]

    def spec(self, x: Spec, samples: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return torch's flip where selected, else x."""
        turned = samples.reshape(-1, *(1,) * (x.ndim - 1)) <= 0.5
        return torch.where(turned, x.flip(self.axes), x)
