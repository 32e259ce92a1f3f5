"""Images as Pillow's and as arrays."""

from __future__ import annotations

from layercli.utils.image_files import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
