"""The values that packed weights stand for, as float32: one function for each way to store them, in the table ``UNPACKED``.

The layouts are those of ``packed_layouts``; what a value means is what the method's own library computes from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError, LayercliError
from layercli.inspect.packed_layouts import STATE
from layercli.inspect.packed_weights import PackedWeight

if TYPE_CHECKING:
    import numpy as np

    from layercli.formats.weight_file import WeightFile

E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""The values of a 4-bit float without its sign, by its bits (OCP Microscaling formats, 1.0)."""
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
"""The column that each half byte of an AWQ word holds, from the lowest bits."""


@dataclass(frozen=True)
class StoredParts:
    """The entries of one packed weight; ``settings`` are those of the quantizer."""

    file: WeightFile
    settings: Mapping[str, Any]
    weight: PackedWeight

    def has(self, ending: str) -> bool:
        """Whether there is an entry beside the values that ends so."""
        return self.name(ending) is not None

    def name(self, ending: str) -> str | None:
        """Return the name of an entry beside the values."""
        path = self.weight.path
        names = (path + ending, path.removesuffix(".weight") + ending)
        return next((name for name in names if name in self.weight.overhead), None)

    def array(self, ending: str) -> np.ndarray:
        """Return the values of an entry beside; FormatError if there is none."""
        name = self.name(ending)
        if name is None:
            raise self.unfit(f"it has no {ending.lstrip('._')}")
        return self.file.read(name)

    def values(self) -> np.ndarray:
        """Return the packed values."""
        return self.file.read(self.weight.values)

    def unfit(self, why: str) -> FormatError:
        """Return the error for a weight that is not stored as its method stores one."""
        return FormatError(f"{self.file.file}: {self.weight.path!r} ({self.weight.dtype}) cannot be unpacked: {why}")


def unpacked(file: WeightFile, settings: Mapping[str, object], weight: PackedWeight) -> np.ndarray:
    """Return the values of ``weight`` in its shape; FormatError for a method that is not in the table."""
    import numpy as np

    parts = StoredParts(file, settings, weight)
    found = method_of(weight)
    if found is None:
        raise parts.unfit("layercli has no code for the method")
    try:
        return np.ascontiguousarray(found(parts), np.float32).reshape(weight.shape)
    except LayercliError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        raise parts.unfit("its parts do not belong together") from error


def method_of(weight: PackedWeight) -> Callable[[StoredParts], Any] | None:
    """Return the function that unpacks a weight, None where there is none."""
    return next((found for start, found in UNPACKED.items() if weight.dtype.startswith(start)), None)


def bits_of(weight: PackedWeight) -> int:
    """Return the number of bits of a value: 4 for ``gptq-int4``."""
    return int(weight.dtype.rpartition("int")[2])


def fields_of(words: np.ndarray, bits: int, axis: int) -> Any:
    """Return the fields of ``bits`` bits of 32-bit words, from the lowest, along ``axis``; fields may cross into the next word."""
    import numpy as np

    words = np.moveaxis(words, axis, -1).astype(np.int64) & 0xFFFFFFFF
    if 32 % bits == 0:
        found = (words[..., None] >> np.arange(0, 32, bits)) & (2**bits - 1)
    else:
        flags = ((words[..., None] >> np.arange(32)) & 1).reshape(*words.shape[:-1], -1, bits)
        found = (flags << np.arange(bits)).sum(-1)
    return np.moveaxis(found.reshape(*words.shape[:-1], -1), -1, axis)


