"""Filters applied to each channel of images: Gaussian blur, Sobel edges, and the structural similarity SSIM."""

from __future__ import annotations

import math
from collections.abc import Sequence

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.image.batching import as_batch
from layercli.ops.nn.convolution import joined, split
from layercli.ops.nn.pooling import with_channels_first
from layercli.ops.nn.window_arguments import channels_first
from layercli.ops.nn.window_geometry import Window, windows
from layercli.ops.numpy.arithmetic import multiply
from layercli.ops.numpy.joining import stack
from layercli.ops.numpy.reductions import Reduction

Taps = tuple[tuple[float, ...], ...]
"""A filter as rows of weights."""

SOBEL_ACROSS: Taps = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
SOBEL_DOWN: Taps = tuple(zip(*SOBEL_ACROSS, strict=True))
"""The Sobel filters of horizontal and vertical gradients."""


@dataclass(frozen=True)
class Filter(Op):
    """out[n, i, j, c] = sum over a, b of x[n, i + a, j + b, c] * taps[a][b]; zero padding ``same``, or none
    (``valid``).
    """

    taps: Taps
    padding: str = "same"
    channels_first: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape; for ``valid`` padding each spatial size less the filter's size - 1."""
        batch, sizes, channels = split(x, 2, self.channels_first)
        positions = tuple(window.output(n) for window, n in zip(self.windows, sizes, strict=True))
        return Spec(joined(batch, positions, channels, self.channels_first), x.dtype)

    def macs(self, x: Spec) -> Size:
        """Return the size of the result x the number of taps."""
        return self.spec(x).size * len(self.taps) * len(self.taps[0])

    def run(self, x: Tensor) -> Tensor:
        """Return torch's convolution with each channel as an image."""
        return with_channels_first(self._filtered, x, 2, self.channels_first)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The window along each axis."""
        return windows((len(self.taps), len(self.taps[0])), (1, 1), self.padding, None)

    def _filtered(self, x: Tensor) -> Tensor:
        pads = [window.pads(n) for window, n in zip(self.windows, x.shape[2:], strict=True)]
        x = F.pad(x, [n for pair in reversed(pads) for n in pair])
        weight = torch.tensor(self.taps, dtype=x.dtype, device=x.device)[None, None]
        out = F.conv2d(x.reshape(-1, 1, *x.shape[2:]), weight)
        return out.reshape(*x.shape[:2], *out.shape[2:])


def gaussian_blur(
    images: TensorLike,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch convolved with a Gaussian kernel of ``kernel_size`` (height, width) and ``sigma``."""
    if not all(each > 0 for each in (*kernel_size, *sigma)):
        raise UsageError(f"gaussian_blur expects kernel_size and sigma above 0, got {kernel_size} and {sigma}")
    taps = gaussian_kernel(kernel_size, sigma)
    x = convert_to_tensor(images)
    x = x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")
    return as_batch(lambda batch: Filter(taps, "same", channels_first(data_format))(batch), x)


def sobel_edges(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return the Sobel gradients of images (batch, height, width, channels), vertical and horizontal, along a new last
    axis.
    """
    x, first = convert_to_tensor(images), channels_first(data_format)
    return stack([Filter(taps, "same", first)(x) for taps in (SOBEL_DOWN, SOBEL_ACROSS)], -1)


def ssim(
    image1: TensorLike,
    image2: TensorLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Return the structural similarity of two images, or of each pair of a batch, at most 1.

    SSIM = (2 mx my + C1)(2 cov + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)), averaged over Gaussian windows of
    ``filter_size`` pixels and ``filter_sigma``, with C1 = (k1 max_val)^2 and C2 = (k2 max_val)^2. Raises ShapeError for
    unequal shapes. Reference: Wang et al., 2004.
    """
    first, second = convert_to_tensor(image1), convert_to_tensor(image2)
    a, b = spec_of(first), spec_of(second)
    if a.rank != b.rank or not all(map(dims.may_equal, a.shape, b.shape)):
        raise ShapeError(f"expects image1 and image2 of one shape, got {a} and {b}")
    windowed = Filter(gaussian_kernel((filter_size,) * 2, (filter_sigma,) * 2), "valid", channels_first(data_format))
    constants = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    found = as_batch(lambda x, y: _likeness(windowed, x, y, constants), *map(_floats, (first, second)))
    return found if dtypes.is_floating(a.dtype) else cast(found, a.dtype)


def _likeness(windowed: Filter, x: Tensor, y: Tensor, constants: tuple[float, float]) -> Tensor:
    """Return the product of the luminance and the contrast-structure terms of SSIM, averaged over windows."""
    mean_x, mean_y = windowed(x), windowed(y)
    squares = multiply(mean_x, mean_x) + multiply(mean_y, mean_y)
    products = multiply(mean_x, mean_y)
    spread = windowed(multiply(x, x)) + windowed(multiply(y, y)) - squares
    shared = windowed(multiply(x, y)) - products
    c1, c2 = constants
    likeness = (2 * products + c1) * (2 * shared + c2) / ((squares + c1) * (spread + c2))
    return Reduction("mean", (1, 2, 3))(likeness)


def _floats(x: Tensor) -> Tensor:
    return x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")


def gaussian_kernel(size: Sequence[int], sigma: Sequence[float]) -> Taps:
    """Return the outer product of two normalized Gaussians with ``size`` values (rows, columns) and ``sigma`` each."""
    if len(size) != 2 or len(sigma) != 2:
        raise UsageError(f"expects two sizes and two sigmas, got {size} and {sigma}")
    across, down = (_normal(int(n), float(s)) for n, s in zip(size, sigma, strict=True))
    return tuple(tuple(a * b for b in across) for a in down)


def _normal(count: int, sigma: float) -> list[float]:
    """Return ``count`` values of a Gaussian around the middle, with the sum 1."""
    values = [math.exp(-0.5 * ((i - (count - 1) / 2) / sigma) ** 2) for i in range(count)]
    return [value / sum(values) for value in values]
