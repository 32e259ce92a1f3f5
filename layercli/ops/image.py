"""Operations on images, one or a batch of them, as Keras's ``ops.image``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

FAMILIES = {
    "colors": "hsv_to_rgb rgb_to_grayscale rgb_to_hsv",
    "filtering": "gaussian_blur sobel_edges ssim",
    "framing": "crop_images pad_images resize",
    "patches": "extract_patches extract_patches_3d",
    "scaling": "scale_and_translate",
    "warping": "affine_transform elastic_transform map_coordinates perspective_transform",
}
"""Where each operation is."""

HOMES = {name: family for family, names in FAMILIES.items() for name in names.split()}

__all__ = sorted(HOMES)  # the table is the one list


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"layercli.ops.image has no operation {name!r}")
    return getattr(import_module(f"layercli.ops.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