def gptq(parts: StoredParts) -> Any:
    """scale (q - zero), packed along the inputs; zeros are stored less 1, except in the format ``gptq_v2``."""
    import numpy as np

    bits, (outputs, inputs) = bits_of(parts.weight), parts.weight.shape
    scales = parts.array(".scales").astype(np.float32)
    values = fields_of(parts.values(), bits, 0)[:inputs]
    if parts.has(".qzeros"):
        less = 0 if parts.settings.get("checkpoint_format") == "gptq_v2" else 1
        zeros = fields_of(parts.array(".qzeros"), bits, 1)[:, :outputs] + less
    else:
        zeros = np.full(scales.shape, 2 ** (bits - 1))
    size = -(-inputs // len(scales))
    group = parts.array(".g_idx").astype(np.int64) if parts.has(".g_idx") else np.arange(inputs) // size
    return (scales[group] * (values - zeros[group])).T


def awq(parts: StoredParts) -> Any:
    """scale (q - zero) of groups of inputs, eight columns in each word in AWQ's order."""
    import numpy as np

    (outputs, inputs), scales = parts.weight.shape, parts.array(".scales").astype(np.float32)
    if parts.weight.dtype != "awq-int4" or scales.shape[-1] != outputs:
        raise parts.unfit("it is not of AWQ's version GEMM in 4 bits")
    order = np.argsort(AWQ_ORDER)

    def columns(words: np.ndarray) -> Any:
        return fields_of(words, 4, 1).reshape(len(words), -1, 8)[..., order].reshape(len(words), -1)

    group = np.arange(inputs) // -(-inputs // len(scales))
    zeros = columns(parts.array(".qzeros"))
    return (scales[group] * (columns(parts.values()) - zeros[group])).T


def bitsandbytes_int8(parts: StoredParts) -> Any:
    """int8 times the row's largest value / 127."""
    import numpy as np

    if parts.has(".weight_format") and int(parts.array(".weight_format").ravel()[0]) != 0:
        raise parts.unfit("its rows are in the order of a GPU's tiles")
    return parts.values() * (parts.array(".SCB").astype(np.float32) / np.float32(127))[:, None]


def bitsandbytes_4bit(parts: StoredParts) -> Any:
    """The table's entry for each half byte, the upper first, times the largest value of its block."""
    import numpy as np

    kind = next(kind for kind in ("nf4", "fp4") if parts.weight.dtype.endswith(kind))
    state = json.loads(bytes(parts.array(STATE + kind)))
    packed, absmax = parts.values().ravel(), parts.array(".absmax")
    if parts.has(".nested_absmax"):
        nested, table = parts.array(".nested_absmax"), parts.array(".nested_quant_map")
        block = np.arange(absmax.size) // int(state["nested_blocksize"])
        absmax = table[absmax.ravel()] * nested[block] + np.float32(state["nested_offset"])
    count = int(np.prod(parts.weight.shape, dtype=np.int64))
    values = parts.array(".quant_map")[np.stack([packed >> 4, packed & 15], -1).ravel()[:count]]
    return values * absmax.ravel()[np.arange(count) // int(state["blocksize"])]


def words_of_rows(parts: StoredParts) -> Any:
    """compressed-tensors: scale (q - zero) of groups along the last axis, both stored plus half the range."""
    import numpy as np

    bits, columns = bits_of(parts.weight), parts.weight.shape[-1]
    if 32 % bits:
        raise parts.unfit(f"words of {bits} bits are not known")
    scale = parts.array("_scale").astype(np.float32)
    values = fields_of(parts.values(), bits, -1)[..., :columns]
    zeros: Any = 2 ** (bits - 1)
    if parts.has("_zero_point"):
        zeros = parts.array("_zero_point")
        rows = values.shape[-2]
        stored = zeros.dtype == np.int32 and zeros.shape != scale.shape
        zeros = fields_of(zeros, bits, -2)[:rows] if stored else zeros.astype(np.int64) + 2 ** (bits - 1)
    group = np.arange(columns) // -(-columns // scale.shape[-1])
    if parts.has("_g_idx"):
        group = parts.array("_g_idx").astype(np.int64)
    zeros = zeros[..., group] if np.ndim(zeros) else zeros
    return scale[..., group] * (values - zeros)


def scaled(parts: StoredParts) -> Any:
    """Values times the scale of the tensor, the row, or the block; zero points are subtracted first."""
    import numpy as np

    values = parts.values().astype(np.float32)
    name = next(end for end in ("_scale_inv", "_scale", ".scale_weight") if parts.has(end))
    scale = parts.array(name).astype(np.float32)
    if parts.has("_zero_point"):
        values = values - spread(parts, parts.array("_zero_point").astype(np.float32), values.shape)
    return values * spread(parts, scale, values.shape)


def spread(parts: StoredParts, scale: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Return a scale that broadcasts to ``shape``: one value, one of each row, or one of each block of rows and columns."""
    import numpy as np

    if scale.size == 1:
        return scale.reshape(())
    if scale.ndim < len(shape):
        scale = scale.reshape(*scale.shape, *[1] * (len(shape) - scale.ndim))
    given = parts.settings.get("weight_block_size") or parts.settings.get("block_structure")
    sizes = [-(-size // count) for size, count in zip(shape, scale.shape, strict=True)]
    if isinstance(given, list) and len(given) == 2 and 1 not in scale.shape[-2:]:
        sizes[-2:] = [int(size) for size in given]
    for axis, (size, count) in enumerate(zip(sizes, shape, strict=True)):
        if scale.shape[axis] not in (1, count):
            scale = np.repeat(scale, size, axis).take(np.arange(count), axis)
    return scale


def pairs_of_e2m1(packed: np.ndarray) -> Any:
    """Return the 4-bit floats of bytes along the last axis, the lower half first."""
    import numpy as np

    table = np.array([*E2M1, *(-x for x in E2M1)], np.float32)
    return table[np.stack([packed & 15, packed >> 4], -1)].reshape(*packed.shape[:-1], -1)


def mxfp4(parts: StoredParts) -> Any:
    """4-bit floats times 2 to the exponent of each 32 of them."""
    import numpy as np

    packed = parts.values()
    packed = packed if packed.dtype == np.uint8 else np.ascontiguousarray(packed).view(np.uint8)  # as MLX has them
    exponents = (
        parts.array(next(end for end in ("_scales", ".scales", "_scale") if parts.has(end))).astype(np.int32) - 127
    )
    values = pairs_of_e2m1(packed.reshape(*exponents.shape, -1))
    return np.ldexp(values, exponents[..., None])


def nvfp4(parts: StoredParts) -> Any:
    """4-bit floats times the scale of each 16 of them and that of the tensor."""
    import numpy as np

    block = parts.array("_scale").astype(np.float32)
    divided = parts.has("_global_scale")
    whole = parts.array("_global_scale" if divided else "_scale_2").astype(np.float32).reshape(())
    values = pairs_of_e2m1(parts.values().reshape(*block.shape, -1))
    return values * (block / whole if divided else block * whole)[..., None]


def mlx(parts: StoredParts) -> Any:
    """scale q + bias of groups along the last axis."""
    import numpy as np

    scales, biases = (parts.array(end).astype(np.float32) for end in (".scales", ".biases"))
    values = fields_of(parts.values(), bits_of(parts.weight), -1)
    groups = values.reshape(*scales.shape, -1)
    return scales[..., None] * groups + biases[..., None]


def hqq(parts: StoredParts) -> Any:
    """scale (q - zero) of groups in rows or columns; a word holds values of several rows, those of the first in the upper bits."""
    import numpy as np

    bits, packed, shape = bits_of(parts.weight), parts.values(), parts.weight.shape
    if len(shape) < 2:
        raise parts.unfit("it has no shape beside it")
    per_word = 8 * packed.dtype.itemsize // bits
    words = packed.astype(np.int64) & (2 ** (8 * packed.dtype.itemsize) - 1)
    rows = [(words >> bits * place) & (2**bits - 1) for place in reversed(range(per_word))]
    scale, zero = (parts.array(end).astype(np.float32) for end in (".scale", ".zero"))
    columns = scale.size if scale.shape[0] == 1 else words.shape[1]
    count = int(np.prod(shape, dtype=np.int64)) // columns  # the last words may hold more rows than there are
    return scale * (np.concatenate(rows)[:count] - zero)


def aqlm(parts: StoredParts) -> Any:
    """The scale of the outputs times the sum of the entries of all codebooks that the codes of a group name."""
    import numpy as np

    books = parts.array(".codebooks").astype(np.float32)
    codes = parts.values().astype(np.int64) % books.shape[1]
    groups = sum(book[codes[..., i]] for i, book in enumerate(books)) * parts.array(".scales").astype(np.float32)
    return groups.transpose(0, 2, 1, 3)


def quanto(parts: StoredParts) -> Any:
    """8-bit values times the scale of the tensor or of each row."""
    import numpy as np

    if parts.has("._shift"):
        raise parts.unfit("the shape of its values of less than 8 bits is not in the file")
    return parts.values().astype(np.float32) * parts.array("._scale").astype(np.float32)


UNPACKED: dict[str, Callable[[StoredParts], Any]] = {
    "gptq-int": gptq,
    "awq-int": awq,
    "bnb-int8": bitsandbytes_int8,
    "bnb-nf4": bitsandbytes_4bit,
    "bnb-fp4": bitsandbytes_4bit,
    "packed-int": words_of_rows,
    "scaled-": scaled,
    "mxfp4": mxfp4,
    "nvfp4": nvfp4,
    "mlx-int": mlx,
    "hqq-int": hqq,
    "aqlm": aqlm,
    "quanto-": quanto,
}
"""What unpacks a weight, by how its dtype begins; methods that are not here are looked at and not run."""
