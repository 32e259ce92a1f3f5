"""Bounding boxes, as in Keras's ``utils.bounding_boxes``: formats, overlaps, and what moves them."""

from layercli.ops.image.box_overlaps import compute_ciou, compute_iou, decode_deltas_to_boxes, encode_box_to_deltas
from layercli.ops.image.boxes import affine_transform, clip_to_image_size, convert_format, crop, pad

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
