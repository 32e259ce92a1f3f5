"""The parts of a model that is split over several GGUF files: what a header says of them, and the names that they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from layercli.dataclass import dataclass

SPLIT = ("split.no", "split.count", "split.tensors.count")
"""Which part of a model a file is, from 0, how many parts there are, and how many tensors all hold."""


@dataclass(frozen=True)
class SplitPart:
    """Part ``number``, from 1, of ``count``, which hold so many ``tensors`` together, if that is known."""

    number: int
    count: int
    tensors: int | None = None

    @classmethod
    def of(cls, split: Mapping[str, int]) -> SplitPart | None:
        """Return what the keys SPLIT of a header say; None for a whole model."""
        number, count = (split.get(name, 0) for name in SPLIT[:2])
        return cls(number + 1, count, split.get(SPLIT[2])) if count > 1 else None

    def __str__(self) -> str:
        return f"part {self.number:,} of {self.count:,} of a model"

    @property
    def ending(self) -> str:
        """How the name of the file ends, as llama.cpp requires.

        >>> SplitPart(2, 3).ending
        '-00002-of-00003.gguf'
        """
        return f"-{self.number:05}-of-{self.count:05}.gguf"

    def files(self, file: Path) -> list[Path]:
        """Return the files of all parts, of which ``file`` is this one; none where its name does not say so."""
        if not 1 <= self.number <= self.count or not file.name.endswith(self.ending) or self.count > MOST_PARTS:
            return []
        stem = file.name.removesuffix(self.ending)
        return [file.parent / f"{stem}{SplitPart(number + 1, self.count).ending}" for number in range(self.count)]


MOST_PARTS = 1 << 16
"""The number of parts that GGUF's 16 bits can count."""


def tensor_faults(
    parts: Mapping[str, Mapping[str, object]], expected: int | None
) -> Iterator[tuple[str, str, str | None]]:
    """Yield the code of what is wrong with the tensors of all parts, by file and name, why, and the tensor, if it is one."""
    held: dict[str, str] = {}
    for name, entries in parts.items():
        for tensor in entries:
            if tensor in held:
                yield "duplicate", f"{tensor!r} is in {held[tensor]!r} and in {name!r}", tensor
            held[tensor] = name
    total = sum(map(len, parts.values()))
    if expected is not None and total != expected:
        code = "missing-tensor" if total < expected else "extra-tensor"
        yield code, f"the header says that all parts hold {expected:,} tensors, and they hold {total:,}", None
