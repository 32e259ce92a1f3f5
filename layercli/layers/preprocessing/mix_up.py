"""MixUp."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor
from layercli.layers.validators import DataFormat, Number, Seed
from layercli.ops.random.mixing import MixDraws


class MixUp(RandomColor):
    """In training, out = w x + (1 - w) y, y another image of the batch, w random for each image; labels are mixed like images.

    x is a batch of images, or a dict of images and labels (batch, classes), and segmentation_masks. w has the distribution
    Beta(alpha, alpha). Reference: Zhang et al., "mixup: beyond empirical risk minimization", 2018.

    Args:
        alpha: The parameter of the distribution of w: the larger, the nearer to 1/2.
    """

    alpha: Number = 0.2
    data_format: DataFormat = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.op = MixDraws(self.alpha, self.alpha, self.seed)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images mixed."""
        weight = self.beside(drawn)
        return weight * images + (1 - weight) * partners(images, drawn)

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Tensor:
        """Return masks mixed as the images are."""
        return self.random_transform(ops.cast(masks, self.compute_dtype), drawn)

    def random_transform_labels(self, labels: Tensor, drawn: Tensor) -> Tensor:
        """Return the labels mixed."""
        return mixed_labels(ops.cast(labels, self.compute_dtype), drawn)

    def random_transform_boxes(self, boxes: Any, images: Tensor, drawn: Tensor) -> Any:
        """Return the boxes of both images."""
        return {name: ops.concatenate([part, partners(part, drawn)], 1) for name, part in boxes.items()}

    def unmoved(self, name: str, part: Any) -> Tensor:
        """Raise UsageError: nothing else is mixed."""
        return refused(name)


def partners(images: Tensor, drawn: Tensor) -> Tensor:
    """Return for each image the one that it is mixed with."""
    return ops.take(images, ops.cast(drawn[:, 1], "int64"), 0)


def mixed_labels(labels: Tensor, drawn: Tensor) -> Tensor:
    """Return labels (batch, classes) mixed by the weights that were drawn."""
    weight = ops.cast(drawn[:, :1], labels.dtype)
    return weight * labels + (1 - weight) * partners(labels, drawn)


def refused(name: str) -> Tensor:
    """Raise UsageError for what a layer that mixes images does not mix."""
    from layercli.errors import UsageError

    raise UsageError(f"mixes images, and does not mix {name} with them")
