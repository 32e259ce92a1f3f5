"""oneDNN's convolutions, products and LSTMs on a CPU, with weights prepacked in the layout of the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch.autograd import forward_ad

from layercli.ops.core import kernel_overrides
from layercli.runtime.execution.available_memory import free_memory

mkldnn: Any = torch.ops.mkldnn


class MemoryBudget:
    """The memory that packed copies of weights may take: a quarter of what is free at construction."""

    def __init__(self) -> None:
        self.left = free_memory() // 4

    def take(self, weight: torch.Tensor) -> bool:
        """Reserve memory for a copy of ``weight``; return whether it fits."""
        fits = weight.nbytes <= self.left
        self.left -= weight.nbytes if fits else 0
        return fits


@cache
def available() -> bool:
    """Whether this torch has the kernels."""
    backend: Any = torch.backends.mkldnn
    return (
        bool(backend.is_available())
        and hasattr(mkldnn, "_convolution_pointwise")
        and hasattr(mkldnn, "_linear_pointwise")
    )


def plain(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether the kernels accept ``x`` and ``weight``: dense, on a CPU, not empty, both float32, or bfloat16 where there is AMX."""
    return (
        available()
        and x.device.type == weight.device.type == "cpu"
        and x.layout is weight.layout is torch.strided
        and x.dtype is weight.dtype
        and (x.dtype is torch.float32 or (x.dtype is torch.bfloat16 and has_amx()))
        and x.numel() > 0
    )


@cache
def has_amx() -> bool:
    """Whether the CPU multiplies matrices of bfloat16 in hardware, by AMX."""
    return bool(cpu_capabilities().get("amx_bf16"))


def cpu_capabilities() -> dict[str, object]:
    """Return what torch says of the CPU: its name and its instruction sets; nothing by a torch that cannot tell."""
    found: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return dict(found)


def convolves(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether a 2D convolution of ``x`` may use a packed ``weight``."""
    return plain(x, weight) and x.ndim == weight.ndim == 4


def multiplies(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether a product of ``x`` (..., features) with a ``weight`` (units, features) may, and should, use it packed."""
    fits = x.ndim >= 2 == weight.ndim and x.shape[-1] == weight.shape[1]
    return fits and kernel_overrides.is_large(weight) and plain(x, weight)


def is_plain_inference() -> bool:
    """Whether a call needs only its result: no gradient, tangent or graph, no vmap, no autocast, no operation count.

    torch's own functions support all of these; oneDNN's kernels, called directly, support none.
    """
    return not (
        torch.is_grad_enabled()
        or torch.is_autocast_enabled("cpu")
        or torch._C._is_tracing()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
    )


def recurs(x: torch.Tensor, weights: Sequence[torch.Tensor]) -> bool:
    """Whether an LSTM over ``x`` (batch, steps, features) may use packed weights: two kernels and two biases."""
    return x.ndim == 3 and len(weights) == 4 and plain(x, weights[0]) and x.shape[-1] == weights[0].shape[1]


def packed_kernel(
    weight: torch.Tensor,
    size: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Return ``weight`` (filters, channels / groups, height, width) in oneDNN's layout for inputs of ``size``.

    Only the functions in this module can read it; inputs of other sizes give the same results.
    """
    return mkldnn._reorder_convolution_weight(weight, padding, strides, dilation, groups, size)  # type: ignore[no-any-return]  # a tensor


def packed_matrix(weight: torch.Tensor, rows: int) -> torch.Tensor:
    """Return ``weight`` (units, features) in oneDNN's layout for ``rows``; it works for any number of rows."""
    return mkldnn._reorder_linear_weight(weight.contiguous(), rows)  # type: ignore[no-any-return]  # a tensor


def convolved(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Return the convolution of ``x`` (batch, channels, height, width) with a ``weight`` that ``packed_kernel`` gave."""
    return mkldnn._convolution_pointwise(x, weight, bias, padding, strides, dilation, groups, "none", [], "")  # type: ignore[no-any-return]


def multiplied(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return ``x`` (..., features) times the transpose of a ``weight`` that ``packed_matrix`` gave, plus ``bias`` (units,)."""
    return mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # type: ignore[no-any-return]  # a tensor


def packed_gates(x: torch.Tensor, weights: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights for x and for the state (4 * units, features or units) in oneDNN's layout for ``x``."""
    of_x, of_state = (weight.contiguous() for weight in weights[:2])
    size = list(x.transpose(0, 1).shape)
    first, second = mkldnn._reorder_mkldnn_rnn_layer_weight(of_x, of_state, of_state.shape[1], False, True, True, size)
    return first, second


def recurred(
    x: torch.Tensor, start: Sequence[torch.Tensor], packed: Sequence[torch.Tensor], biases: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return an LSTM's outputs (batch, steps, units) and states (1, batch, units) from weights packed by ``packed_gates``."""
    values = [value.contiguous() for value in (*biases, *start)]  # the kernel ignores strides
    how: tuple[object, ...] = False, [], LSTM, start[0].shape[-1], 1, True, False, True, False
    out, h, c, _ = torch.ops.aten.mkldnn_rnn_layer.default(x.transpose(0, 1).contiguous(), *packed, *values, *how)
    return out.transpose(0, 1), h, c


LSTM = 2
"""oneDNN's number for the kind of recurrence."""
