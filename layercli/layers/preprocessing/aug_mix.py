"""AugMix."""

from __future__ import annotations

from typing import Any

from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import Tensor
from layercli.layers.preprocessing.augmentations import augmentations
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.preprocessing.random_affine import Interpolation
from layercli.layers.preprocessing.random_color import within
from layercli.layers.validators import Bool, DataFormat, FractionRange, Number, PositiveInt, Seed, ValueRange
from layercli.ops.random.mixing import ChainDraws


class AugMix(BaseRandomImageLayer):
    """In training, out = w x + (1 - w) m, where m is a weighted mean of results of several chains of augmentations.

    w has the distribution Beta(alpha, alpha), the weights of the chains Dirichlet(alpha, ...). Each step of a chain is chosen at
    random from the augmentations and nothing. Reference: Hendrycks et al., "AugMix", 2020.

    Args:
        num_chains: The number of chains.
        chain_depth: The number of steps of a chain.
        factor: The range of the augmentations' factors: a number s for (0, s), or a pair; from 0 to 1.
        alpha: The parameter of the distributions of the weights.
        all_ops: Whether to use all eleven augmentations of RandAugment; otherwise without those of colours and sharpness.
    """

    value_range: ValueRange = (0, 255)
    num_chains: PositiveInt = 3
    chain_depth: PositiveInt = 3
    factor: FractionRange = 0.3
    alpha: Number = 1.0
    all_ops: Bool = True
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    data_format: DataFormat = None

    floats = True

    def setup(self) -> None:
        """Make the layers of the settings."""
        self.op = ChainDraws(self.num_chains, self.num_chains * self.chain_depth, self.alpha, self.seed)
        self.augmentations = augmentations(self, self.all_ops)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images mixed with the results of the chains."""
        if isinstance(images, SymbolicTensor):  # whichever are chosen, shape and dtype stay
            return images
        weights, weight = drawn[: self.num_chains].to(images.dtype), drawn[self.num_chains].to(images.dtype)
        indices = (drawn[self.num_chains + 1 :] * (len(self.augmentations) + 1)).long().reshape(self.num_chains, -1)
        mixed = sum(part * self._chained(images, chain) for part, chain in zip(weights, indices.tolist(), strict=True))
        return within(weight * images + (1 - weight) * mixed, self.value_range)

    def random_transform_boxes(self, boxes: Tensor, images: Tensor, drawn: Tensor) -> Any:
        """Return the boxes, which stay where they are: the image that is not moved is a part of the mix."""
        return boxes

    def _chained(self, images: Tensor, indices: list[int]) -> Tensor:
        """Return the images transformed by the layers of those indices in turn; the index after the last is the identity."""
        for index in indices:
            if index < len(self.augmentations):
                images = self.augmentations[index](images, training=True)
        return images
