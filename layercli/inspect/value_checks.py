"""What values of a tensor say that something went wrong: NaN, infinities, zeros throughout, absurd magnitudes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from layercli.dataclass import dataclass

if TYPE_CHECKING:
    import numpy as np

    from layercli.inspect.variables import VariableRow

LARGEST = 1e6
"""The magnitude from which on a floating value of a model is absurd."""
STRIDE = 1 << 17


@dataclass(frozen=True)
class ValueFault:
    """One fault: its stable ``code``, and the ``text`` that follows the name of the tensor."""

    code: str
    severity: Literal["error", "warning"]
    text: str


@dataclass
class ValueScan:
    """What one pass over the values found."""

    count: int = 0
    nans: int = 0
    infinities: int = 0
    least: float | None = None
    most: float | None = None

    def add(self, values: np.ndarray) -> None:
        """Take a flat block of floating values into account."""
        import numpy as np

        self.count += values.size
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            self.nans += int(np.isnan(values).sum())
            self.infinities += int(np.isinf(values).sum())
            values = values[np.isfinite(values)]
            if not values.size:
                return
            low, high = float(values.min()), float(values.max())
        self.least = low if self.least is None else min(low, self.least)
        self.most = high if self.most is None else max(high, self.most)

    def faults(self, matrix: bool) -> Iterator[ValueFault]:
        """Yield what is wrong; that all values are the same says nothing of a bias or a scale, of a ``matrix`` it does."""
        if self.nans:
            yield ValueFault("nan", "error", f"has {self.nans:,} NaN among {self.count:,} values")
        if self.infinities:
            yield ValueFault("infinity", "error", f"has {self.infinities:,} infinities among {self.count:,} values")
        if self.least is None or self.most is None:
            return
        if matrix and self.count > 1 and self.least == self.most:
            code, what = ("all-zero", "is zero") if not self.least else ("constant", f"has the value {self.least:.6g}")
            yield ValueFault(code, "warning", f"{what} throughout")
        if (worst := max(-self.least, self.most)) > LARGEST:
            yield ValueFault("huge", "warning", f"has a magnitude of {worst:.3g}")


def value_faults(row: VariableRow) -> Iterator[ValueFault]:
    """Yield what is wrong with the values of a variable, read in bounded memory; integers have nothing to be wrong."""
    import numpy as np

    scan, zeros = ValueScan(), DeadRows(row.shape)
    with np.errstate(all="ignore"):
        for chunk in row.chunks():
            if chunk.dtype.kind not in "fc":
                return
            for start in range(0, chunk.size, STRIDE):
                block = chunk[start : start + STRIDE]
                scan.add(np.abs(block) if block.dtype.kind == "c" else block)
                zeros.add(block)
    found = list(scan.faults(matrix=len(row.shape) > 1))
    yield from found
    if len(row.shape) > 1 and zeros.dead and not any(each.code == "all-zero" for each in found):
        text = f"has {zeros.dead:,} of {row.shape[0]:,} channels that are zero"
        yield ValueFault("dead-channels", "warning", text)


class DeadRows:
    """Counts the slices along the first axis, the output channels of torch's layers, that hold zeros alone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.length = 1
        for size in shape[1:]:
            self.length *= size
        self.within = 0
        self.alive = False
        self.dead = 0

    def add(self, block: np.ndarray) -> None:
        """Take the next flat block into account."""
        import numpy as np

        if not self.length:
            return
        while block.size:
            if not self.within and block.size >= self.length:
                whole = block[: block.size // self.length * self.length].reshape(-1, self.length)
                self.dead += len(whole) - int(np.count_nonzero(whole.any(axis=1)))
                block = block[whole.size :]
                continue
            part, block = block[: self.length - self.within], block[self.length - self.within :]
            self.alive = self.alive or bool(part.any())
            self.within += part.size
            if self.within == self.length:
                self.dead += not self.alive
                self.within, self.alive = 0, False
