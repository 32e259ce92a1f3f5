"""CutMix."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.mix_up import mixed_labels, partners, refused
from layercli.layers.preprocessing.random_color import RandomColor
from layercli.layers.validators import DataFormat, FractionRange, Seed, factor_range
from layercli.ops.image.random_warps import WindowMask
from layercli.ops.random.mixing import MixDraws


class CutMix(RandomColor):
    """In training, replace a random window of each image by that of another image of the batch; labels are mixed by area.

    x is a batch of images, or a dict of images and labels (batch, classes), and segmentation_masks. The window is the part 1 - w of
    the image, w of the distribution Beta(a, a). Reference: Yun et al., "CutMix", 2019.

    Args:
        factor: The range of a, one for the whole batch: a number s for (0, s), or a pair; from 0 to 1.
    """

    factor: FractionRange = 1.0
    seed: Seed = None
    data_format: DataFormat = None

    floats = True

    def setup(self) -> None:
        """Make the ops of the settings."""
        low, high = factor_range(self.factor, 0)
        self.op = MixDraws(low + 1e-6, high + 1e-6, self.seed)
        self.window = WindowMask(self.channels_first)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images with windows of others."""
        side = ops.sqrt(1 - drawn[:, :1])
        window = self.window(images, ops.concatenate([side, side, drawn[:, 2:]], 1))
        return ops.where(window, partners(images, drawn), images)

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Tensor:
        """Return masks with the same windows."""
        return self.random_transform(masks, drawn)

    def random_transform_labels(self, labels: Tensor, drawn: Tensor) -> Tensor:
        """Return the labels mixed by area."""
        return mixed_labels(ops.cast(labels, self.compute_dtype), drawn)

    def unmoved(self, name: str, part: Tensor) -> Tensor:
        """Raise UsageError: nothing else is mixed."""
        return refused(name)
