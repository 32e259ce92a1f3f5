"""Training on several processes, GPUs or machines by PyTorch's own engine: DDP, or FSDP2 for a model that is sharded.

Started by torchrun, or with torch.distributed initialised, ``fit`` and ``evaluate`` share every batch out among the ranks; the
result is that of one process on the same batches. These are the few things that a script may want to ask or say beside that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layercli.core.model import Model

__all__ = ["join", "leave", "load", "rank", "save", "shard", "size"]


def join(backend: str | None = None) -> None:
    """Join the ranks that torchrun started, as fit does by itself; by default over gloo, and nccl where there is CUDA.

    UsageError outside of torchrun, DeviceError for nccl where this rank has no GPU.
    """
    from layercli.runtime.distributed import process_group

    process_group.join(backend)


def leave() -> None:
    """Leave the ranks, if this process is one of several."""
    from layercli.runtime.distributed import process_group

    process_group.leave()


def rank() -> int:
    """Return the number of this process among those that train together, 0 for one on its own.

    >>> rank()
    0
    """
    from layercli.runtime.distributed import process_group

    joined = process_group.current()
    return 0 if joined is None else joined.rank


def size() -> int:
    """Return how many processes train together.

    >>> size()
    1
    """
    from layercli.runtime.distributed import process_group

    joined = process_group.current()
    return 1 if joined is None else joined.size


def shard(model: Model, x: object) -> None:
    """Share the variables of ``model`` out among the ranks (FSDP2's fully_shard, layer by layer); ``x`` is an input of it.

    Called on every rank, after compile and before fit. UsageError for a process on its own, and for a model that was trained.
    """
    from layercli.errors import UsageError
    from layercli.runtime.distributed import fsdp, process_group

    joined = process_group.current()
    if joined is None:
        raise UsageError(f"{model.name} is sharded among ranks, and there is only this process")
    fsdp.shard(model, x, joined)


def save(model: Model, folder: str | os.PathLike[str]) -> None:
    """Write the model's variables and its optimizer's state into ``folder``, each rank its part; whole or not at all.

    Through torch.distributed.checkpoint, as safetensors files. FileError where it cannot be written.
    """
    from layercli.runtime.distributed import distributed_checkpoint

    distributed_checkpoint.save(model, folder)


def load(model: Model, folder: str | os.PathLike[str]) -> None:
    """Set the model's variables and its optimizer's state from ``folder``, on as many ranks as there are now.

    FormatError where the folder does not fit; then nothing is set.
    """
    from layercli.runtime.distributed import distributed_checkpoint

    distributed_checkpoint.load(model, folder)
