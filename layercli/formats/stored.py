"""The values of an entry as the bytes of its file have them, for whoever compares or copies bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.formats.weight_file import BITS, WeightFile

if TYPE_CHECKING:
    import numpy as np


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
