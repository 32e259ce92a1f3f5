"""Maximum."""

from __future__ import annotations

from layercli.layers.merging.base_merge import ReduceMerge


class Maximum(ReduceMerge):
    """out = max(x, y, ...), value by value, of a list of inputs; shapes broadcast."""

    function = "maximum"
