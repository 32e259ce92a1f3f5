"""The group of processes that train together: join it, sum tensors over it, agree on decisions."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist

from layercli.dataclass import dataclass
from layercli.errors import DeviceError, RankError, UsageError

LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The environment variables that torchrun sets for each process."""

NUMBERS = ("RANK", "WORLD_SIZE", "MASTER_PORT", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
NUMBERS_HINT = "torchrun sets it: torchrun --nproc-per-node 2 script.py"
LARGEST_PORT = 65535
PATIENCE = 60.0
"""How many seconds a rank waits for rank 0 to answer."""
GONE = re.compile(
    "connectFullMesh|closed by peer|reset by peer|refused|broken pipe|timed out|timeout|not connected|aborted", re.I
)
"""Messages of the backends when a connection to another rank is lost."""


@dataclass(frozen=True)
class Group:
    """The rank of this process, from 0, and the world size."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this rank writes files, progress and the report."""
        return self.rank == 0

    def sum(self, tensors: Sequence[torch.Tensor], device: torch.device | None = None) -> list[torch.Tensor]:
        """Return each tensor summed over the ranks in float64, in one all-reduce; all ranks give the same number and shapes."""
        place = device or next((tensor.device for tensor in tensors), torch.device("cpu"))
        flat = torch.cat([tensor.detach().reshape(-1).to(place, torch.float64) for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def any(self, truth: bool, device: torch.device | None = None) -> bool:
        """Return whether ``truth`` is true on any rank."""
        return bool(self.sum([torch.tensor(float(truth))], device)[0])

    def wait(self) -> None:
        """Wait until all ranks reach this point (a barrier)."""
        dist.barrier()


class _RunningCall(threading.local):
    """The call of fit or evaluate that this thread is in, with the other ranks of ``group``."""

    group: Group | None = None
    all_reduce: Callable[..., Sequence[torch.Tensor]] | None = None


running = _RunningCall()


@contextmanager
def all_reduce_by(function: Callable[..., Sequence[torch.Tensor]]) -> Iterator[None]:
    """Run the block with ``all_reduce`` in this thread being ``function``."""
    before, running.all_reduce = running.all_reduce, function
    try:
        yield
    finally:
        running.all_reduce = before


def all_reduce(tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Return tensors summed, with their gradients, over the ranks that this thread trains with; alone, the same tensors."""
    return tensors if running.all_reduce is None else running.all_reduce(*tensors)


def launched() -> bool:
    """Return whether torchrun or a compatible launcher started this process."""
    return all(name in os.environ for name in LAUNCHED)


def current() -> Group | None:
    """Return this process's group, joining it if torchrun started the process; None for a single process."""
    if not dist.is_available():
        return None
    if dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    return join() if launched() else None


def join(backend: str | None = None) -> Group:
    """Join the group described by torchrun's environment; a rank uses the GPU with its local rank's number.

    ``backend`` is torch's: by default gloo for the CPU, plus nccl if every rank of this machine has a GPU.
    UsageError outside of torchrun, DeviceError for nccl without a GPU, RankError if the other ranks do not join.
    """
    if dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    if not launched():
        raise UsageError(
            "there is no process group to join: torchrun did not start this process",
            hint="torchrun --nproc-per-node 2 script.py",
        )
    check_numbers()
    reach_first_rank()
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


def check_numbers() -> None:
    """Raise UsageError unless torchrun's variables are numbers, with a rank below the world size."""
    for name in NUMBERS:
        if not (text := os.environ.get(name, "0")).isdecimal() or len(text) > 18:
            raise UsageError(f"{name} of the environment is {text[:40]!r}, which is not a number", hint=NUMBERS_HINT)
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if (port := int(os.environ["MASTER_PORT"])) > LARGEST_PORT:
        raise UsageError(f"MASTER_PORT of the environment is {port}, which is no port", hint=NUMBERS_HINT)
    if rank >= size:
        raise UsageError(f"RANK of the environment is {rank}, and WORLD_SIZE is {size}", hint=NUMBERS_HINT)


def reach_first_rank() -> None:
    """Raise RankError unless rank 0, where all ranks meet, answers within ``PATIENCE`` seconds; torch waits for five minutes."""
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    end = time.monotonic() + PATIENCE
    while int(os.environ["RANK"]) > 0:
        try:
            socket.create_connection((host, port), timeout=max(end - time.monotonic(), 0.1)).close()
            return
        except (OSError, UnicodeError) as error:
            if time.monotonic() > end:
                place = f"{host[:80]}:{port} (MASTER_ADDR, MASTER_PORT)"
                hint = "start all ranks: torchrun --nproc-per-node 2 script.py"
                raise RankError(f"rank 0 did not answer within {PATIENCE:g} s at {place}", hint=hint) from error
        time.sleep(0.1)


def device_of_rank() -> torch.device:
    """Return the CUDA device of this rank; DeviceError if its machine has too few."""
    local, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= count:
        raise DeviceError(
            f"rank {local} of this machine has no GPU: there are {count}", hint=f"--nproc-per-node {count or 1}"
        )
    return torch.device("cuda", local)


def leave() -> None:
    """Leave the group, if this process has joined one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def noticing() -> Iterator[None]:
    """Convert a backend's error about a lost rank to RankError."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or GONE.search(str(error)):
            raise RankError.of_the_job() from error
        raise
