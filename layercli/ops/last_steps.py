"""The end of a sequence: what the cache of a sliding window keeps."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError


@dataclass(frozen=True)
class LastSteps(Op):
    """out = the last ``count`` steps of x (batch, steps, ...), or all if there are fewer."""

    count: int

    def spec(self, x: Spec) -> Spec:
        """Return the shape with at most ``count`` steps."""
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
        return Spec((x.shape[0], dims.least(x.shape[1], self.count), *x.shape[2:]), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return x itself, or a copy, so that the memory of the other steps can be freed."""
        return x if x.shape[1] <= self.count else x[:, x.shape[1] - self.count :].clone()
