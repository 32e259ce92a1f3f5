"""TensorFlow's names that Keras tutorials use, so that they run with only the import changed.

>>> from layercli import tf
>>> layer = tf.keras.layers.Dense(3)
>>> tuple(layer(tf.zeros([2, 5])).shape)
(2, 3)
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import layercli as keras
from layercli import Variable, ops
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch

__all__ = ["Variable", "config", "constant", "keras", "matmul", "nn", "ones", "random", "test", "zeros"]


@dataclass(frozen=True)
class PhysicalDevice:
    """A device with TensorFlow's name: ``/physical_device:GPU:0``."""

    name: str
    device_type: str


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    """Return a torch tensor of zeros."""
    return torch.zeros(tuple(shape), dtype=getattr(torch, dtype))


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    """Return a torch tensor of ones."""
    return torch.ones(tuple(shape), dtype=getattr(torch, dtype))


def constant(value: object, dtype: str = "float32") -> Tensor:
    """Return a torch tensor of the values given."""
    return torch.tensor(value, dtype=getattr(torch, dtype))


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0) -> Tensor:
    """Return a torch tensor of normally distributed values."""
    return torch.randn(tuple(shape)) * stddev + mean


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Return the devices that torch can use, of one type (``CPU``, ``GPU``) or of all."""
    kinds = ["CPU"] + ["GPU"] * torch.cuda.device_count()
    numbered = [(kind, kinds[:i].count(kind)) for i, kind in enumerate(kinds)]
    return [PhysicalDevice(f"/physical_device:{kind}:{n}", kind) for kind, n in numbered if device_type in (None, kind)]


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: tuple[int, int] | None = None) -> bool:
    """Return whether torch can use a GPU, of at least the compute capability given."""
    least = min_cuda_compute_capability or (0, 0)
    return any(torch.cuda.get_device_capability(i) >= least for i in range(torch.cuda.device_count()))


matmul = ops.matmul
nn = ops
config = SimpleNamespace(list_physical_devices=list_physical_devices)
test = SimpleNamespace(is_gpu_available=is_gpu_available)
random = SimpleNamespace(normal=normal, set_seed=keras.random.set_seed)
