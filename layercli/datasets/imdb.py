"""Reviews of films as word numbers: 25,000 and 25,000, bad (0) or good (1)."""

from __future__ import annotations

import numpy as np

from layercli.datasets import stored

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): lists of word numbers, the most frequent first, and labels.

    A review begins with ``start_char``; ``index_from`` is added to the numbers of ``get_word_index``. ``oov_char`` stands for
    a word below ``skip_top`` or from ``num_words`` on. Reviews of ``maxlen`` words or more are left out.
    """
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = stored.arrays(path, "imdb.npz", names)
    draws = np.random.RandomState(seed)
    train, train_labels = stored.texts(x_train, y_train, draws, maxlen, start_char, index_from)
    test, test_labels = stored.texts(x_test, y_test, draws, maxlen, start_char, index_from)
    words = stored.limited(train + test, num_words, skip_top, oov_char)
    count = len(train)
    return (
        (stored.objects(words[:count]), np.array(train_labels)),
        (stored.objects(words[count:]), np.array(test_labels)),
    )


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return the number of each word, by frequency, from 1 on."""
    return stored.word_index(path, "imdb_word_index.json")
