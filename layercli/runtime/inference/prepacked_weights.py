"""Run a model with its weights prepacked for oneDNN or MKL, under the promise that they do not change between calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.core.types import Tensor, Tree
from layercli.ops.core import kernel_overrides
from layercli.ops.nn.rnn import in_one_chunk
from layercli.runtime.inference import large_products, onednn_kernels


class PrepackedCall:
    """A call made many times with unchanged weights: each weight is converted to the kernel's layout once, not in every call.

    The caller promises that weights stay unchanged; a plain call of a model cannot, because torch does not detect every write.
    Writes that torch detects, such as an optimizer's, repack the weight. Calls that record gradients are not affected.

    A product can use its weight unpacked, and packing takes as long as several calls with few rows; it therefore waits for the
    second call unless ``many`` calls are announced.
    """

    def __init__(self, call: Callable[[Tensor], Tensor], *, many: bool = False) -> None:
        self._call = call
        self._many = many
        self._packed: dict[Any, tuple[list[int], list[torch.Tensor], Any]] = {}
        self._room: onednn_kernels.MemoryBudget | None = None

    def __call__(self, inputs: Tree) -> Tree:
        """Return what the call returns."""
        active = kernel_overrides.active
        before = active.conv2d, active.linear, active.lstm
        active.conv2d, active.linear, active.lstm = self._conv2d, self._linear, self._lstm
        try:
            return self._call(inputs)
        finally:
            active.conv2d, active.linear, active.lstm = before
            self._many = True

    def _conv2d(
        self, x: Any, weight: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: int
    ) -> torch.Tensor | None:
        """Return torch's 2D convolution with a packed weight, or None if the weight cannot be packed."""
        if not onednn_kernels.convolves(x, weight):
            return None
        how = strides, padding, dilation, groups
        kernel = self._kept([weight], how, lambda: onednn_kernels.packed_kernel(weight, x.shape, *how))
        return None if kernel is None else onednn_kernels.convolved(x, kernel, bias, *how)

    def _linear(self, x: Tensor, kernel: Tensor, bias: Tensor) -> torch.Tensor | None:
        """Return x @ kernel + bias with a packed kernel where that pays, or None if torch should compute it."""
        weight = kernel.T
        if not onednn_kernels.multiplies(x, weight):
            return None
        rows = x.numel() // x.shape[-1]
        packed = (
            self._kept([weight], (), lambda: (large_products.packed_matrix(weight, rows), rows)) if self._many else None
        )
        if packed is None:
            return large_products.product(x, kernel, bias)
        return large_products.multiplied(x, packed[0], weight, bias, packed[1])

    def _lstm(self, x: Any, start: Any, weights: Any) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return torch's single-layer LSTM with packed weights, or None if the weights cannot be packed."""
        if x.is_cuda:
            chunk = self._kept(weights[:3], (), lambda: in_one_chunk(weights))
            return None if chunk is None else torch.lstm(x, start, chunk, len(chunk) > 2, 1, 0.0, False, False, True)
        if not onednn_kernels.recurs(x, weights):
            return None
        gates = self._kept(weights[:2], (), lambda: onednn_kernels.packed_gates(x, weights))
        return None if gates is None else onednn_kernels.recurred(x, start, gates, weights[2:])

    def _kept(self, weights: list[Any], how: tuple[Any, ...], pack: Callable[[], Any]) -> Any:
        """Return the current packed copies of parameters or views of them; None for other tensors or if memory is short."""
        held = [weight if weight._base is None else weight._base for weight in weights]
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
