"""The parameters and bytes of a file by dtype; a packed weight counts as what it stands for, its scales as overhead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.weight_file import BITS, TensorEntry, kinds_of

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


def totals_of(entries: Mapping[str, TensorEntry], packed: Iterable[PackedWeight]) -> list[DtypeTotal]:
    """Return the totals of unpacked entries by dtype; entries with the same data count once."""
    kinds = kinds_of(entries)
    counts = Counter(kinds.values())
    if any(TensorEntry("", *kind).same_as for kind in counts):
        distinct = {TensorEntry(path, *kind).same_as or path: kind for path, kind in kinds.items()}
        counts = Counter(distinct.values())
    held = [(TensorEntry("", *kind), count) for kind, count in counts.items()]
    scales = Counter([(x.dtype, x.overhead_bytes) for x in packed if x.path in kinds])
    overhead = [(dtype, 0, 0, count * size) for (dtype, size), count in scales.items()]
    return dtype_totals([*((x.dtype, count * x.size, count * x.bytes, 0) for x, count in held), *overhead])
