"""Training data: arrays in memory or mapped, image folders, torch loaders, generators of batches."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from layercli.core import tree
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ArgumentError, ShapeError, UnknownKeyError, UsageError
from layercli.formats.image_dataset import ImageFolder
from layercli.runtime.training.data_tensors import numbers_of, tensors_of
from layercli.runtime.training.generator_passes import GeneratorPasses
from layercli.runtime.training.prefetch import prefetch
from layercli.utils import PyDataset

Batch = tuple[Any, Any, Any]
"""x, y and sample weights; None if missing."""


def packed(batch: Batch) -> Any:
    """Pack a batch as Keras does: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``."""
    x, y, weight = batch
    if y is None and weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if weight is None else batch


def parts_of(data: object) -> Batch:
    """Unpack x, y and sample weights from the argument of a step."""
    return (*data, None, None)[:3] if isinstance(data, (list, tuple)) else (data, None, None)


class ArrayAdapter(ABC):
    """Samples that can be counted, reordered and split."""

    @property
    @abstractmethod
    def samples(self) -> int:
        """The number of samples."""

    @abstractmethod
    def part(self, start: int, stop: int) -> Any:
        """Return the samples from ``start`` to ``stop`` (exclusive)."""

    @abstractmethod
    def batches(self, size: int, order: torch.Tensor | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, in the order of the permutation ``order`` if given."""

    def steps(self, size: int) -> int:
        """Return the number of batches of ``size``; the last one may be smaller."""
        return -(-self.samples // size)

    def epoch(self) -> AbstractContextManager[None]:
        """Return a context for one pass over the samples."""
        return nullcontext()

    def order(self, seed: int) -> torch.Tensor:
        """Return a permutation of the samples determined by ``seed``."""
        return torch.randperm(self.samples, generator=torch.Generator().manual_seed(seed))

    def split(self, share: float) -> tuple[Any, Any]:
        """Split off the last ``share`` of the samples; return both parts."""
        at = int(self.samples * (1 - share))
        if not 0 < at < self.samples:
            raise UsageError(f"validation_split={share} of {self.samples} samples leaves none on one side")
        return self.part(0, at), self.part(at, self.samples)


@dataclass(frozen=True)
class TensorAdapter(ArrayAdapter):
    """Inputs ``x``, targets ``y`` and sample weights: trees of tensors with equally many samples; y and weights may be None.

    A batch is a slice, or, shuffled, a selection by a permutation. 64-bit floats are converted batch by batch, so that an
    array mapped from a file is never loaded whole.
    """

    x: Any
    y: Any = None
    weight: Any = None

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(tree.flatten(self.x)[0])

    def part(self, start: int, stop: int) -> TensorAdapter:
        """Return the samples from ``start`` to ``stop`` (exclusive)."""
        return TensorAdapter(
            *(tree.map_structure(lambda x: None if x is None else x[start:stop], each) for each in self._all)
        )

    def batches(self, size: int, order: torch.Tensor | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, in the order of the permutation ``order`` if given."""
        for start in range(first * size, self.samples, size):
            stop = start + size
            yield self._taken(slice(start, stop) if order is None else order[start:stop])

    @property
    def _all(self) -> Batch:
        return self.x, self.y, self.weight

    def _taken(self, where: Any) -> Any:
        def take(x: Tensor) -> Tensor | None:
            if x is None:
                return None
            if not isinstance(x, torch.Tensor):  # text
                return x[where if isinstance(where, slice) else where.numpy()]
            part = x[where] if isinstance(where, slice) else x.index_select(0, where)
            return part.float() if part.dtype is torch.float64 else part

        return tuple(
            take(each) if isinstance(each, torch.Tensor) else tree.map_structure(take, each) for each in self._all
        )


@dataclass(frozen=True)
class ImageAdapter(ArrayAdapter):
    """The images of a folder; the next batch is read while the current one is used."""

    folder: ImageFolder
    class_weight: Mapping[int, float] | None = None

    @property
    def samples(self) -> int:
        """The number of images."""
        return len(self.folder)

    def part(self, start: int, stop: int) -> ImageAdapter:
        """Return the images from ``start`` to ``stop`` (exclusive)."""
        return replace(self, folder=self.folder.part(range(start, stop)))

    def batches(self, size: int, order: torch.Tensor | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, in the order of the permutation ``order`` if given."""
        places = list(range(self.samples)) if order is None else order.tolist()
        with ThreadPoolExecutor(1) as reader:
            coming: Any = None
            for start in [*range(first * size, self.samples, size), None]:
                ready = coming
                if start is not None:
                    coming = reader.submit(self.folder.read, places[start : start + size])
                if ready is not None:
                    yield self._batch(*ready.result())

    def _batch(self, x: object, y: object) -> Batch:
        labels = tensors_of(y)
        weight = None if self.class_weight is None else weights_of_classes(labels, self.class_weight)
        return torch.from_numpy(x), labels, weight


@dataclass
class IterableAdapter:
    """Batches from an iterable: a loader, which can be iterated again, or a generator.

    A batch is ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.
    """

    source: Iterable[Any]
    length: int | None
    class_weight: Mapping[int, float] | None = None

    @property
    def once(self) -> bool:
        """Whether the source is a generator, most of whose batches come only once."""
        return isinstance(self.source, GeneratorPasses)

    def restart(self) -> None:
        """Let the next batches be those of a new pass."""
        if isinstance(self.source, GeneratorPasses):
            self.source.restart()

    def steps(self, size: int) -> int | None:
        """Return the number of batches, or None if unknown."""
        return self.length

    def order(self, seed: int) -> torch.Tensor | None:
        """Return None: the iterable determines the order."""
        return None

    def epoch(self) -> AbstractContextManager[None]:
        """Return a context for one pass over the batches."""
        return nullcontext()

    def batches(self, size: int, order: torch.Tensor | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches, of a loader from number ``first`` on; a generator continues where it stopped."""
        for batch in itertools.islice(self.source, 0 if self.once else first, None):
            x, y, weight = unpacked(batch)
            yield x, y, weight if self.class_weight is None else weights_of_classes(y, self.class_weight)


@dataclass
class PyDatasetAdapter(IterableAdapter):
    """Batches that a PyDataset produces by index, in any order and ahead of use."""

    source: PyDataset
    length: int | None = None

    def order(self, seed: int) -> torch.Tensor | None:
        """Return a permutation of the batches determined by ``seed``; None for an infinite dataset."""
        if self.length is None:
            return None
        return torch.randperm(self.length, generator=torch.Generator().manual_seed(seed))

    def batches(self, size: int, order: torch.Tensor | None = None, first: int = 0) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, in the order of the permutation ``order`` if given."""
        places = itertools.count() if self.length is None else range(self.length) if order is None else order.tolist()
        for batch in prefetch(self.source, itertools.islice(places, first, None)):
            x, y, weight = unpacked(batch)
            yield x, y, weight if self.class_weight is None else weights_of_classes(y, self.class_weight)

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """Call the dataset's hooks for the begin and the end of an epoch."""
        self.source.on_epoch_begin()
        yield
        self.source.on_epoch_end()


def unpacked(batch: object) -> Batch:
    """Convert a batch from a user's iterable to x, y and sample weights as tensors."""
    if isinstance(batch, tuple) and not 1 <= len(batch) <= 3:
        raise UsageError(f"a batch is x, (x, y) or (x, y, sample_weight), got a tuple of {len(batch)}")
    x, y, weight = (
        (*batch, None, None)[:3] if isinstance(batch, tuple | list) and len(batch) <= 3 else (batch, None, None)
    )
    if isinstance(x, int | float) or getattr(x, "shape", None) == ():
        raise UsageError(f"a batch is x, (x, y) or (x, y, sample_weight) of arrays, got {x!r}")
    return TensorAdapter(tensors_of(x), numbers_of(y), numbers_of(weight))._taken(slice(None))  # type: ignore[no-any-return]


def source_of(
    x: Any,
    y: object = None,
    sample_weight: object = None,
    *,
    batch_size: int = 32,
    shuffle: bool = False,
    what: str = "fit",
) -> ArrayAdapter | IterableAdapter:
    """Return the adapter for ``x``; UsageError or ShapeError if the data is not supported."""
    if x is None:
        raise UnknownKeyError(f"{what} got no data: x is None")  # a KeyError, as in Keras
    if isinstance(x, ArrayAdapter):
        return x
    if isinstance(x, Dataset):
        x = DataLoader(x, batch_size=batch_size, shuffle=shuffle and not isinstance(x, IterableDataset))
    if isinstance(x, DataLoader | ImageFolder | PyDataset) or hasattr(x, "__next__"):
        if y is not None or sample_weight is not None:
            raise UsageError(f"{what} takes no y and no sample_weight beside {type(x).__name__}: its batches hold them")
        if isinstance(x, ImageFolder):
            return ImageAdapter(x)
        if isinstance(x, PyDataset):
            return PyDatasetAdapter(x, x.num_batches)
        return IterableAdapter(GeneratorPasses(x) if hasattr(x, "__next__") else x, length_of(x))
    return checked(TensorAdapter(tensors_of(x), numbers_of(y), numbers_of(sample_weight)), what)


def length_of(source: Any) -> int | None:
    """Return the number of batches of a loader; None if it is unknown."""
    try:
        return len(source)
    except TypeError:
        return None


def checked(arrays: TensorAdapter, what: str) -> TensorAdapter:
    """Return ``arrays``; ShapeError unless all have equally many samples, UsageError if there are none."""
    lengths: dict[str, int] = {}
    for name, values in (("x", arrays.x), ("y", arrays.y), ("sample_weight", arrays.weight)):
        found = [value for value in tree.flatten(values) if value is not None]
        if any(value.ndim == 0 for value in found):
            raise ShapeError(f"{what} expects {name} to have an axis of samples, got a single number")
        lengths |= {f"{name}[{i}]" if len(found) > 1 else name: len(value) for i, value in enumerate(found)}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ShapeError(f"{what} expects as many samples everywhere, got {shown}")
    if not arrays.samples:
        raise UsageError(f"{what} got no data: x has 0 samples")
    return arrays


def weights_of_classes(y: object, class_weight: Mapping[int, float]) -> torch.Tensor:
    """Return one weight per sample, from its class; 1 for a class not given. ``y`` holds class indices or one-hot rows."""
    if not isinstance(y, torch.Tensor):
        raise UsageError("class_weight needs one array of targets, class indices or one-hot rows")
    labels = y.reshape(len(y), -1)
    ids = labels.argmax(-1) if labels.shape[1] > 1 else labels[:, 0].round()
    weights = torch.ones(len(y))
    for label, weight in class_weight.items():
        try:
            weights[ids == label] = float(weight)
        except (TypeError, ValueError) as error:
            text = f"class_weight expects a number for each class, got {weight!r} for {label!r}"
            raise ArgumentError(text) from error
    return weights
