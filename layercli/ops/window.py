"""The geometry of a window that slides along an axis: for shapes, costs and kernels alike."""

from __future__ import annotations

from dataclasses import dataclass

from layercli.core.dims import Size, ceil_div, known
from layercli.errors import ShapeError


@dataclass(frozen=True)
class Window:
    """A window of ``size`` taps ``dilation`` apart that moves by ``stride``.

    ``padding``: ``valid`` stays inside; ``same`` pads so that stride 1 keeps the size, the odd one after; ``causal`` pads
    before only.
    """

    size: int
    stride: int = 1
    padding: str = "valid"
    dilation: int = 1

    @property
    def reach(self) -> int:
        """How many places the window covers."""
        return (self.size - 1) * self.dilation + 1

    def output(self, size: Size) -> Size:
        """Return how many places the window has along an axis of ``size``; ShapeError where it has none."""
        if self.padding != "valid":
            return ceil_div(size, self.stride)
        places = (size - self.reach) // self.stride + 1
        if known(places) and places < 1:
            raise ShapeError(f"expects at least {self.reach} along each axis the window slides on, got {size}")
        return places

    def pads(self, size: int) -> tuple[int, int]:
        """Return how many places are added before and after an axis of ``size``."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.reach - 1, 0
        total = max((-(-size // self.stride) - 1) * self.stride + self.reach - size, 0)
        return total // 2, total - total // 2


def windows(
    size: tuple[int, ...], strides: tuple[int, ...], padding: str, dilation: tuple[int, ...] | None = None
) -> tuple[Window, ...]:
    """Return one window per axis."""
    dilation = dilation or (1,) * len(size)
    return tuple(Window(n, stride, padding, step) for n, stride, step in zip(size, strides, dilation, strict=True))
