"""The rank of a change of a matrix, found from a part of it: a merged LoRA adapter changes it by a low one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.inspect.tolerance import DIGITS

if TYPE_CHECKING:
    import numpy as np

SHARE = 2
"""A rank is low where it is at most the smaller size of the part divided by this."""
SIDE = 128
"""The rows and columns of the part: its rank is that of the whole where that is low and the part is drawn at random."""


def part_of(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the columns that are looked at."""
    import numpy as np

    rng = np.random.default_rng(0)
    rows, columns = (np.sort(rng.permutation(size)[:SIDE]) for size in shape)
    return rows, columns


def rank_of_change(a: np.ndarray, b: np.ndarray, dtype: str) -> int | None:
    """Return the rank of ``b - a``, two parts of matrices in ``dtype``, where it is low; None where it is not.

    What rounding in ``dtype`` may do does not count.

    >>> import numpy as np
    >>> rank_of_change(np.zeros((12, 16)), np.outer(np.arange(12.0), np.ones(16)), "float32")
    1
    """
    import numpy as np

    sizes = np.linalg.svd(b - a, compute_uv=False)
    rank = int(np.count_nonzero(sizes > float(np.linalg.norm(b)) * 2.0 ** -DIGITS.get(dtype, 53)))
    return rank if 0 < rank <= min(b.shape) // SHARE else None
