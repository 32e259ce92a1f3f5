"""Average."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.core.types import Tensor
from layercli.layers.merging.base_merge import ReduceMerge


class Average(ReduceMerge):
    """out = (x + y + ...) / n, of a list of n inputs; shapes broadcast."""

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the outputs."""
        return super().call(inputs) / len(inputs)
