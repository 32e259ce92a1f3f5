"""Several inputs made one: each layer is called on a list of them."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Subtract(ReduceMerge):
    """out = x - y, of two inputs."""

    function = "subtract"
    takes_two = True
