"""Bounding boxes: formats, overlaps, and layers that move them, against Keras for given random numbers and against the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import layers
from layercli.ops.image.boxes import FORMATS
from layercli.utils import bounding_boxes
from tests.keras_parity import close, keras

RNG = np.random.default_rng(0)
SIZE = (12, 10)


def boxes_of(*shape):
    """Return boxes in xyxy within images of SIZE."""
    return np.sort(RNG.uniform(0, 10, (*shape, 2, 2)), -2).reshape(*shape, 4).astype("float32")


BOXES, OTHERS = boxes_of(3, 4), boxes_of(3, 5)
LABELS = np.arange(12, dtype="int32").reshape(3, 4)
X = RNG.uniform(0, 255, (3, *SIZE, 3)).astype("float32")


@pytest.mark.parametrize("source", FORMATS)
def test_formats(source):
    for target in FORMATS:
        theirs = keras.utils.bounding_boxes.convert_format(BOXES, source, target, *SIZE)
        close(bounding_boxes.convert_format(BOXES, source, target, *SIZE), theirs, 1e-5)


def test_overlaps_and_differences():
    theirs = keras.utils.bounding_boxes
    for first, second in ((BOXES, OTHERS), (BOXES[0], OTHERS[0]), (BOXES, OTHERS[0])):
        for kind in ("xyxy", "rel_yxyx"):
            settings = {"bounding_box_format": kind, "image_shape": (*SIZE, 3)}
            wanted = theirs.compute_iou(first, second, **settings)
            close(bounding_boxes.compute_iou(first, second, **settings), wanted, 1e-5)
    pairs = (BOXES, OTHERS[:, :4], "xyxy")
    close(bounding_boxes.compute_ciou(*pairs), theirs.compute_ciou(*pairs), 1e-4)
    settings = {"anchor_format": "xyxy", "box_format": "xywh", "variance": [0.1, 0.1, 0.2, 0.2]}
    deltas = bounding_boxes.encode_box_to_deltas(BOXES[0], OTHERS[:, :4], **settings)
    close(deltas, theirs.encode_box_to_deltas(BOXES[0], OTHERS[:, :4], **settings), 1e-4)
    close(bounding_boxes.decode_deltas_to_boxes(BOXES[0], deltas, **settings), OTHERS[:, :4], 1e-3)
    masked = bounding_boxes.compute_iou(np.array([[-1.0] * 4, [0, 0, 2, 2]]), np.array([[0.0, 0, 2, 1]]), "xyxy", True)
    assert masked.tolist() == [[-1.0], [pytest.approx(0.5)]]


def test_maps_of_boxes():
    values = [
        np.array(v, "float32")
        for v in ([10, -30, 200], [0.1, 0, -0.2], [0, 0.1, 0], [1, 1.2, 0.7], [5, -8, 0], [0, 3, 9])
    ]
    theirs = keras.utils.bounding_boxes
    tensors = [keras.ops.convert_to_tensor(v) for v in (BOXES, *values)]
    close(bounding_boxes.affine_transform(BOXES, *values, *SIZE), theirs.affine_transform(*tensors, *SIZE), 1e-4)
    close(bounding_boxes.crop(BOXES, 2, 1, 5, 6), theirs.crop(tensors[0], 2, 1, 5, 6), 1e-6)
    close(bounding_boxes.pad(BOXES, 2, 1), theirs.pad(tensors[0], 2, 1), 1e-6)


U = np.array([[0.2], [0.7], [0.4]], "float32")
ANGLES = np.array([[20.0], [-50.0], [130.0]], "float32")
MOVES = np.array([[0.2, 0.1], [-0.3, 0.2], [0.0, -0.1]], "float32")
ZOOMS = np.array([[0.8, 1.3], [1.2, 0.6], [1.0, 1.0]], "float32")
WARPS = np.concatenate([[[0.9, 0.2]] * 3, RNG.uniform(-0.3, 0.3, (3, 8))], 1).astype("float32")
CORNERS = np.tile(np.array([[0, 0], [9, 0], [0, 11], [9, 11]], "float32"), (3, 1, 1))
SHAPE = X.shape
MOVED = [
    ("RandomFlip", {"mode": "horizontal"}, U, {"flips": U[:, :, None, None] <= 0.5, "input_shape": SHAPE}),
    ("RandomFlip", {"mode": "vertical"}, U, {"flips": U[:, :, None, None] <= 0.5, "input_shape": SHAPE}),
    ("RandomRotation", {"factor": 0.4}, ANGLES, {"angle": ANGLES[:, 0], "image_height": 12, "image_width": 10, "batch_size": 3}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.4}, MOVES,
     {"translations": MOVES[:, ::-1] * np.array([10, 12], "float32"), "input_shape": SHAPE}),
    ("RandomZoom", {"height_factor": 0.4, "width_factor": 0.4}, ZOOMS,
     {"height_zoom": ZOOMS[:, :1], "width_zoom": ZOOMS[:, 1:], "input_shape": SHAPE}),
    ("RandomPerspective", {}, WARPS,
     {"start_points": CORNERS, "end_points": CORNERS * (1 + WARPS[:, 2:].reshape(3, 4, 2)),
      "apply_perspective": np.array([True] * 3), "input_shape": SHAPE}),
    ("CenterCrop", {"height": 6, "width": 5}, None, {"input_shape": SHAPE}),
    ("CenterCrop", {"height": 24, "width": 30}, None, {"input_shape": SHAPE}),
    ("Resizing", {"height": 24, "width": 30}, None, SIZE),
    ("Resizing", {"height": 24, "width": 20, "crop_to_aspect_ratio": True}, None, SIZE),
    ("Resizing", {"height": 24, "width": 24, "pad_to_aspect_ratio": True}, None, SIZE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "drawn", "transformation"), MOVED, ids=lambda x: str(x)[:30])
def test_keras_moves_boxes_to_the_same_places(name, settings, drawn, transformation):
    layer = getattr(keras.layers, name)(**settings, bounding_box_format="xyxy")
    if isinstance(transformation, dict):
        keep = ("image_height", "image_width", "batch_size", "input_shape")
        transformation = {k: v if k in keep else keras.ops.convert_to_tensor(v) for k, v in transformation.items()}
    given = {"boxes": keras.ops.convert_to_tensor(BOXES), "labels": keras.ops.convert_to_tensor(LABELS)}
    theirs = layer.transform_bounding_boxes(given, transformation)
    for kind in ("xyxy", "rel_center_xywh"):
        boxes = {"boxes": bounding_boxes.convert_format(BOXES, "xyxy", kind, *SIZE), "labels": torch.tensor(LABELS)}
        ours = getattr(layers, name)(**settings, bounding_box_format=kind)
        if drawn is None:
            found = ours({"images": X, "bounding_boxes": boxes})["bounding_boxes"]
        else:
            found = ours.random_transform_boxes(boxes, torch.tensor(X), torch.tensor(drawn))
        size = (settings["height"], settings["width"]) if drawn is None else SIZE
        close(bounding_boxes.convert_format(found["boxes"], kind, "xyxy", *size), theirs["boxes"], 1e-4)
        np.testing.assert_array_equal(found["labels"], theirs["labels"])


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomCrop(50, 44, seed=1),
        layers.RandomCrop(90, 70, seed=1),
        layers.RandomShear(0.3, 0.2, seed=3),
        layers.RandomRotation((0.25, 0.25), seed=1),
        layers.RandomZoom((0.2, 0.2), seed=1),
        layers.Resizing(40, 90, crop_to_aspect_ratio=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_boxes_and_masks_stay_around_their_pixels(layer):
    images = np.zeros((2, 60, 60, 1), "float32")
    images[0, 22:34, 20:44] = images[1, 25:31, 30:36] = 1
    boxes = np.array([[[20, 22, 44, 34]], [[30, 25, 36, 31]]], "float32")
    config = layer.get_config() | {"bounding_box_format": "xyxy", "fill_mode": "constant"}
    taken = type(layer)._fields
    moving = type(layer)(**{key: value for key, value in config.items() if key in taken})
    given = {
        "images": images,
        "segmentation_masks": images,
        "bounding_boxes": {"boxes": boxes, "labels": np.array([[3], [4]])},
    }
    out = moving(given, training=True)
    assert out["bounding_boxes"]["labels"].tolist() == [[3], [4]]
    for name in ("images", "segmentation_masks"):
        for image, [box] in zip(out[name].numpy(), out["bounding_boxes"]["boxes"].numpy(), strict=True):
            rows, columns = np.nonzero(image[..., 0] > 0.5)
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, seen, atol=2.1)


def test_boxes_of_both_images_are_mixed():
    given = {"images": X, "bounding_boxes": {"boxes": BOXES, "labels": LABELS}}
    mixed = layers.MixUp(seed=1)(given, training=True)["bounding_boxes"]
    assert mixed["boxes"].shape == (3, 8, 4)
    np.testing.assert_array_equal(mixed["boxes"][:, :4], BOXES)
    assert all(LABELS[row].tolist() in LABELS.tolist() for row in range(3))
    for row in range(3):
        partner = LABELS.tolist().index(mixed["labels"][row, 4:].tolist())
        np.testing.assert_array_equal(mixed["boxes"][row, 4:], BOXES[partner])
    kept = layers.RandAugment(seed=1, bounding_box_format="xyxy")(given, training=True)["bounding_boxes"]
    assert kept["boxes"].shape == BOXES.shape
    np.testing.assert_array_equal(
        layers.RandomFlip(bounding_box_format="xyxy")(given, training=False)["bounding_boxes"]["boxes"], BOXES
    )
    config = layers.RandomFlip(bounding_box_format="XYWH").get_config()
    assert config["bounding_box_format"] == "xywh"
    assert "bounding_box_format" not in layers.RandomFlip().get_config()
