"""The seed of variables: each variable has a random stream that follows from its path.

The path begins with the seed when the outermost layer was built, the name of that layer, or its class where it is numbered, and
how many of that name came before: a clone draws other values, and after ``set_seed`` the same statements draw the same values
again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_seed = 0
_roots: Counter[str] = Counter()


def set_seed(number: int) -> None:
    """Set the seed of new variables, and torch's seed if torch is loaded (for dropout)."""
    global _seed
    _seed = int(number)
    _roots.clear()
    import sys

    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(_seed % 2**64)  # it takes no more


def seed() -> int:
    """Return the current seed."""
    return _seed


def seeded_path(stem: str, number: int | None = None) -> str:
    """Return how the path of a variable begins for the seed ``number``, by default the current one."""
    return f"{_seed if number is None else number}/{stem}"


def new_root(stem: str) -> str:
    """Return how the paths of a new outermost layer begin: ``stem`` is numbered if it is not the first since ``set_seed``."""
    number = _roots[stem]
    _roots[stem] += 1
    return seeded_path(f"{stem}~{number}" if number else stem)


def generator(path: str) -> np.random.Generator:
    """Return the random generator of the variable at ``path``, which begins with a seed."""
    import hashlib

    import numpy as np

    digest = hashlib.blake2b(path.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
