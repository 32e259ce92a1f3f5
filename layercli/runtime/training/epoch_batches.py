"""The batches of an epoch: their size and number, the part for validation, weights by class, the share of a rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from layercli import config
from layercli.core import tree
from layercli.core.types import Tree
from layercli.errors import UsageError
from layercli.runtime.training.data_adapters import (
    ArrayAdapter,
    Batch,
    IterableAdapter,
    TensorAdapter,
    source_of,
    weights_of_classes,
)
from layercli.runtime.training.trainer import Trainer

BATCH_SIZE = 32


def batches_passed(epochs: int, steps_per_epoch: int | None, batches: int | None) -> int:
    """Return how many batches of a pass over the data so many epochs have used: an epoch goes on where the last one stopped.

    A pass begins with an epoch: one with fewer batches left than ``steps_per_epoch`` takes these alone, as in Keras.

    >>> [batches_passed(epoch, 2, 5) for epoch in range(5)]
    [0, 2, 4, 0, 2]
    """
    if steps_per_epoch is None or batches is None:
        return 0
    return epochs % -(-batches // steps_per_epoch) * steps_per_epoch


def split_validation(source: object, share: float, given: object) -> tuple[Any, Any]:
    """Return training and validation data: the given validation data, or the last ``share`` of the arrays, or none."""
    if isinstance(given, tuple | list) and not 1 <= len(given) <= 3:
        raise UsageError(f"validation_data is (x, y) or (x, y, sample_weight), got {len(given)} values")
    if hasattr(given, "shape"):
        raise UsageError(f"validation_data is (x, y) or (x, y, sample_weight), got one {type(given).__name__}")
    if given is not None:
        return source, source_of(*given) if isinstance(given, tuple | list) else source_of(given)
    if not share:
        return source, None
    if not isinstance(source, ArrayAdapter):
        raise UsageError("validation_split needs arrays: batches of a loader or generator cannot be split")
    return source.split(share)


def shard_batches(
    trainer: Trainer,
    source: ArrayAdapter | IterableAdapter,
    size: int,
    order: torch.Tensor | None = None,
    first: int = 0,
) -> Iterator[Batch]:
    """Return the batches of ``source`` from number ``first`` on; with several ranks this rank's shard of each."""
    if trainer.part is None:
        return source.batches(size, order, first)
    return trainer.part.batches(source, size, order, first)


def peek(source: ArrayAdapter | IterableAdapter, size: int) -> Batch:
    """Return the first batch, which the next pass has again."""
    first = next(source.batches(size), None)
    if first is None:
        raise UsageError("there is no data: the first batch is missing")
    if isinstance(source, IterableAdapter):
        source.restart()
    return first


def apply_class_weight(source: Any, class_weight: Mapping[int, float] | None, sample_weight: Tree) -> Any:
    """Return the source with the sample weights that the classes imply."""
    if class_weight is None:
        return source
    if not isinstance(class_weight, Mapping):
        raise UsageError(f"class_weight is a dict of weights by class, got {class_weight!r}")
    if sample_weight is not None:
        raise UsageError("class_weight and sample_weight cannot both be given")
    if isinstance(source, TensorAdapter):
        return replace(source, weight=weights_of_classes(source.y, class_weight))
    return replace(source, class_weight=class_weight)


def size_of(batch_size: object) -> int:
    """Return the batch size, for None and 0 Keras's own."""
    if batch_size is None or batch_size == 0:
        return BATCH_SIZE
    if not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"batch_size must be an integer >= 1, got {batch_size!r}")
    return batch_size


def limited_steps(steps: int | None) -> int | None:
    """Return the number of batches to take, None, as for 0, for all: at most those of ``config.set_max_steps_per_epoch``."""
    most = config.max_steps_per_epoch()
    return (steps or None) if most is None else min(steps or most, most)


def to_device(batch: Batch, device: torch.device | None) -> Batch:
    """Return a batch on ``device``.

    A tensor in pinned memory, as of ``DataLoader(pin_memory=True)``, is copied while the device still computes the step before;
    any other is copied first: to pin it here would be one more copy on the same thread.
    """
    if device is None or device.type == "cpu":
        return batch
    return tree.map_structure(lambda x: x.to(device, non_blocking=True) if isinstance(x, torch.Tensor) else x, batch)  # type: ignore[no-any-return]
