"""Parts of the random layers over images whose settings are drawn: windows, perspectives, blurs and elastic warps."""

from __future__ import annotations

from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import F, torch
from layercli.ops.core.axes import check_rank
from layercli.ops.image.warp import PERSPECTIVE, Elastic, ResampleShifted, perspective_maps
from layercli.ops.nn.pooling import with_channels_first


@dataclass(frozen=True)
class WindowMask(Op):
    """out = whether a pixel of each image of x lies in its window; (batch, height, width, 1), or channels first.

    samples (batch, 4): the sizes of the window across and down as fractions of the image's, and its place across and down, from 0
    (left, top) to 1.
    """

    channels_first: bool = False

    def spec(self, x: Spec, samples: Spec) -> Spec:
        """Return x's shape with one channel, in bool."""
        check_rank(x, 4)
        batch, *sizes = x.shape
        shape = (batch, 1, *sizes[1:]) if self.channels_first else (batch, *sizes[:2], 1)
        return Spec(shape, "bool")

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the comparison of each pixel's place with the ends of the window."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        across, down = (self._inside(samples[:, i], samples[:, i + 2], size) for i, size in enumerate((width, height)))
        return (down[:, :, None] & across[:, None, :]).unsqueeze(1 if self.channels_first else 3)

    def _inside(self, share: Tensor, place: Tensor, size: int) -> Tensor:
        length = (share * size)[:, None]
        start = place[:, None] * (size - length)
        positions = torch.arange(size, device=share.device)
        return (positions >= start) & (positions < start + length)


@dataclass(frozen=True)
class PerspectiveMap(Op):
    """Coefficients (batch, 8) of the perspectives that move each corner (x, y) of images by (a x, b y); samples: (batch, 8)."""

    channels_first: bool = False

    def spec(self, x: Spec, samples: Spec) -> Spec:
        """Return (batch, 8)."""
        check_rank(x, 4)
        return Spec((samples.shape[0], PERSPECTIVE), samples.dtype)

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the inverse maps: from each output pixel to its position in the input."""
        height, width = x.shape[2:] if self.channels_first else x.shape[1:3]
        corners = [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]
        start = torch.tensor(corners, dtype=samples.dtype, device=samples.device).expand(len(samples), 4, 2)
        return perspective_maps(start, start + start * samples.reshape(-1, 4, 2))


@dataclass(frozen=True)
class GaussianBlur(Op):
    """out = x convolved along each axis with a Gaussian of ``size`` (across, down) pixels and the deviations sigma (2,)."""

    size: tuple[int, int]
    channels_first: bool = False

    def spec(self, x: Spec, sigma: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        return x

    def macs(self, x: Spec, sigma: Spec) -> Size:
        """Return the size of the result x the number of values of the Gaussian."""
        return x.size * self.size[0] * self.size[1]

    def run(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return torch's convolution with each channel as an image."""
        across, down = (gaussian(n, s).to(x.dtype) for n, s in zip(self.size, sigma.unbind(), strict=True))
        kernel = (down[:, None] * across)[None, None]

        def blurred(images: Tensor) -> Tensor:
            flat = images.reshape(-1, 1, *images.shape[2:])
            return F.conv2d(flat, kernel, padding="same").reshape(images.shape)

        return with_channels_first(blurred, x, 2, self.channels_first)


def gaussian(count: int, sigma: Tensor) -> Tensor:
    """Return ``count`` values of a Gaussian around the middle, with the sum 1."""
    places = torch.arange(count, device=sigma.device) - (count - 1) / 2
    values = torch.exp(-0.5 * (places / sigma) ** 2)
    return values / values.sum()


@dataclass(frozen=True)
class RandomElastic(Op):
    """out = x ``resampled`` at randomly shifted positions; samples (batch, 2): the strength d and the noise, of the first row.

    The shifts are 0.1 d of the longer side; the deviation of the noise and of its blur is 0.05 d of the shorter side.
    """

    resampled: ResampleShifted

    def spec(self, x: Spec, samples: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        return x

    def macs(self, x: Spec, samples: Spec) -> Size:
        """Return unknown: the size of the blur is random."""
        return UNKNOWN

    def run(self, x: Tensor, samples: Tensor) -> Tensor:
        """Return the images resampled with new noise."""
        strength, noise = samples[0].tolist()
        sides = x.shape[2:] if self.resampled.channels_first else x.shape[1:3]
        alpha, sigma = 0.1 * strength * max(sides), 0.05 * strength * min(sides)
        return Elastic(self.resampled, alpha, sigma, int(noise * 2**24)).run(x) if sigma else x
