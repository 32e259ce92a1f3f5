"""What the layers that move the pixels of images at random share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core.operation import Op
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import Size
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import one_of
from layercli.ops.image.affine import Resample
from layercli.ops.image.boxes import through_map

FillMode = Annotated[str, one_of("constant", "nearest", "wrap", "reflect")]  # Keras's layers have no mode "mirror"


Interpolation = Annotated[str, one_of("bilinear", "nearest")]


class RandomWarp(BaseRandomImageLayer):
    """In training, resample each image at random positions; masks of segmentation at the nearest pixels to the same ones."""

    floats = True

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.resample: Op
            self.resample_masks: Op

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images warped."""
        return self.warped(images, drawn, self.resample)

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Tensor:
        """Return masks warped as the images are."""
        return self.warped(masks, drawn, self.resample_masks)

    def warped(self, images: Tensor, drawn: Tensor, resample: object) -> Tensor:
        """Return images warped by an op that resamples them."""
        raise NotImplementedError(f"{type(self).__name__} has no warped(images, drawn, resample)")


class RandomAffine(RandomWarp):
    """In training, resample each image under an affine map of its own, which the op ``map`` computes from random factors."""

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.map: type[Op]
            self.fill_mode: str
            self.interpolation: str
            self.fill_value: float

    def set_factors(self, *ends: tuple[float, float]) -> None:
        """Make the ops of the settings."""
        super().set_factors(*ends)
        self.mapped = self.map(self.channels_first)  # type: ignore[call-arg]  # each map's only setting
        self.resample, self.resample_masks = (
            Resample(way, self.fill_mode, self.fill_value, self.channels_first)
            for way in (self.interpolation, "nearest")
        )

    def warped(self, images: Tensor, drawn: Tensor, resample: Any) -> Any:
        """Return the images under the maps."""
        return resample(images, self.mapped(images, drawn))

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return the boxes that enclose those under the maps."""
        return through_map(boxes, self.mapped(blank(size, self.channels_first), *drawn)), size


def blank(size: Size, channels_first: bool) -> Tensor:
    """Return an image of that size, of which an op takes the size alone."""
    return ops.zeros((1, 1, *size) if channels_first else (1, *size, 1))
