"""An HDF5 file written tensor by tensor: a dataset for each, in the groups that its name tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import UsageError
from layercli.formats.dtype_codec import SMALL_FLOATS, storage
from layercli.formats.hdf5_create import created
from layercli.formats.tensor_stream import TensorStream

if TYPE_CHECKING:
    import numpy as np

KERAS = re.compile(r"(.+/)?vars/\d+")


def write_hdf5(path: Path, tensors: Sequence[TensorStream]) -> None:
    """Write tensors; one that shares another's values is a second link to its dataset."""
    with created(path) as file:
        for each in tensors:
            entry = each.entry
            if entry.dtype == "bfloat16" or entry.dtype in SMALL_FLOATS:
                hint = "--dtype float32 makes it one that has"
                raise UsageError(f"HDF5 has no dtype for {entry.path!r} of {entry.dtype}", hint=hint)
            try:
                if entry.same_as is not None:
                    file[entry.path] = file[entry.same_as]
                    continue
                dataset = file.create_dataset(entry.path, entry.shape, storage(entry.dtype))
            except (ValueError, OSError, TypeError):
                raise UsageError(f"HDF5 cannot hold {entry.path!r} beside the other names") from None
            if not entry.shape:
                dataset[()] = next(each.blocks())[0]
                continue
            start = 0
            for rows in in_rows(each.blocks(), entry.shape):
                dataset[start : start + len(rows)] = rows
                start += len(rows)


def in_rows(blocks: Iterator[np.ndarray], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield flat blocks again as whole rows of the first axis."""
    import numpy as np

    length = int(np.prod(shape[1:], dtype=np.int64))
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.size
        if length and count >= length:
            joined = np.concatenate(held)
            whole = count // length * length
            yield joined[:whole].reshape(-1, *shape[1:])
            held, count = [joined[whole:]], count - whole


def check_keras_names(target: str, names: Iterable[str]) -> None:
    """Raise UsageError unless the names are those that Keras looks for in a ``.weights.h5``."""
    for name in names:
        if not KERAS.fullmatch(name):
            raise UsageError(
                f"{target} would hold {name!r}, which Keras does not look for: it has layers/dense/vars/0",
                hint="--rename RULES, or a target that ends in .h5",
            )
