"""The seed that variables are drawn from: each one's own stream, made of the seed and the variable's path."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_seed = 0


def set_seed(number: int) -> None:
    """Set the seed of variables drawn from now on, and torch's own where torch is loaded (dropout)."""
    global _seed
    _seed = int(number)
    import sys

    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(_seed % 2**64)  # it takes no more


def seed() -> int:
    """Return the seed in force."""
    return _seed


def generator(number: int, path: str) -> np.random.Generator:
    """Return the random stream of the variable at ``path`` under the seed ``number``."""
    import numpy as np

    digest = hashlib.blake2b(f"{number}/{path}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
