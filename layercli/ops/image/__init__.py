"""Operations on one image or a batch of images, as ``keras.ops.image``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layercli.core.namespace import keep_functions

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.ops.image.color import hsv_to_rgb as hsv_to_rgb
    from layercli.ops.image.color import rgb_to_grayscale as rgb_to_grayscale
    from layercli.ops.image.color import rgb_to_hsv as rgb_to_hsv
    from layercli.ops.image.crop_pad import crop_images as crop_images
    from layercli.ops.image.crop_pad import pad_images as pad_images
    from layercli.ops.image.crop_pad import resize as resize
    from layercli.ops.image.filters import gaussian_blur as gaussian_blur
    from layercli.ops.image.filters import sobel_edges as sobel_edges
    from layercli.ops.image.filters import ssim as ssim
    from layercli.ops.image.patches import extract_patches as extract_patches
    from layercli.ops.image.patches import extract_patches_3d as extract_patches_3d
    from layercli.ops.image.scale_translate import scale_and_translate as scale_and_translate
    from layercli.ops.image.warp import affine_transform as affine_transform
    from layercli.ops.image.warp import elastic_transform as elastic_transform
    from layercli.ops.image.warp import map_coordinates as map_coordinates
    from layercli.ops.image.warp import perspective_transform as perspective_transform

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


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name not in MODULE_OF:
            raise AttributeError(f"layercli.ops.image has no operation {name!r}")
        return getattr(import_module(f"layercli.ops.{MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
