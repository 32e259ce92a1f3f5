"""Multiply."""

from __future__ import annotations

from functools import reduce
from typing import Any

from layercli.core.types import Tensor
from layercli.layers.merging.base_merge import MaskedMerge
from layercli.ops.numpy.elementwise import Binary, Where


class Multiply(MaskedMerge):
    """out = x * y * ..., value by value, of a list of inputs; shapes broadcast.

    A masked step counts as 1; where every input has a mask and all of them mask the step, out is 0.
    """

    function = "multiply"

    def merged(self, pairs: list[tuple[Any, Any]]) -> Tensor:
        """Return the product; a mask broadcasts with its input and may be None."""
        out = reduce(Binary("multiply"), (x if mask is None else Where()(mask, x, 1) for x, mask in pairs))
        masks = [mask for _, mask in pairs if mask is not None]
        return Where()(reduce(Binary("logical_or"), masks), out, 0) if len(masks) == len(pairs) else out
