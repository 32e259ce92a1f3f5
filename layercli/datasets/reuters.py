"""News of 46 topics as word numbers: 11,228."""

from __future__ import annotations

import numpy as np

from layercli.datasets import stored

TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship "
    "cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr "
    "gas silver wpi hog lead "
)

__all__ = ["get_label_names", "get_word_index", "load_data"]


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): lists of word numbers and topics; the arguments are those of ``imdb``."""
    stored.check_share(test_split)
    x, y = stored.arrays(path, "reuters.npz", ("x", "y"))
    words, labels = stored.texts(x, y, np.random.RandomState(seed), maxlen, start_char, index_from)
    words = stored.limited(words, num_words, skip_top, oov_char)
    kept = int(len(words) * (1 - test_split))
    return (
        (stored.objects(words[:kept]), np.array(labels[:kept])),
        (stored.objects(words[kept:]), np.array(labels[kept:])),
    )


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return the number of each word, by frequency, from 1 on."""
    return stored.word_index(path, "reuters_word_index.json")


def get_label_names() -> tuple[str, ...]:
    """Return the name of each topic."""
    return tuple(TOPICS.split())
