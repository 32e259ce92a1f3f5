"""Add."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Add(ReduceMerge):
    """out = x + y + ..., of a list of inputs; shapes broadcast."""
