"""Images moved, turned and zoomed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli.core.operation import Op
from layercli.layers.images import RandomImages
from layercli.layers.settings import DataFormat, Number, Seed, ends_of, factor, one_of
from layercli.ops.image.affine import Resample, Rotation, Translation, Zoom

FillMode = Annotated[str, one_of("constant", "nearest", "wrap", "reflect")]  # Keras's layers know no mirror
Interpolation = Annotated[str, one_of("bilinear", "nearest")]


class RandomAffine(RandomImages):
    """In training, out = x resampled under an affine map of its own for each image, made by the op ``map`` of what is drawn."""

    floats = True

    if TYPE_CHECKING:  # settings, and what each layer has of its own
        map: type[Op]
        fill_mode: str
        interpolation: str
        fill_value: float

    def settle(self, *ends: tuple[float, float]) -> None:
        """Make the ops of the settings."""
        super().settle(*ends)
        self.mapped = self.map(self.channels_first)  # type: ignore[call-arg]  # each map's only setting
        self.resample = Resample(self.interpolation, self.fill_mode, self.fill_value, self.channels_first)

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the images under the maps."""
        return self.resample(images, self.mapped(images, drawn))


class RandomTranslation(RandomAffine):
    """In training, out = x moved down by a part of its height and right by a part of its width, drawn between the factors.

    A factor f is between -f and f, a pair between its numbers, all from -1 to 1; below 0 is up and left. What comes into view
    is x mirrored with its edge (``fill_mode`` reflect), repeated (wrap), its edge (nearest), or ``fill_value`` (constant).
    """

    height_factor: Annotated[Any, factor(-1, 1)]
    width_factor: Annotated[Any, factor(-1, 1)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Translation

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.settle(ends_of(self.height_factor), ends_of(self.width_factor))


class RandomRotation(RandomAffine):
    """In training, out = x turned around its centre, counter-clockwise by a part of a whole turn drawn between the factors.

    A ``factor`` f is between -f and f, a pair between its numbers. What comes into view is as with RandomTranslation.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Rotation

    def setup(self) -> None:
        """Make the ops of the settings."""
        low, high = ends_of(self.factor)
        self.settle((low * 360, high * 360))


class RandomZoom(RandomAffine):
    """In training, out = 1 + f times x's height and width around its centre, f drawn between the factors: below 0 is nearer.

    A factor f is between -f and f, a pair between its numbers, all from -1 (excluded) to 1; without a ``width_factor`` the
    ratio of sides stays. What comes into view is as with RandomTranslation.
    """

    height_factor: Annotated[Any, factor(-1, 1, excluded=True)]
    width_factor: Annotated[Any, factor(-1, 1, excluded=True, optional=True)] = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Zoom

    def setup(self) -> None:
        """Make the ops of the settings."""
        factors = [self.height_factor, self.width_factor] if self.width_factor is not None else [self.height_factor]
        self.settle(*((1 + low, 1 + high) for low, high in map(ends_of, factors)))
