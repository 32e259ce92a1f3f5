"""Resizing of images by interpolation."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import F, torch
from layercli.ops.nn.convolution import joined, split
from layercli.ops.nn.pooling import with_channels_first

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
"""Keras's interpolations; torch has no kernel for the last two."""


@dataclass(frozen=True)
class Resize(Op):
    """out = the images x resampled to ``size``, with half-pixel centers.

    x: (batch, height, width, channels), or channels first. ``antialias`` widens the kernel where the image shrinks;
    ``bicubic`` is Keys's kernel with a = -0.5, as in Keras, and shrinks only with antialias. ``ratio`` keeps the aspect
    ratio: ``crop`` crops the images to the target's ratio first, ``pad`` pads them with ``fill_value``. Integer results
    are rounded, halves to even.
    """

    size: tuple[int, int]
    interpolation: str = "bilinear"
    antialias: bool = False
    channels_first: bool = False
    ratio: str = ""
    fill_value: float = 0.0

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *size, channels), or channels first."""
        batch, _, channels = split(x, 2, self.channels_first)
        return Spec(joined(batch, self.size, channels, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's interpolation."""
        return with_channels_first(self._resized, x, 2, self.channels_first)

    def _resized(self, x: Tensor) -> Tensor:
        if self.ratio:
            x = cropped(x, self.size) if self.ratio == "crop" else padded(x, self.size, self.fill_value)
        if not x.is_floating_point():
            return rounded(self._interpolated(x.to(torch.float32)), x.dtype)
        return self._interpolated(x)

    def placed(self, sizes: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return where a pixel (row, column) of images of these sizes is found: by which factors, and moved by how much."""
        kept, before = sizes, (0, 0)
        if self.ratio == "crop":
            kept = widest(sizes, self.size)
            before = -((sizes[0] - kept[0]) // 2), -((sizes[1] - kept[1]) // 2)
        elif self.ratio == "pad":
            before = padding(sizes, self.size)
            kept = sizes[0] + 2 * before[0], sizes[1] + 2 * before[1]
        factors = self.size[0] / kept[0], self.size[1] / kept[1]
        return factors, (before[0] * factors[0], before[1] * factors[1])

    def _interpolated(self, x: Tensor) -> Tensor:
        if (
            self.interpolation == "bicubic"
            and not self.antialias
            and any(n < m for n, m in zip(self.size, x.shape[2:], strict=True))
        ):
            raise UsageError("torch has no bicubic interpolation that shrinks without antialias as Keras does")
        return resized(x, self.size, self.interpolation, self.antialias)


@dataclass(frozen=True)
class Upsample(Op):
    """out = the images x, each spatial axis ``times`` as long, by ``interpolation``.

    x: (batch, height, width, channels), or channels first.
    """

    times: tuple[int, int]
    interpolation: str = "nearest"
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, height * times, width * times, channels), or channels first."""
        batch, spatial, channels = split(x, 2, self.channels_first)
        size = tuple(n * times for n, times in zip(spatial, self.times, strict=True))
        return Spec(joined(batch, size, channels, self.channels_first), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's interpolation."""
        return with_channels_first(self._upsampled, x, 2, self.channels_first)

    def _upsampled(self, x: Tensor) -> Tensor:
        _, _, height, width = x.shape
        down, across = self.times
        if self.interpolation == "nearest" and not x.dtype.is_floating_point:  # which torch's kernel does not take
            return x.repeat_interleave(down, 2).repeat_interleave(across, 3)
        return resized(x, (height * down, width * across), self.interpolation, antialias=False)


def resized(x: Tensor, size: tuple[int, int], interpolation: str, antialias: bool) -> Tensor:
    """Return torch's interpolation of x, channels first, to ``size``.

    Only torch's antialiased bicubic kernel has Keras's coefficient; where an image grows, antialiasing changes nothing
    else.
    """
    if interpolation == "nearest":
        return F.interpolate(x, size, mode="nearest-exact")
    return F.interpolate(x, size, mode=interpolation, antialias=antialias or interpolation == "bicubic")


def rounded(x: Tensor, dtype: Any) -> Tensor:
    """Return x rounded to an integer dtype and clipped to its range."""
    ends = torch.iinfo(dtype)
    return torch.round(x).clamp(ends.min, ends.max).to(dtype)


def widest(sizes: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """Return the largest height and width within ``sizes`` that have the aspect ratio of ``wanted``.

    >>> widest((6, 7), (4, 8))
    (3, 7)
    """
    (height, width), (down, across) = sizes, wanted
    return max(min(height, int(width * down / across)), 1), max(min(width, int(height * across / down)), 1)


def cropped(x: Any, wanted: tuple[int, int]) -> Any:
    """Return the images x, channels first, cropped at the centre to the aspect ratio of ``wanted``."""
    largest = widest(x.shape[2:], wanted)
    for axis, size in enumerate(largest, start=2):
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x


def padded(x: Tensor, wanted: tuple[int, int], fill_value: float) -> Tensor:
    """Return the images x, channels first, padded on both sides with ``fill_value`` to about the aspect ratio of
    ``wanted``.
    """
    rows, columns = padding((x.shape[2], x.shape[3]), wanted)
    return F.pad(x, (columns, columns, rows, rows), value=fill_value)


def padding(sizes: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """Return how many rows are added above and below, and how many columns on each side, for the aspect ratio of ``wanted``."""
    (height, width), (down, across) = sizes, wanted
    rows = (max(height, int(width * down / across)) - height) // 2
    return rows, 0 if rows else (max(width, int(height * across / down)) - width) // 2


def check_interpolation(name: str, owner: str) -> str:
    """Return the name of an interpolation that torch has; UsageError for another."""
    if name in ("lanczos3", "lanczos5"):
        raise UsageError(
            f"{owner} cannot interpolate by {name}: torch has no such kernel", hint="bicubic is the nearest to it"
        )
    if name not in INTERPOLATIONS:
        raise UsageError(f"{owner} expects interpolation to be one of {', '.join(INTERPOLATIONS)}, got {name!r}")
    return name
