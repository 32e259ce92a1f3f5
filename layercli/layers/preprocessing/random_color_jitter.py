"""RandomColorJitter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.preprocessing.random_brightness import RandomBrightness
from layercli.layers.preprocessing.random_contrast import RandomContrast
from layercli.layers.preprocessing.random_hue import RandomHue
from layercli.layers.preprocessing.random_saturation import RandomSaturation
from layercli.layers.validators import DataFormat, Seed, ValueRange


class RandomColorJitter(BaseImagePreprocessingLayer):
    """In training, change brightness, contrast, saturation and hue of each image at random, in this order.

    Args:
        brightness_factor: The factor of RandomBrightness; None to leave the brightness.
        contrast_factor: The factor of RandomContrast; None to leave the contrast.
        saturation_factor: The factor of RandomSaturation; None to leave the saturation.
        hue_factor: The factor of RandomHue; None to leave the hue.
    """

    value_range: ValueRange = (0, 255)
    brightness_factor: Any = None
    contrast_factor: Any = None
    saturation_factor: Any = None
    hue_factor: Any = None
    seed: Seed = None
    data_format: DataFormat = None

    moves_pixels = False

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.random_brightness: Layer | None
            self.random_contrast: Layer | None
            self.random_saturation: Layer | None
            self.random_hue: Layer | None

    def setup(self) -> None:
        """Make the layers of the settings."""
        kinds = {
            "brightness": RandomBrightness,
            "contrast": RandomContrast,
            "saturation": RandomSaturation,
            "hue": RandomHue,
        }
        for place, (name, kind) in enumerate(kinds.items()):
            factor, seed = getattr(self, f"{name}_factor"), None if self.seed is None else self.seed + place
            settings = {"value_range": self.value_range, "seed": seed, "data_format": self.data_format}
            setattr(self, f"random_{name}", None if factor is None else kind(factor=factor, **settings))

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the images, in training changed by each layer."""
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        for layer in (self.random_brightness, self.random_contrast, self.random_saturation, self.random_hue):
            images = images if layer is None else layer(images, training=True)
        return images
