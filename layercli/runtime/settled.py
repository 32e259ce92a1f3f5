"""A call of a model whose weights are settled: products and convolutions on a CPU find them as their kernels read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.ops import substitutes
from layercli.runtime import packing


class Settled:
    """A call that is made many times while nobody changes a weight: what oneDNN would reorder in every call it reorders once.

    That is the caller's promise, and why a model called on its own does not do so: torch cannot tell of every write. One it
    can tell of, such as an optimizer's, is seen all the same. Calls that record gradients go on as ever.

    The weights of products torch reads as they are, and to pack them takes as long as several calls of few rows: that waits
    for the second call, unless it is known that there are ``many``.
    """

    def __init__(self, call: Callable[[Any], Any], *, many: bool = False) -> None:
        self._call = call
        self._many = many
        self._packed: dict[Any, tuple[int, torch.Tensor, torch.Tensor]] = {}
        self._room: packing.Room | None = None

    def __call__(self, inputs: Any) -> Any:
        """Return what the call returns."""
        before = substitutes.convolve, substitutes.multiply, substitutes.recur
        substitutes.convolve, substitutes.multiply, substitutes.recur = self._convolve, self._multiply, self._recur
        try:
            return self._call(inputs)
        finally:
            substitutes.convolve, substitutes.multiply, substitutes.recur = before
            self._many = True

    def _convolve(
        self, x: Any, weight: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int
    ) -> torch.Tensor | None:
        """Return torch's convolution over two axes, None where its weight is not one to pack."""
        if not packing.convolves(x, weight):
            return None
        how = strides, padding, dilation, groups
        kernel = self._kept(weight, how, lambda: packing.packed_kernel(weight, x.shape, *how))
        return None if kernel is None else packing.convolved(x, kernel, bias, *how)

    def _multiply(self, x: Any, weight: Any, bias: Any) -> torch.Tensor | None:
        """Return torch's linear, None where its weight is not one to pack."""
        if not self._many or not packing.multiplies(x, weight):
            return None
        rows = x.numel() // x.shape[-1]
        matrix = self._kept(weight, (), lambda: packing.packed_matrix(weight, rows))
        return None if matrix is None else packing.multiplied(x, matrix, bias)

    def _recur(self, x: Any, start: Any, weights: Any) -> Any:
        """Return torch's lstm of one layer, None where its weights are not ones to pack."""
        if not packing.recurs(x, weights):
            return None
        of_x, of_state, *biases = weights
        first = self._kept(of_x, ("lstm",), lambda: packing.packed_gates(x, weights)[0])
        second = self._kept(of_state, ("lstm",), lambda: packing.packed_gates(x, weights)[1])
        return None if first is None or second is None else packing.recurred(x, start, (first, second), biases)

    def _kept(self, weight: Any, how: tuple[Any, ...], pack: Callable[[], torch.Tensor]) -> torch.Tensor | None:
        """Return a view of a parameter packed, as it is now; None where it is no such view, or there is no room for it."""
        held = weight._base
        if not isinstance(held, torch.nn.Parameter) or torch.is_grad_enabled():
            return None
        key = id(held), weight.stride(), how
        known = self._packed.get(key)
        if known is None or known[0] != held._version:
            self._room = self._room or packing.Room()
            if known is None and not self._room.take(weight):
                return None
            known = self._packed[key] = held._version, held, pack()
        return known[2]
