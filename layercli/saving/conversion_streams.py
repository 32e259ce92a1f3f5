"""The tensors of a conversion as streams of blocks: as they are stored, or cast, with the rounding noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from layercli.errors import UsageError
from layercli.formats.dtype_codec import decode, encode
from layercli.formats.stored import blocks_of
from layercli.formats.tensor_stream import TensorStream
from layercli.formats.weight_file import TensorEntry, WeightFile
from layercli.saving.conversion_result import Conversion, ConversionOptions, Rounding

if TYPE_CHECKING:
    import numpy as np

Q8_BLOCK, Q8_BYTES = 32, 34
"""The values of a block of q8_0, and its bytes: a scale of float16 and a byte a value."""


def stream_of(
    done: Conversion, file: WeightFile, source: TensorEntry, entry: TensorEntry, options: ConversionOptions
) -> TensorStream:
    """Return the tensor to be written, its bytes made of those of ``source`` when they are asked for."""

    def blocks() -> Iterator[np.ndarray]:
        options.progress(entry.bytes)
        if source.dtype == entry.dtype:
            return blocks_of(file, source.path)
        rounding = done.rounding.setdefault(entry.path, Rounding())
        return converted(file.chunks(source.path), entry, rounding)

    return TensorStream(entry, blocks)


def converted(chunks: Iterator[np.ndarray], entry: TensorEntry, rounding: Rounding) -> Iterator[np.ndarray]:
    """Yield decoded values as those of the entry's dtype are stored, and note how far they are rounded."""
    import numpy as np

    for values in in_multiples(chunks, Q8_BLOCK) if entry.dtype == "q8_0" else chunks:
        if entry.dtype == "q8_0":
            from layercli.formats.gguf import gguf

            kind = gguf().GGMLQuantizationType.Q8_0
            stored = gguf().quantize(values.astype(np.float32).reshape(-1, Q8_BLOCK), kind).reshape(-1)
            back = gguf().dequantize(stored.reshape(1, -1), kind).reshape(-1)
        else:
            stored = encode(values, entry.dtype)
            back = decode(stored, entry.dtype)
        note_rounding(rounding, values, back)
        if rounding.overflowed:
            raise UsageError(
                f"{entry.path!r} has values too large for {entry.dtype}, {rounding.largest:.3g} among them"
            )
        yield stored


def note_rounding(rounding: Rounding, values: np.ndarray, back: np.ndarray) -> None:
    """Note how far a block of values is from what is stored of it."""
    import numpy as np

    with np.errstate(all="ignore"):
        exact = values.astype(np.float64)
        finite = np.isfinite(exact)
        rounding.largest = max(rounding.largest, float(np.abs(exact[finite]).max(initial=0.0)))
        distance = np.abs(exact - back)[finite]
    rounding.overflowed += int(np.count_nonzero(~np.isfinite(distance)))
    rounding.difference = max(rounding.difference, float(distance.max(initial=0.0)))


def in_multiples(chunks: Iterator[np.ndarray], multiple: int) -> Iterator[np.ndarray]:
    """Yield flat chunks again in lengths that are multiples."""
    import numpy as np

    rest: np.ndarray | None = None
    for chunk in chunks:
        joined = chunk if rest is None or not rest.size else np.concatenate([rest, chunk])
        whole = joined.size // multiple * multiple
        rest = joined[whole:]
        if whole:
            yield joined[:whole]
