"""The group of processes that train together: joining it, and what its ranks add up and agree on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from layercli.errors import DeviceError, RankError, UsageError

LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun says to every process it starts, in its environment."""

GONE = re.compile("closed by peer|reset by peer|refused|broken pipe|timed out|timeout|not connected|aborted", re.I)
"""What the backends say where the other end of a connection is no more."""


@dataclass(frozen=True)
class Group:
    """This process's place among those that train together: its number from 0, and how many there are."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes files, progress and the report."""
        return self.rank == 0

    def sum(self, tensors: Sequence[torch.Tensor], device: torch.device | None = None) -> list[torch.Tensor]:
        """Return every tensor summed over the ranks, in float64, by one exchange; each rank gives as many of each shape."""
        place = device or next((tensor.device for tensor in tensors), torch.device("cpu"))
        flat = torch.cat([tensor.detach().reshape(-1).to(place, torch.float64) for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def any(self, truth: bool, device: torch.device | None = None) -> bool:
        """Return whether ``truth`` is true on any rank."""
        return bool(self.sum([torch.tensor(float(truth))], device)[0])

    def wait(self) -> None:
        """Return when every rank has come here."""
        dist.barrier()


def launched() -> bool:
    """Return whether torchrun, or what does as it does, started this process."""
    return all(name in os.environ for name in LAUNCHED)


def current() -> Group | None:
    """Return the group this process is in, joined now if torchrun started it; None for a process on its own."""
    if not dist.is_available():
        return None
    if dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    return join() if launched() else None


def join(backend: str | None = None) -> Group:
    """Join the group that torchrun's environment describes; a rank's GPU is the one of its number on its machine.

    ``backend`` is torch's: by default gloo for the CPU, and nccl beside it where every rank of this machine has a GPU.
    UsageError outside of torchrun, DeviceError for nccl without a GPU for this rank, RankError where the others do not come.
    """
    if dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    if not launched():
        raise UsageError(
            "there are no ranks to join: torchrun did not start this process",
            hint="torchrun --nproc-per-node 2 script.py",
        )
    cuda = torch.cuda.is_available()
    if "nccl" in (backend or "") and not cuda:
        raise DeviceError("nccl needs a CUDA device, and there is none", hint="gloo is the backend for the CPU")
    if cuda and backend is None:
        cuda = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= torch.cuda.device_count()
    if cuda and backend != "gloo":
        torch.cuda.set_device(device_of_rank())
    with noticing():
        dist.init_process_group(backend or ("cpu:gloo,cuda:nccl" if cuda else "gloo"))
    return Group(dist.get_rank(), dist.get_world_size())


def device_of_rank() -> torch.device:
    """Return this rank's own CUDA device; DeviceError where its machine has too few."""
    local, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= count:
        raise DeviceError(
            f"rank {local} of this machine has no GPU: there are {count}", hint=f"--nproc-per-node {count or 1}"
        )
    return torch.device("cuda", local)


def leave() -> None:
    """Leave the group, if this process is in one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def noticing() -> Iterator[None]:
    """Turn what the backends say when a rank has gone into one sentence: RankError."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or GONE.search(str(error)):
            raise RankError.of_the_job() from error
        raise
