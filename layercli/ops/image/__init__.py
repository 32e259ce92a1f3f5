"""Operations on one image or a batch of images, as ``keras.ops.image``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from layercli.core.namespace import keep_functions

MODULES = {
    "image.color": "hsv_to_rgb rgb_to_grayscale rgb_to_hsv",
    "image.crop_pad": "crop_images pad_images resize",
    "image.filters": "gaussian_blur sobel_edges ssim",
    "image.patches": "extract_patches extract_patches_3d",
    "image.scale_translate": "scale_and_translate",
    "image.warp": "affine_transform elastic_transform map_coordinates perspective_transform",
}
"""The public functions of each module."""

MODULE_OF = {name: module for module, names in MODULES.items() for name in names.split()}

__all__ = sorted(MODULE_OF)  # MODULES is the only list of names


def __getattr__(name: str) -> Any:
    if name not in MODULE_OF:
        raise AttributeError(f"layercli.ops.image has no operation {name!r}")
    return getattr(import_module(f"layercli.ops.{MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
