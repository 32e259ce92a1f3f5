"""The seed of variables: each variable has a random stream that follows from the seed and its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_seed = 0


def set_seed(number: int) -> None:
    """Set the seed of new variables, and torch's seed if torch is loaded (for dropout)."""
    global _seed
    _seed = int(number)
    import sys

    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(_seed % 2**64)  # it takes no more


def seed() -> int:
    """Return the current seed."""
    return _seed


def generator(number: int, path: str) -> np.random.Generator:
    """Return the random generator of the variable at ``path`` for the seed ``number``."""
    import hashlib

    import numpy as np

    digest = hashlib.blake2b(f"{number}/{path}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
