"""Images of another size: values drawn from between the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.lazy import F
from layercli.ops.convolution import joined, split
from layercli.ops.pooling import with_channels_first

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
"""Keras's names; torch has no kernel for the last two."""


@dataclass(frozen=True)
class Resize(Op):
    """out = the images x sampled at ``size`` pixels, the centres of the corner pixels staying half a pixel from the edge.

    x is (batch, height, width, channels), or channels first. ``antialias`` widens the kernel where the image shrinks;
    ``bicubic`` is Keys's with a = -0.5, as in Keras, and shrinks only with antialias.
    """

    size: tuple[int, int]
    interpolation: str = "bilinear"
    antialias: bool = False
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *size, channels), or channels first."""
        batch, _, channels = split(x, 2, self.channels_first)
        return Spec(joined(batch, self.size, channels, self.channels_first), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's interpolation."""
        return with_channels_first(self._resized, x, 2, self.channels_first)

    def _resized(self, x: Any) -> Any:
        if (
            self.interpolation == "bicubic"
            and not self.antialias
            and any(n < m for n, m in zip(self.size, x.shape[2:], strict=True))
        ):
            raise UsageError("torch has no bicubic interpolation that shrinks without antialias as Keras does")
        return resized(x, self.size, self.interpolation, self.antialias)


@dataclass(frozen=True)
class Upsample(Op):
    """out = the images x, each axis ``times`` as long, by ``interpolation``.

    x is (batch, height, width, channels), or channels first.
    """

    times: tuple[int, int]
    interpolation: str = "nearest"
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return (batch, height * times, width * times, channels), or channels first."""
        batch, spatial, channels = split(x, 2, self.channels_first)
        size = tuple(n * times for n, times in zip(spatial, self.times, strict=True))
        return Spec(joined(batch, size, channels, self.channels_first), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's interpolation."""
        return with_channels_first(self._upsampled, x, 2, self.channels_first)

    def _upsampled(self, x: Any) -> Any:
        _, _, height, width = x.shape
        down, across = self.times
        return resized(x, (height * down, width * across), self.interpolation, antialias=False)


def resized(x: Any, size: tuple[int, int], interpolation: str, antialias: bool) -> Any:
    """Return torch's interpolation of x, channels first, to ``size``.

    Only its antialiased bicubic has Keras's coefficient; where an image grows, antialiasing changes nothing else.
    """
    if interpolation == "nearest":
        return F.interpolate(x, size, mode="nearest-exact")
    return F.interpolate(x, size, mode=interpolation, antialias=antialias or interpolation == "bicubic")


def check_interpolation(name: str, owner: str) -> str:
    """Return the name of an interpolation that torch has; UsageError where it is another."""
    if name in ("lanczos3", "lanczos5"):
        raise UsageError(
            f"{owner} cannot interpolate by {name}: torch has no such kernel", hint="bicubic is the nearest to it"
        )
    if name not in INTERPOLATIONS:
        raise UsageError(f"{owner} expects interpolation to be one of {', '.join(INTERPOLATIONS)}, got {name!r}")
    return name
