"""Crops of images: at the centre, or at a random position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.lazy import torch
from layercli.ops.image.resize import Resize, widest
from layercli.ops.nn.convolution import joined, split


@dataclass(frozen=True)
class _Window(Op):
    """Base of the crops of ``size`` (height, width) from images x."""

    size: tuple[int, int]
    channels_first: bool = False

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

    def run(self, x: Tensor) -> Any:
        """Return a view, or the resized crop."""
        spare = [n - wanted for n, wanted in zip(self.sizes(x), self.size, strict=True)]
        if min(spare) < 0:
            return Resize(self.size, channels_first=self.channels_first, ratio="crop").run(x)
        return self.cut(x, (spare[0] // 2, spare[1] // 2))


@dataclass(frozen=True)
class RandomWindow(_Window):
    """out = a crop of ``size`` pixels, at one position for all images: the first row of samples (batch, 2).

    The numbers, in [0, 1), are fractions of the range of valid positions. Images that are not larger in both axes are
    cropped to the aspect ratio of ``size`` and resized bilinearly.
    """

    def run(self, x: Tensor, samples: Tensor) -> Any:
        """Return the crop."""
        sizes = self.sizes(x)
        if all(n > wanted for n, wanted in zip(sizes, self.size, strict=True)):
            return self._at(x, samples[0], sizes)
        largest = widest(sizes, self.size)
        start = ((sizes[0] - largest[0]) // 2, (sizes[1] - largest[1]) // 2)
        found = self.cut(x, start)
        if self.sizes(found) == self.size:
            return found
        return Resize(self.size, channels_first=self.channels_first).run(found)

    def _at(self, x: Tensor, samples: Tensor, sizes: tuple[int, int]) -> Tensor:
        first = 2 if self.channels_first else 1
        for i, (n, wanted) in enumerate(zip(sizes, self.size, strict=True)):
            start = (samples[i] * (n - wanted + 1)).to(torch.int64).clamp(max=n - wanted)
            x = x.index_select(first + i, start + torch.arange(wanted, device=x.device))
        return x
