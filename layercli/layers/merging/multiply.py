"""Multiply."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Multiply(ReduceMerge):
    """out = x * y * ..., value by value, of a list of inputs; shapes broadcast."""

    function = "multiply"
