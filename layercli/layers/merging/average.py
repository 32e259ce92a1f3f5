"""Several inputs made one: each layer is called on a list of them."""

from __future__ import annotations

from typing import Any

from layercli.layers.merging.base_merge import ReduceMerge


class Average(ReduceMerge):
    """out = (x + y + ...) / their number."""

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return super().call(inputs) / len(inputs)
