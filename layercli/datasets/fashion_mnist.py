"""Small images of clothes: 60,000 and 10,000."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from layercli.datasets import stored
from layercli.errors import FormatError
from layercli.formats.os_errors import reading
from layercli.utils.cached_files import get_file

__all__ = ["load_data"]


def load_data() -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): uint8 images (images, 28, 28) and labels from 0 to 9."""
    train, test = (
        (values(f"{part}-images-idx3-ubyte.gz", (28, 28)), values(f"{part}-labels-idx1-ubyte.gz", ()))
        for part in ("train", "t10k")
    )
    return train, test


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values of an IDX file in Keras"s folder: a magic number, the sizes, then bytes."""
    file = Path(get_file(name, stored.FOLDER + name, cache_subdir="datasets/fashion-mnist"))
    with reading(file):
        try:
            raw = gzip.decompress(file.read_bytes())
        except (gzip.BadGzipFile, EOFError):
            raise FormatError(f"{file} is not a gzip file, or is damaged") from None
    start = 8 + 4 * len(shape)
    if len(raw) < start or (len(raw) - start) % math.prod(shape):
        raise FormatError(f"{file} is not a file of images or labels")
    return np.frombuffer(raw, "uint8", offset=start).reshape(-1, *shape).copy()
