"""Images moved, turned and zoomed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli.core.operation import Op
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import one_of
from layercli.ops.image.affine import Resample

FillMode = Annotated[str, one_of("constant", "nearest", "wrap", "reflect")]  # Keras's layers know no mirror


Interpolation = Annotated[str, one_of("bilinear", "nearest")]


class RandomAffine(BaseRandomImageLayer):
    """In training, out = x resampled under an affine map of its own for each image, made by the op ``map`` of what is drawn."""

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
