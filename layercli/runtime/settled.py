"""A call of a model whose weights are settled: convolutions on a CPU find them in the layout their kernels read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.ops import convolution
from layercli.runtime import packing


class Settled:
    """A call that is made many times while nobody changes a weight: what oneDNN would reorder in every call it reorders once.

    That is the caller's promise, and why a model called on its own does not do so: torch cannot tell of every write. One it
    can tell of, such as an optimizer's, is seen all the same. Calls that record gradients go on as ever.
    """

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self._call = call
        self._packed: dict[Any, tuple[int, torch.Tensor, torch.Tensor]] = {}

    def __call__(self, inputs: Any) -> Any:
        """Return what the call returns."""
        before = convolution.settled
        convolution.settled = self._convolve
        try:
            return self._call(inputs)
        finally:
            convolution.settled = before

    def _convolve(
        self, x: Any, weight: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int
    ) -> torch.Tensor | None:
        """Return torch's convolution over two axes, None where its weight is not one to pack."""
        held = weight._base
        if held is None or torch.is_grad_enabled() or not packing.packable(x, weight):
            return None
        key = id(held), weight.stride(), strides, padding, dilation, groups
        known = self._packed.get(key)
        if known is None or known[0] != held._version:
            known = held._version, held, packing.packed(weight, x.shape, strides, padding, dilation, groups)
            self._packed[key] = known
        return packing.convolved(x, known[2], bias, strides, padding, dilation, groups)
