"""Maximum."""

from __future__ import annotations

from layercli.layers.merging.base_merge import MaskedMerge


class Maximum(MaskedMerge):
    """out = max(x, y, ...), value by value, of a list of inputs; shapes broadcast. Masked steps are left out."""

    function = "maximum"
