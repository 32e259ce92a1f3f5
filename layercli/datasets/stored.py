"""What several data sets share: their files, splits, images and texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layercli.errors import FormatError, UsageError
from layercli.formats.os_errors import reading
from layercli.formats.pickled_arrays import load_arrays, load_npz
from layercli.utils.cached_files import get_file

FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
Split = tuple[tuple[Any, Any], tuple[Any, Any]]


def arrays(path: str, origin: str, names: Sequence[str]) -> list[Any]:
    """Return the arrays of those names in an .npz file in Keras's folder."""
    file = get_file(path, FOLDER + origin)
    found = load_npz(file)
    missing = [name for name in names if name not in found]
    if missing:
        raise FormatError(f"{file} has no array {missing[0]!r}")
    return [found[name] for name in names]


def word_index(path: str, origin: str) -> dict[str, int]:
    """Return the number of each word, from a JSON file in Keras's folder."""
    file = Path(get_file(path, FOLDER + origin))
    with reading(file):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            raise FormatError(f"{file} is not JSON, or is damaged") from None
    if not isinstance(found, dict):
        raise FormatError(f"{file} has no words")
    return found


def housing(path: str, origin: str, test_split: float, seed: int, first: int | None = None) -> Split:
    """Return a table and its targets, shuffled, the last share of them as the test split."""
    check_share(test_split)
    x, y = (part[:first] for part in arrays(path, origin, ("x", "y")))
    order = shuffled(len(x), seed)
    kept = int(len(x) * (1 - test_split))
    return (x[order[:kept]], y[order[:kept]]), (x[order[kept:]], y[order[kept:]])


def check_share(test_split: float) -> None:
    """Raise UsageError unless a share is from 0 to below 1."""
    if not 0 <= test_split < 1:
        raise UsageError(f"test_split must be from 0 to below 1, got {test_split}")


def shuffled(count: int, seed: int) -> np.ndarray:
    """Return the numbers below ``count`` in Keras's order for a seed."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)
    return order


def cifar(folder: str, archive: str, inner: str, parts: Sequence[str], label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images (images, 32, 32, 3) of several batches of a CIFAR data set, and their labels (images, 1)."""
    place = Path(get_file(folder, f"https://www.cs.toronto.edu/~kriz/{archive}", extract=True)) / inner
    images, labels = [], []
    for part in parts:
        with reading(place / part):
            batch = load_arrays(str(place / part), (place / part).read_bytes())
        if not isinstance(batch, dict) or not {"data", label} <= batch.keys():
            raise FormatError(f"{place / part} is no batch of a CIFAR data set")
        images.append(batch["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(np.array(batch[label], "uint8")[:, None])
    return np.concatenate(images), np.concatenate(labels)


def texts(
    sequences: Sequence[Any],
    labels: Any,
    draws: np.random.RandomState,
    maxlen: int | None,
    start_char: int | None,
    index_from: int | None,
) -> tuple[list[list[int]], list[Any]]:
    """Return texts as lists of word numbers, shuffled, begun with ``start_char``; those of ``maxlen`` words or more left out."""
    order = np.arange(len(sequences))
    draws.shuffle(order)
    begin, shift = ([] if start_char is None else [start_char]), index_from or 0
    pairs = [([*begin, *(int(word) + shift for word in sequences[i])], labels[i]) for i in order.tolist()]
    kept = [(words, label) for words, label in pairs if not maxlen or len(words) < maxlen]
    if not kept:
        raise UsageError(f"no text is shorter than maxlen, {maxlen}")
    words, kept_labels = zip(*kept, strict=True)
    return list(words), list(kept_labels)


def limited(sequences: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Return texts with ``oov_char`` for each word below ``skip_top`` or from ``num_words`` on; without it they are left out."""
    end = num_words or max(max(words, default=0) for words in sequences)
    if oov_char is None:
        return [[word for word in words if skip_top <= word < end] for words in sequences]
    return [[word if skip_top <= word < end else oov_char for word in words] for words in sequences]


def objects(sequences: list[list[int]]) -> np.ndarray:
    """Return lists of different lengths as an array of objects."""
    made = np.empty(len(sequences), object)
    made[:] = sequences
    return made
