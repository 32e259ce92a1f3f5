"""What rotation, translation and zoom share: random affine maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli.core.operation import Op
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import one_of
from layercli.ops.image.affine import Resample

FillMode = Annotated[str, one_of("constant", "nearest", "wrap", "reflect")]  # Keras's layers have no mode "mirror"


Interpolation = Annotated[str, one_of("bilinear", "nearest")]


class RandomAffine(BaseRandomImageLayer):
    """In training, resample each image under an affine map of its own, which the op ``map`` computes from random factors."""

    floats = True

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.map: type[Op]
            self.fill_mode: str
            self.interpolation: str
            self.fill_value: float

    def settle(self, *ends: tuple[float, float]) -> None:
        """Make the ops of the settings."""
        super().settle(*ends)
        self.mapped = self.map(self.channels_first)  # type: ignore[call-arg]  # each map's only setting
        self.resample = Resample(self.interpolation, self.fill_mode, self.fill_value, self.channels_first)

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the images under the maps."""
        return self.resample(images, self.mapped(images, drawn))
