"""Keras's data sets, read from files in Keras's folder, ``~/.keras/datasets`` or below KERAS_HOME.

Nothing is fetched over the network: FileError says which file is missing, where it is found and where to put it.
"""

from __future__ import annotations

from layercli.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters",
]  # fmt: skip
