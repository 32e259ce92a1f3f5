"""Windows of images: from the middle, or from anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.lazy import torch
from layercli.ops.image.resize import Resize, widest
from layercli.ops.nn.convolution import joined, split


@dataclass(frozen=True)
class _Window(Op):
    """A window of ``size`` (height, width) of the images x."""

    size: tuple[int, int]
    channels_first: bool = False

    def spec(self, x: Spec, *drawn: Spec) -> Spec:
        """Return (batch, *size, channels), or channels first."""
        batch, _, channels = split(x, 2, self.channels_first)
        return Spec(joined(batch, self.size, channels, self.channels_first), x.dtype)

    def sizes(self, x: Any) -> tuple[int, int]:
        """Return the height and the width of the images x."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        return height, width

    def cut(self, x: Any, start: tuple[int, int]) -> Any:
        """Return the window that begins at a row and a column, or what there is of it."""
        first = 2 if self.channels_first else 1
        for axis, (begin, size) in enumerate(zip(start, self.size, strict=True), start=first):
            x = x.narrow(axis, begin, min(size, x.shape[axis] - begin))
        return x


@dataclass(frozen=True)
class CenterWindow(_Window):
    """out = the middle of each image, ``size`` pixels of it.

    Where an image is too small for that, its largest window of that ratio of sides, resized bilinearly.
    """

    def run(self, x: Any) -> Any:
        """Return a view, or the window resized."""
        spare = [n - wanted for n, wanted in zip(self.sizes(x), self.size, strict=True)]
        if min(spare) < 0:
            return Resize(self.size, channels_first=self.channels_first, ratio="crop").run(x)
        return self.cut(x, (spare[0] // 2, spare[1] // 2))


@dataclass(frozen=True)
class RandomWindow(_Window):
    """out = a window of ``size`` pixels of all images, from the row and the column that the first of drawn (batch, 2) say.

    They are parts, from 0 to 1 (excluded), of the places there are. Images that are not larger both ways are cut where their
    largest window of that ratio of sides begins, and what is left is resized bilinearly.
    """

    def run(self, x: Any, drawn: Any) -> Any:
        """Return the window."""
        sizes = self.sizes(x)
        if all(n > wanted for n, wanted in zip(sizes, self.size, strict=True)):
            return self._at(x, drawn[0], sizes)
        largest = widest(sizes, self.size)
        start = ((sizes[0] - largest[0]) // 2, (sizes[1] - largest[1]) // 2)
        found = self.cut(x, start)
        if self.sizes(found) == self.size:
            return found
        return Resize(self.size, channels_first=self.channels_first).run(found)

    def _at(self, x: Any, drawn: Any, sizes: tuple[int, int]) -> Any:
        first = 2 if self.channels_first else 1
        for i, (n, wanted) in enumerate(zip(sizes, self.size, strict=True)):
            start = (drawn[i] * (n - wanted + 1)).to(torch.int64).clamp(max=n - wanted)
            x = x.index_select(first + i, start + torch.arange(wanted, device=x.device))
        return x
