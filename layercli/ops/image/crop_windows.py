"""Crops of images: at the centre, or at a random position."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.image.boxes import crop
from layercli.ops.image.resize import Resize, widest
from layercli.ops.nn.convolution import joined, split


@dataclass(frozen=True)
class _Window(Op):
    """Base of the crops of ``size`` (height, width) from images x."""

    size: tuple[int, int]
    channels_first: bool = False
    interpolation: str = "bilinear"

    def spec(self, x: Spec, *samples: Spec) -> Spec:
        """Return (batch, *size, channels), or channels first."""
        batch, _, channels = split(x, 2, self.channels_first)
        return Spec(joined(batch, self.size, channels, self.channels_first), x.dtype)

    def sizes(self, x: Tensor) -> tuple[int, int]:
        """Return the height and the width of the images x."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        return height, width

    def cut(self, x: Tensor, start: tuple[int, int]) -> Tensor:
        """Return the crop that starts at (row, column); smaller where the image ends."""
        first = 2 if self.channels_first else 1
        for axis, (begin, size) in enumerate(zip(start, self.size, strict=True), start=first):
            x = x.narrow(axis, begin, min(size, x.shape[axis] - begin))
        return x


@dataclass(frozen=True)
class CenterWindow(_Window):
    """out = the central ``size`` pixels of each image.

    A smaller image is cropped to the aspect ratio of ``size`` and resized bilinearly.
    """

    def run(self, x: Tensor) -> Tensor:
        """Return a view, or the resized crop."""
        spare = [n - wanted for n, wanted in zip(self.sizes(x), self.size, strict=True)]
        if min(spare) < 0:
            return Resize(self.size, self.interpolation, channels_first=self.channels_first, ratio="crop").run(x)
        return self.cut(x, (spare[0] // 2, spare[1] // 2))

    def window_of(self, sizes: tuple[int, int]) -> Window:
        """Return the row, the column, the height and the width of the crop, before it is resized."""
        fits = all(n >= wanted for n, wanted in zip(sizes, self.size, strict=True))
        return central(sizes, self.size if fits else widest(sizes, self.size))


@dataclass(frozen=True)
class RandomWindow(_Window):
    """out = a crop of ``size`` pixels, at one position for all images: the first row of samples (batch, 2).

    The numbers, in [0, 1), are fractions of the range of valid positions. Images that are not larger in both axes are
    cropped to the aspect ratio of ``size`` and resized bilinearly.
    """

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the crop."""
        sizes = self.sizes(x)
        if all(n > wanted for n, wanted in zip(sizes, self.size, strict=True)):
            return self._at(x, samples[0], sizes)
        largest = widest(sizes, self.size)
        start = ((sizes[0] - largest[0]) // 2, (sizes[1] - largest[1]) // 2)
        found = self.cut(x, start)
        if self.sizes(found) == self.size:
            return found
        return Resize(self.size, self.interpolation, channels_first=self.channels_first).run(found)

    def window_of(self, sizes: tuple[int, int], samples: Tensor) -> Window:
        """Return the row, the column, the height and the width of the crop, before it is resized."""
        if not all(n > wanted for n, wanted in zip(sizes, self.size, strict=True)):
            row, column, *_ = central(sizes, widest(sizes, self.size))
            return row, column, min(self.size[0], sizes[0] - row), min(self.size[1], sizes[1] - column)
        row, column = (self._start(samples[i], sizes[i], self.size[i]) for i in range(2))
        return row, column, *self.size

    def _at(self, x: Tensor, samples: Tensor, sizes: tuple[int, int]) -> Tensor:
        first = 2 if self.channels_first else 1
        for i, (n, wanted) in enumerate(zip(sizes, self.size, strict=True)):
            start = self._start(samples[i], n, wanted)
            x = x.index_select(first + i, start + torch.arange(wanted, device=x.device))
        return x

    def _start(self, sample: Any, size: int, wanted: int) -> Any:
        """Return the first row, or column, of the crop."""
        return (sample * (size - wanted + 1)).to(torch.int64).clamp(max=size - wanted)


Window = tuple[Any, Any, int, int]
"""The row, the column, the height and the width of a part of an image."""


def central(sizes: tuple[int, int], wanted: tuple[int, int]) -> Window:
    """Return the window of a size at the centre."""
    return (sizes[0] - wanted[0]) // 2, (sizes[1] - wanted[1]) // 2, *wanted


def in_window(boxes: Tensor, window: Window, size: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
    """Return boxes in xyxy cropped to a window that is resized to ``size``, and that size."""
    row, column, height, width = window
    down, across = size[0] / height, size[1] / width
    return crop(boxes, row, column, height, width) * torch.tensor([across, down] * 2, device=boxes.device), size
