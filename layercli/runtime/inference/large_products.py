"""Products with large weights on a CPU, where only the result is needed: by MKL on Intel's CPUs, by oneDNN on others.

MKL has kernels for Intel's CPUs that it uses on no other. Measured on a Xeon with AVX-512 and AMX, two threads, weights of
512 x 512 to 2048 x 512 not in the cache, as a share of torch's linear with a weight (units, features):

    rows   MKL, kernel (features, units), bias added after   MKL packed     oneDNN plain   oneDNN packed
    1      0.57 - 0.83                                       0.85 - 1.09    1.19 - 2.06    1.07 - 1.34
    32     0.55 - 0.64                                       0.62 - 0.66    0.65 - 0.73    0.64 - 0.71
    128    0.90 - 0.95                                       0.84 - 0.88    0.93 - 1.02    0.91 - 0.93
    1024   0.95 - 0.98                                       0.94 - 0.99    0.96 - 1.17    0.91 - 1.09

Products of bfloat16 on AMX, as a share of MKL's of float32 by torch.mm, with the bias added after:

    rows   torch's linear   oneDNN packed
    1      0.94 - 1.89      0.75 - 1.39
    32     0.30 - 0.53      0.30 - 0.37
    128    0.44 - 0.46      0.27 - 0.32
    1024   0.25 - 0.45      0.29 - 0.44
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from layercli.core.types import Tensor
from layercli.ops.core import kernel_overrides
from layercli.runtime.inference import onednn_kernels

mkl: Any = torch.ops.mkl

PACKED_ROWS = 48
"""The least number of rows for which MKL's packed products are the faster ones."""


@cache
def mkl_serves() -> bool:
    """Whether this is an Intel CPU and torch has MKL's products."""
    library: Any = torch.backends.mkl
    is_intel = "Intel" in str(onednn_kernels.cpu_capabilities().get("cpu_name", ""))
    return is_intel and bool(library.is_available()) and hasattr(mkl, "_mkl_linear")


def by_mkl(weight: torch.Tensor) -> bool:
    """Whether MKL's products are the faster ones for ``weight``: of float32, on an Intel CPU."""
    return weight.dtype is torch.float32 and mkl_serves()


def product(x: Tensor, kernel: Tensor, bias: Any) -> torch.Tensor | None:
    """Return x @ kernel + bias by the faster library; None if torch should compute it, as always in bfloat16.

    oneDNN's kernel starts later than torch's and pays only for a kernel of at least twice LARGE values.
    """
    if torch.compiler.is_compiling() or not takes(x, kernel):
        return None
    if mkl_serves():
        return added_after(x, kernel, bias)
    return onednn_kernels.multiplied(x, kernel.T, bias) if kernel_overrides.is_large(kernel, 2) else None


def takes(x: Any, kernel: Any) -> bool:
    """Whether x @ kernel is a product of dense float32 tensors on a CPU, x is not empty, and only the result is needed."""
    return (
        type(x) is torch.Tensor
        and type(kernel) in PLAIN
        and onednn_kernels.is_plain_inference()  # before what torch.jit records as a tensor, such as sizes
        and x.dtype is kernel.dtype is torch.float32
        and x.ndim >= 2 == kernel.ndim
        and x.shape[-1] == kernel.shape[0]
        and x.is_cpu
        and kernel.is_cpu
        and x.layout is kernel.layout is torch.strided
        and x.numel() > 0
        and onednn_kernels.available()
    )


PLAIN = torch.Tensor, torch.nn.Parameter
"""Types of kernels that have no functions of their own."""


def added_after(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return x (..., features) @ kernel, then plus bias: torch's linear first writes the bias into every row of the result."""
    out = torch.matmul(x.contiguous(), kernel)
    return out if bias is None else out.add_(bias)


def packed_matrix(weight: torch.Tensor, rows: int) -> torch.Tensor | None:
    """Return ``weight`` (units, features) in the layout that is fastest for ``rows`` rows; None if it is fastest as it is."""
    if not by_mkl(weight):
        return onednn_kernels.packed_matrix(weight, rows)
    if rows < PACKED_ROWS:
        return None
    return mkl._mkl_reorder_linear_weight(weight.contiguous(), rows)  # type: ignore[no-any-return]  # a tensor


def multiplied(
    x: torch.Tensor, packed: torch.Tensor | None, weight: torch.Tensor, bias: torch.Tensor | None, rows: int
) -> torch.Tensor:
    """Return x (..., features) @ weight.T + bias; ``packed`` is what ``packed_matrix`` returned for ``weight`` and ``rows``."""
    if packed is None or (by_mkl(weight) and x.numel() != rows * x.shape[-1]):
        return added_after(x, weight.T, bias)
    if not by_mkl(weight):
        return onednn_kernels.multiplied(x, packed, bias)
    return mkl._mkl_linear(x, packed, weight, bias, rows)  # type: ignore[no-any-return]  # a tensor
