"""Several inputs made one: each layer is called on a list of them."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Add(ReduceMerge):
    """out = x + y + ..."""
