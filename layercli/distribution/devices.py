"""The devices of a job: listed, counted, joined, and tensors distributed over them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend
from layercli.core.keras_tensor import SymbolicTensor

if TYPE_CHECKING:
    from layercli.distribution.device_mesh import TensorLayout

__all__ = ["distribute_tensor", "get_device_count", "initialize", "list_devices"]


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the devices of one type, such as ``["gpu:0", "gpu:1"]``: one for each rank of the job.

    A process on its own has its GPUs, or one ``cpu:0``.

    Args:
        device_type: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None for ``"gpu"`` where there is one, else ``"cpu"``.
    """
    found: list[str] = get_backend().distribution.list_devices(device_type)
    return found


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices that ``list_devices`` lists."""
    return len(list_devices(device_type))


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Join the other processes of the job; every one calls it, before it computes anything.

    An argument that is not given is read from ``KERAS_DISTRIBUTION_JOB_ADDRESSES``, ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and
    ``KERAS_DISTRIBUTION_PROCESS_ID``; a process that torchrun started needs neither.

    Args:
        job_addresses: ``"10.0.0.1:1234,10.0.0.2:2345"``: where each process runs; the first address is that of process 0, where
            all meet, and is enough.
        num_processes: How many processes there are.
        process_id: The number of this process, from 0.
    """
    environment = os.environ.get
    addresses = job_addresses or environment("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    number: Any = environment("KERAS_DISTRIBUTION_NUM_PROCESSES") if num_processes is None else num_processes
    process: Any = environment("KERAS_DISTRIBUTION_PROCESS_ID") if process_id is None else process_id
    get_backend().distribution.initialize(addresses, number, process)


def distribute_tensor(tensor: object, layout: TensorLayout) -> Any:
    """Return ``tensor``, whole and equal on every rank, as a DTensor of which each rank holds the part that ``layout`` gives it.

    A symbolic tensor is returned unchanged, and so is any tensor on a mesh of one device.
    """
    if isinstance(tensor, SymbolicTensor):
        return tensor
    return get_backend().distribution.distribute_tensor(tensor, layout)
