"""Output sizes and padding of sliding windows, for shapes, costs and kernels."""

from __future__ import annotations

from layercli.core.dims import Size, ceil_div, known
from layercli.dataclass import dataclass
from layercli.errors import ShapeError


@dataclass(frozen=True)
class Window:
    """A window of ``size`` taps, ``dilation`` apart, that moves by ``stride``.

    ``padding``: ``valid`` adds none; ``same`` pads so that stride 1 keeps the size, with the odd one after; ``causal``
    pads before only.
    """

    size: int
    stride: int = 1
    padding: str = "valid"
    dilation: int = 1

    @property
    def effective_kernel_size(self) -> int:
        """The effective size: (size - 1) * dilation + 1."""
        return (self.size - 1) * self.dilation + 1

    def output(self, size: Size) -> Size:
        """Return the number of positions of the window on an axis of ``size``; ShapeError where it does not fit."""
        if self.padding != "valid":
            return ceil_div(size, self.stride)
        positions = (size - self.effective_kernel_size) // self.stride + 1
        if known(positions) and positions < 1:
            raise ShapeError(
                f"expects at least {self.effective_kernel_size} along each axis the window slides on, got {size}"
            )
        return positions

    @property
    def even_pad(self) -> int | None:
        """The padding at each end where it is equal at both and does not depend on the size, else None."""
        if self.padding == "valid" or self.effective_kernel_size == 1:
            return 0
        centred = self.padding == "same" and self.stride == 1 and self.effective_kernel_size % 2
        return self.effective_kernel_size // 2 if centred else None

    def pads(self, size: int) -> tuple[int, int]:
        """Return the padding before and after an axis of ``size``."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.effective_kernel_size - 1, 0
        total = max((-(-size // self.stride) - 1) * self.stride + self.effective_kernel_size - size, 0)
        return total // 2, total - total // 2


def windows(
    size: tuple[int, ...], strides: tuple[int, ...], padding: str, dilation: tuple[int, ...] | None = None
) -> tuple[Window, ...]:
    """Return one window per axis."""
    dilation = dilation or (1,) * len(size)
    return tuple(Window(n, stride, padding, step) for n, stride, step in zip(size, strides, dilation, strict=True))


@dataclass(frozen=True)
class TransposedWindow:
    """A transposed window: each input position contributes to ``size`` taps of the output, ``stride`` apart.

    The uncropped output has (n - 1) * stride + effective_kernel_size positions. ``valid`` keeps them all, at
    least n * stride; ``same``
    crops both ends evenly to n * stride. With ``extra``, Keras's output_padding, ``valid`` adds that many positions at
    the end, and ``same`` after cropping effective_kernel_size // 2 from both ends.
    """

    size: int
    stride: int = 1
    padding: str = "valid"
    dilation: int = 1
    extra: int | None = None

    @property
    def effective_kernel_size(self) -> int:
        """The effective size: (size - 1) * dilation + 1."""
        return Window(self.size, dilation=self.dilation).effective_kernel_size

    @property
    def cut(self) -> int:
        """The number of positions cropped from both ends together; negative where positions are added."""
        if self.padding == "valid":
            return min(self.effective_kernel_size - self.stride, 0) if self.extra is None else -self.extra
        return (
            self.effective_kernel_size - self.stride
            if self.extra is None
            else self.effective_kernel_size // 2 * 2 - self.extra
        )

    @property
    def before(self) -> int:
        """The number of positions cropped at the start: half of ``cut``; the odd one is cropped at the end."""
        return max(self.cut // 2, 0)

    def output(self, size: Size) -> Size:
        """Return the output size of an axis of ``size``; ShapeError where it is not positive."""
        positions = (size - 1) * self.stride + self.effective_kernel_size - self.cut
        if known(positions) and positions < 1:
            raise ShapeError(f"expects a larger size along each axis, got {size}, whose output is empty")
        return positions
