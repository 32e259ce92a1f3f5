"""Average."""

from __future__ import annotations

from typing import Any

from layercli.layers.merging.base_merge import ReduceMerge


class Average(ReduceMerge):
    """out = (x + y + ...) / n, of a list of n inputs; shapes broadcast."""

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return super().call(inputs) / len(inputs)
