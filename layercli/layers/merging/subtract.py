"""Subtract."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Subtract(ReduceMerge):
    """out = x - y, of a list of two inputs."""

    function = "subtract"
    takes_two = True
