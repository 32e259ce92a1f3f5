"""Decode stored bytes: the storage of each dtype, and the exact float32 values of dtypes that numpy lacks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from layercli.formats.weight_file import BITS

if TYPE_CHECKING:
    import numpy as np

#: The 8-bit floats by exponent bits, mantissa bits and exponent bias.
SMALL_FLOATS: dict[str, tuple[int, int, int]] = {
    "float8_e4m3fn": (4, 3, 7),
    "float8_e4m3fnuz": (4, 3, 8),
    "float8_e5m2": (5, 2, 15),
    "float8_e5m2fnuz": (5, 2, 16),
    "float8_e8m0fnu": (8, 0, 127),
}


def readable(dtype: str) -> bool:
    """Return whether values of ``dtype`` can be read: all except those smaller than a byte."""
    return BITS[dtype] >= 8


def storage(dtype: str, big_endian: bool = False) -> np.dtype:
    """Return the numpy dtype that stored values of ``dtype`` are read as, before ``decode``."""
    import numpy as np

    name = "uint16" if dtype == "bfloat16" else "uint8" if dtype in SMALL_FLOATS else dtype
    return np.dtype(name).newbyteorder(">" if big_endian else "<")


def decode(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Return the values of ``dtype`` in ``stored``, in native byte order, without a copy if possible."""
    import numpy as np

    if dtype == "bfloat16":
        # A bfloat16 is the upper half of the float32 of the same value.
        return np.asarray(stored.astype(np.uint32) << 16).view(np.float32)  # numpy returns a scalar for a single value
    if dtype in SMALL_FLOATS:
        return np.asarray(small_float_values(dtype)[stored])
    return stored if stored.dtype.isnative else stored.astype(stored.dtype.newbyteorder("="))


def encode(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values as files store those of ``dtype``, rounded to the nearest, ties to even; not of 8-bit floats.

    >>> import numpy as np
    >>> decode(encode(np.array([1.01, np.inf]), "bfloat16"), "bfloat16")
    array([1.0078125,       inf], dtype=float32)
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        if dtype != "bfloat16":
            return np.ascontiguousarray(values).astype(storage(dtype), copy=False)
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        rounded = (bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)))) >> np.uint32(16)
        quiet = bits >> np.uint32(16) | np.uint32(64)  # a NaN stays one, whatever bits are cut
        return np.where(np.isnan(values), quiet, rounded).astype("<u2")


@cache
def small_float_values(dtype: str) -> np.ndarray:
    """Return the float32 of each of the 256 codes of an 8-bit float."""
    import numpy as np

    return np.array([small_float(code, dtype) for code in range(256)], np.float32)


def small_float(code: int, dtype: str) -> float:
    """Return the value of one code of an 8-bit float: (-1)^sign * mantissa * 2^exponent.

    NaN is the code of -0 in ``fnuz``, a mantissa and exponent of ones in ``e4m3fn``, an exponent of ones in ``e8m0fnu``;
    ``e5m2`` has infinities and NaNs as in IEEE 754.
    """
    exponent_bits, mantissa_bits, bias = SMALL_FLOATS[dtype]
    mantissa = code & ((1 << mantissa_bits) - 1)
    exponent = code >> mantissa_bits & ((1 << exponent_bits) - 1)
    sign = -1.0 if mantissa_bits and code & 0x80 else 1.0
    if dtype == "float8_e5m2" and exponent == 31:
        return float("nan") if mantissa else sign * float("inf")
    if code in not_numbers(dtype):
        return float("nan")
    if exponent or dtype == "float8_e8m0fnu":
        return sign * (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - bias)
    return sign * mantissa / (1 << mantissa_bits) * 2.0 ** (1 - bias)


def not_numbers(dtype: str) -> tuple[int, ...]:
    """Return the codes for NaN of an 8-bit float without infinities."""
    if dtype.endswith("fnuz"):
        return (0x80,)
    return {"float8_e4m3fn": (0x7F, 0xFF), "float8_e8m0fnu": (0xFF,)}.get(dtype, ())
