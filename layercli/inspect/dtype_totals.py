"""The parameters and bytes of a file by dtype; a packed weight counts as what it stands for, its scales as overhead."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.weight_file import BITS, TensorEntry

if TYPE_CHECKING:
    from layercli.inspect.packed_weights import PackedWeight


@dataclass
class DtypeTotal:
    """The parameters of one dtype and their bytes, of which ``overhead`` are scales and the like."""

    dtype: str
    parameters: int = 0
    bytes: int = 0
    overhead: int = 0

    @property
    def quantized(self) -> bool:
        """Whether a value takes no fixed number of bits."""
        return self.dtype not in BITS

    @cached_property
    def bits(self) -> float | None:
        """The bits that each parameter takes, scales included; None without parameters."""
        return 8 * self.bytes / self.parameters if self.parameters else None

    def to_json(self) -> JSONObject:
        """Return the total as JSON data."""
        return {
            "dtype": self.dtype,
            "parameters": self.parameters,
            "bytes": self.bytes,
            "overhead_bytes": self.overhead,
            "bits_per_parameter": None if self.bits is None else round(self.bits, 4),
        }


def dtype_totals(parts: Iterable[tuple[str, int, int, int]]) -> list[DtypeTotal]:
    """Return the totals by dtype, the most bytes first; a part is a dtype, its parameters, their bytes, and those of scales."""
    found: dict[str, DtypeTotal] = {}
    for dtype, parameters, size, overhead in parts:
        total = found.setdefault(dtype, DtypeTotal(dtype))
        total.parameters += parameters
        total.bytes += size
        total.overhead += overhead
    return sorted(found.values(), key=lambda total: -total.bytes)


def totals_of(entries: Iterable[TensorEntry], packed: Iterable[PackedWeight]) -> list[DtypeTotal]:
    """Return the totals of unpacked entries by dtype; entries with the same data count once."""
    overhead = {weight.path: weight.overhead_bytes for weight in packed}
    distinct = {entry.same_as or entry.path: entry for entry in entries}.values()
    return dtype_totals((entry.dtype, entry.size, entry.bytes, overhead.get(entry.path, 0)) for entry in distinct)
