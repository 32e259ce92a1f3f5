"""The rank of a change of a matrix, found from a random sketch of it: a merged LoRA adapter changes it by a low one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from layercli.inspect.tolerance import DIGITS

if TYPE_CHECKING:
    import numpy as np

SHARE = 4
"""A rank is low where it is at most the smaller size divided by this."""
MOST = 256
LARGEST = 1 << 31


def rank_of_change(changed: Iterable[np.ndarray], shape: tuple[int, ...], dtype: str, norm: float) -> int | None:
    """Return the rank of a matrix, whose rows come in blocks, where it is low; None where it is not.

    The matrix is a change of values in ``dtype`` whose norm is ``norm``: what their rounding may do does not count.
    Reference: Halko, Martinsson and Tropp, Finding structure with randomness, 2011.

    >>> import numpy as np
    >>> rank_of_change([np.outer(np.arange(12.0), np.ones(16))], (12, 16), "float32", 1.0)
    1
    """
    import numpy as np

    most = min(MOST, min(shape) // SHARE)
    if most < 1 or shape[0] * (most + 1) > LARGEST:
        return None
    directions = np.random.default_rng(0).standard_normal((shape[1], most + 1)) / np.sqrt(most + 1)
    sketch = np.concatenate([rows @ directions for rows in changed])
    sizes = np.linalg.svd(sketch, compute_uv=False)
    rank = int(np.count_nonzero(sizes > norm * 2.0 ** -DIGITS.get(dtype, 53)))
    return rank if 0 < rank <= most else None
