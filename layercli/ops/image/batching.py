"""Functions of batches applied to single images, as a batch of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.ops.numpy.reshaping import expand_dims, squeeze


def as_batch(function: Callable[..., Tensor], *images: Any, axes: int = 4) -> Tensor:
    """Return ``function(*images)`` for batches with ``axes`` axes; for single images, with one axis less, the single
    result.

    Raises ShapeError for another rank.
    """
    spec = spec_of(images[0])
    if spec.rank not in (axes - 1, axes):
        raise ShapeError(f"expects x with {axes - 1} or {axes} axes, got {spec.rank} (x = {spec})")
    if spec.rank == axes:
        return function(*images)
    return squeeze(function(*(expand_dims(x, 0) for x in images)), 0)
