"""What training draws, the data's order and dropout: all of it follows from the seed and the place, so that it can be resumed."""

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
    """Give the seed of all that an epoch draws, made of the model's seed, the updates before it and its number.

    A run broken off in an epoch can so be gone on with. The caller's own random state is left as it was.
    """
    place = f"{random.seed()}/{trainer.updates}/{epoch}".encode()
    seed = int.from_bytes(hashlib.blake2b(place, digest_size=7).digest(), "little")
    device = eager_call.device_of(trainer.model)
    with torch.random.fork_rng([device] if device is not None and device.type == "cuda" else []):
        reseed(device, seed)
        yield seed


def reseed(device: torch.device | None, seed: int) -> None:
    """Have the CPU and ``device`` draw from ``seed``; torch.manual_seed, which sees to every device, takes 100 times as long."""
    torch.default_generator.manual_seed(seed)
    if device is not None and device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
