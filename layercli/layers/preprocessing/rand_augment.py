"""RandAugment."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import Tensor
from layercli.layers.preprocessing.augmentations import augmentations
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.preprocessing.random_affine import Interpolation
from layercli.layers.validators import DataFormat, FractionRange, PositiveInt, Seed, ValueRange
from layercli.ops.random.mixing import ChainDraws


class RandAugment(BaseRandomImageLayer):
    """In training, apply num_ops augmentations to the batch, one after the other, each chosen at random from eleven.

    They are RandomShear, RandomTranslation, RandomRotation, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomSharpness, RandomPosterization, Solarization, AutoContrast and Equalization. Reference: Cubuk et al., "RandAugment", 2020.

    Args:
        num_ops: The number of augmentations of a batch.
        factor: The range of their factors: a number s for (0, s), or a pair; from 0 to 1.
    """

    value_range: ValueRange = (0, 255)
    num_ops: PositiveInt = 2
    factor: FractionRange = 0.5
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    data_format: DataFormat = None

    floats = True

    def setup(self) -> None:
        """Make the layers of the settings."""
        self.op = ChainDraws(0, self.num_ops, 1.0, self.seed)
        self.augmentations = augmentations(self)

    def transform_batch(self, parts: dict[str, Any], training: bool) -> dict[str, object]:
        """Return images with what belongs to them as the chosen layers leave them."""
        parts = {**parts, "images": ops.cast(parts["images"], self.compute_dtype)}
        if not training or isinstance(parts["images"], SymbolicTensor):  # whichever are chosen, shape and dtype stay
            return parts
        for layer in self._chosen(self.drawn(parts["images"])):
            parts = layer(parts, training=True)
        return {**parts, "images": ops.cast(parts["images"], self.compute_dtype)}

    def _drawn(self, images: Tensor, seed: object) -> object:
        """Return the chosen layers, each with what it draws."""
        chosen = self._chosen(super()._drawn(images, seed))
        return [(layer, layer.get_random_transformation(images)) for layer in chosen]

    def _chosen(self, drawn: Any) -> list[Any]:
        """Return the layers that random numbers choose."""
        return [self.augmentations[int(value * len(self.augmentations))] for value in drawn[1:].tolist()]

    def change_part(self, name: str, part: Any, images: Tensor, drawn: Any, training: bool) -> Any:
        """Return one part of a batch as the chosen layers leave it with what they drew."""
        if name == "images":
            part = ops.cast(part, self.compute_dtype)
        for layer, transformation in drawn or () if training else ():
            part = getattr(layer, f"transform_{name}")(part, transformation, training)
        return ops.cast(part, self.compute_dtype) if name == "images" else part
