"""A call of a model whose weights are settled: products and convolutions on a CPU find them as their kernels read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.ops.core import kernel_overrides
from layercli.runtime.inference import onednn_kernels


class PrepackedCall:
    """A call that is made many times while nobody changes a weight: what oneDNN would reorder in every call it reorders once.

    That is the caller's promise, and why a model called on its own does not do so: torch cannot tell of every write. One it
    can tell of, such as an optimizer's, is seen all the same. Calls that record gradients go on as ever.

    The weights of products torch reads as they are, and to pack them takes as long as several calls of few rows: that waits
    for the second call, unless it is known that there are ``many``.
    """

    def __init__(self, call: Callable[[Any], Any], *, many: bool = False) -> None:
        self._call = call
        self._many = many
        self._packed: dict[Any, tuple[list[int], list[torch.Tensor], Any]] = {}
        self._room: onednn_kernels.MemoryBudget | None = None

    def __call__(self, inputs: Any) -> Any:
        """Return what the call returns."""
        before = kernel_overrides.convolve, kernel_overrides.multiply, kernel_overrides.recur
        kernel_overrides.convolve, kernel_overrides.multiply, kernel_overrides.recur = (
            self._convolve,
            self._multiply,
            self._recur,
        )
        try:
            return self._call(inputs)
        finally:
            kernel_overrides.convolve, kernel_overrides.multiply, kernel_overrides.recur = before
            self._many = True

    def _convolve(
        self, x: Any, weight: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int
    ) -> torch.Tensor | None:
        """Return torch's convolution over two axes, None where its weight is not one to pack."""
        if not onednn_kernels.convolves(x, weight):
            return None
        how = strides, padding, dilation, groups
        kernel = self._kept([weight], how, lambda: onednn_kernels.packed_kernel(weight, x.shape, *how))
        return None if kernel is None else onednn_kernels.convolved(x, kernel, bias, *how)

    def _multiply(self, x: Any, weight: Any, bias: Any) -> torch.Tensor | None:
        """Return torch's linear, None where its weight is not one to pack."""
        if not onednn_kernels.multiplies(x, weight):
            return None
        rows = x.numel() // x.shape[-1]
        matrix = self._kept([weight], (), lambda: onednn_kernels.packed_matrix(weight, rows)) if self._many else None
        return onednn_kernels.product(x, weight, bias) if matrix is None else onednn_kernels.multiplied(x, matrix, bias)

    def _recur(self, x: Any, start: Any, weights: Any) -> Any:
        """Return torch's lstm of one layer, None where its weights are not ones to pack."""
        if not onednn_kernels.recurs(x, weights):
            return None
        gates = self._kept(weights[:2], (), lambda: onednn_kernels.packed_gates(x, weights))
        return None if gates is None else onednn_kernels.recurred(x, start, gates, weights[2:])

    def _kept(self, weights: list[Any], how: tuple[Any, ...], pack: Callable[[], Any]) -> Any:
        """Return views of parameters packed, as they are now; None where they are no such views, or there is no room."""
        held = [weight._base for weight in weights]
        if torch.is_grad_enabled() or not all(isinstance(each, torch.nn.Parameter) for each in held):
            return None
        key = *map(id, held), *(weight.stride() for weight in weights), how
        versions = [each._version for each in held]
        known = self._packed.get(key)
        if known is None or known[0] != versions:
            self._room = self._room or onednn_kernels.MemoryBudget()
            if known is None and not all(map(self._room.take, weights)):
                return None
            known = self._packed[key] = versions, held, pack()
        return known[2]
