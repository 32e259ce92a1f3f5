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

    @property
    def even_pad(self) -> int | None:
        """The padding at either end where it is the same at both, whatever the size of the axis; None where it is not."""
        if self.padding == "valid" or self.reach == 1:
            return 0
        centred = self.padding == "same" and self.stride == 1 and self.reach % 2
        return self.reach // 2 if centred else None

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


@dataclass(frozen=True)
class TransposedWindow:
    """A window turned around: every place of an axis is spread over ``size`` taps, and the places are ``stride`` apart.

    Uncut that covers (n - 1) * stride + reach places. ``valid`` keeps them all and covers at least n * stride; ``same``
    cuts both ends evenly down to n * stride. Where ``extra`` is given, as Keras's output_padding is, ``valid`` adds that
    many places after the whole, and ``same`` after what is left once reach // 2 are cut from both ends.
    """

    size: int
    stride: int = 1
    padding: str = "valid"
    dilation: int = 1
    extra: int | None = None

    @property
    def reach(self) -> int:
        """How many places one place is spread over."""
        return Window(self.size, dilation=self.dilation).reach

    @property
    def cut(self) -> int:
        """How many places are cut from both ends together; negative where places are added after."""
        if self.padding == "valid":
            return min(self.reach - self.stride, 0) if self.extra is None else -self.extra
        return self.reach - self.stride if self.extra is None else self.reach // 2 * 2 - self.extra

    @property
    def before(self) -> int:
        """How many places are cut before: half of those to cut; an odd one is cut after."""
        return max(self.cut // 2, 0)

    def output(self, size: Size) -> Size:
        """Return how many places an axis of ``size`` is spread to; ShapeError where none is left."""
        places = (size - 1) * self.stride + self.reach - self.cut
        if known(places) and places < 1:
            raise ShapeError(f"expects more along each axis, got {size}, of which nothing is left")
        return places
