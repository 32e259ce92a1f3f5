"""Random numbers of training (data order, dropout): determined by seed and position, so that training is resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layercli import random
from layercli.runtime.execution import eager_call
from layercli.runtime.training.trainer import Trainer


@contextmanager
def drawing(trainer: Trainer, epoch: int) -> Iterator[int]:
    """Yield the seed of an epoch's random draws, from the model's seed, the updates before it and its number.

    This makes an interrupted epoch resumable. The caller's random state is restored afterwards.
    """
    place = f"{random.seed()}/{trainer.updates}/{epoch}".encode()
    seed = int.from_bytes(hashlib.blake2b(place, digest_size=7).digest(), "little")
    device = eager_call.device_of(trainer.model)
    with torch.random.fork_rng([device] if device is not None and device.type == "cuda" else []):
        reseed(device, seed)
        yield seed


def reseed(device: torch.device | None, seed: int) -> None:
    """Seed the CPU and ``device``; torch.manual_seed, which seeds every device, takes 100 times as long."""
    torch.default_generator.manual_seed(seed)
    if device is not None and device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
