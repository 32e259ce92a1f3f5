"""What a conversion is asked for, and what it gives: tensors, files, and how far values were rounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.weight_file import TensorEntry


@dataclass(frozen=True)
class ConversionOptions:
    """How to convert: floating values to ``dtype``, names by ``rename``, those that ``keep`` is True for."""

    dtype: str | None = None
    rename: Callable[[str], str] = str
    keep: Callable[[str], bool] = lambda name: True
    shard_size: int | None = None
    force: bool = False
    dry_run: bool = False
    progress: Callable[[int], None] = lambda count: None


@dataclass
class Rounding:
    """How far one tensor's values were rounded: the largest difference, and the largest value."""

    difference: float = 0.0
    largest: float = 0.0
    overflowed: int = 0

    @property
    def relative(self) -> float:
        """The largest difference over the largest value."""
        return self.difference / self.largest if self.largest else 0.0


@dataclass
class Conversion:
    """What was written, or would be: the tensors by their new names, the files, and how far values were rounded."""

    source: str
    target: str
    kind: str
    tensors: dict[str, TensorEntry]
    files: list[str] = field(default_factory=list)
    rounding: dict[str, Rounding] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def bytes(self) -> int:
        """The bytes of all values, those that are shared once."""
        return sum(entry.bytes for entry in self.tensors.values() if entry.same_as is None)

    @property
    def worst(self) -> tuple[str, Rounding] | None:
        """The tensor whose values were rounded most, relative to its largest, or None where none were."""
        found = [(name, each) for name, each in self.rounding.items() if each.difference]
        return max(found, key=lambda pair: pair[1].relative, default=None)

    def to_json(self) -> JSONObject:
        """Return the document that ``layercli convert --format json`` prints."""
        return {
            "schema": "layercli.convert/1",
            "source": self.source,
            "target": self.target,
            "dry_run": self.dry_run,
            "files": self.files,
            "tensors": [
                {"name": name, "shape": list(entry.shape), "dtype": entry.dtype, "bytes": entry.bytes, "same_as": entry.same_as}
                for name, entry in self.tensors.items()
            ],
            "bytes": self.bytes,
            "worst_rounding": None if self.worst is None else {"name": self.worst[0], "relative": self.worst[1].relative},
            "notes": self.notes,
        }  # fmt: skip
