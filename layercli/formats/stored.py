"""The values of an entry as the bytes of its file have them, for whoever compares or copies bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from layercli.errors import FormatError
from layercli.formats.dtype_codec import SMALL_FLOATS, encode
from layercli.formats.weight_file import BITS, WeightFile

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 18
"""The values of a block."""


def stored_values(file: WeightFile, path: str) -> np.ndarray | None:
    """Return the values of the entry ``path`` as they lie in the file, mapped, in their shape.

    bfloat16 is uint16 and an 8-bit float uint8; of a quantized entry they are the bytes of its blocks. None where the file
    does not hold them so, as it is compressed, or of a format that is read in chunks.
    """
    given: Any = getattr(file, "stored", None)
    return None if given is None else given(path)


def is_quantized(dtype: str) -> bool:
    """Whether values of a dtype are kept in blocks with scales, as in GGUF.

    >>> is_quantized("q8_0"), is_quantized("bfloat16")
    (True, False)
    """
    return dtype not in BITS


def blocks_of(file: WeightFile, path: str) -> Iterator[np.ndarray]:
    """Yield the values of the entry ``path`` as ``stored_blocks`` does."""
    return stored_blocks(stored_values(file, path), lambda: file.chunks(path), file.entries[path].dtype, path)


def stored_blocks(
    stored: np.ndarray | None, chunks: Callable[[], Iterator[np.ndarray]], dtype: str, path: str
) -> Iterator[np.ndarray]:
    """Yield values as files store them, flat and little-endian, the last index fastest; bfloat16 as uint16.

    They are taken from ``stored``, or where that is None from ``chunks`` of decoded values.
    """
    import numpy as np

    if stored is not None:
        flat = np.asarray(stored).reshape(-1) if stored.flags.c_contiguous else stored.flat
        for start in range(0, stored.size, BLOCK):
            block = flat[start : start + BLOCK]
            yield block.astype(block.dtype.newbyteorder("<"), copy=False)
    elif is_quantized(dtype) or dtype in SMALL_FLOATS:
        raise FormatError(
            f"the bytes of {path!r} ({dtype}) cannot be taken from the file as they are", code="unreadable"
        )
    else:
        yield from (encode(chunk, dtype) for chunk in chunks())


def release_pages(array: np.ndarray) -> None:
    """Let the pages of a mapped file go that hold ``array``; they are read again when they are needed."""
    import mmap

    import numpy as np

    base: object = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is None or not array.size or not hasattr(mmap, "MADV_DONTNEED"):
        return
    reach = [(size - 1) * step for size, step in zip(array.shape, array.strides, strict=True)]
    first = address(array) - address(np.frombuffer(base, np.uint8)) + sum(step for step in reach if step < 0)
    page = first - first % mmap.PAGESIZE
    base.madvise(mmap.MADV_DONTNEED, page, first - page + sum(map(abs, reach)) + array.itemsize)


def address(array: np.ndarray) -> int:
    """Return where the first value of an array lies in memory."""
    return int(array.__array_interface__["data"][0])
