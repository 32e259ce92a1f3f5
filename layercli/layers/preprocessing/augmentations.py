"""The augmentations that RandAugment and AugMix choose from."""

from __future__ import annotations

from typing import Any

from layercli.layers.preprocessing.auto_contrast import AutoContrast
from layercli.layers.preprocessing.equalization import Equalization
from layercli.layers.preprocessing.random_brightness import RandomBrightness
from layercli.layers.preprocessing.random_color_degeneration import RandomColorDegeneration
from layercli.layers.preprocessing.random_contrast import RandomContrast
from layercli.layers.preprocessing.random_posterization import RandomPosterization
from layercli.layers.preprocessing.random_rotation import RandomRotation
from layercli.layers.preprocessing.random_sharpness import RandomSharpness
from layercli.layers.preprocessing.random_shear import RandomShear
from layercli.layers.preprocessing.random_translation import RandomTranslation
from layercli.layers.preprocessing.solarization import Solarization
from layercli.layers.validators import factor_range


def augmentations(owner: Any, colors: bool = True) -> list[Any]:
    """Return the layers by the settings of a layer that chooses from them; without ``colors`` those of AugMix's paper alone."""
    factor = factor_range(owner.factor, 0)
    shared: dict[str, Any] = {
        "data_format": owner.data_format,
        "dtype": owner.dtype_policy,
        "bounding_box_format": owner.bounding_box_format,
    }
    colored = {**shared, "value_range": owner.value_range}
    warped = {**shared, "interpolation": owner.interpolation}
    random: list[tuple[Any, dict[str, Any]]] = [
        (RandomShear, {"x_factor": factor, "y_factor": factor, **warped}),
        (RandomTranslation, {"height_factor": factor, "width_factor": factor, **warped}),
        (RandomRotation, {"factor": factor, **warped}),
        (RandomPosterization, {"factor": max(1, int(8 * factor[1])), **colored}),
        (Solarization, {"addition_factor": factor, "threshold_factor": factor, **colored}),
    ]
    if colors:
        random += [
            (kind, {"factor": factor, **colored})
            for kind in (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness)
        ]
    seeds = [None if owner.seed is None else owner.seed + 1 + place for place in range(len(random))]
    found = [kind(**settings, seed=seed) for (kind, settings), seed in zip(random, seeds, strict=True)]
    return [*found, AutoContrast(**colored), Equalization(**colored)]
