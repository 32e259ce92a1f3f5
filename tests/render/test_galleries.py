"""Boxes and masks drawn on images, and galleries of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layercli import visualization
from layercli.errors import DTypeError, MissingPackageError, UsageError
from tests.keras_parity import keras

IMAGES = np.random.default_rng(0).integers(0, 200, (3, 20, 30, 3)).astype("float32")
MASKS = np.zeros((3, 20, 30, 1), "int32")
MASKS[:, 5:9, 4:20] = 2
MASKS[:, 12:, :6] = 1
BOXES = {"boxes": np.array([[[4, 5, 20, 15], [0, 0, 3, 3]]] * 3), "labels": np.array([[1, -1]] * 3)}


@pytest.mark.parametrize(
    "settings", [{}, {"alpha": 0.3, "ignore_index": 0}, {"color_mapping": {0: (9, 8, 7), 1: (1, 2, 3), 2: (255, 0, 0)}}]
)
def test_masks_are_drawn_as_keras_draws_them(settings):
    theirs = keras.visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=3, **settings)
    if "color_mapping" in settings:
        settings = {"color_mapping": {**settings["color_mapping"], 3: (0, 0, 0)}}
    ours = visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=3, **settings)
    assert np.abs(ours.astype(int) - np.asarray(theirs).astype(int)).max() <= 1  # a half is rounded to either side
    first = IMAGES.transpose(0, 3, 1, 2), MASKS.transpose(0, 3, 1, 2)
    drawn = visualization.draw_segmentation_masks(*first, 3, data_format="channels_first", **settings)
    np.testing.assert_array_equal(drawn, ours)
    np.testing.assert_array_equal(visualization.draw_segmentation_masks(IMAGES, MASKS[..., 0], 3, **settings), ours)


def test_boxes_are_drawn_at_their_places():
    drawn = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color=(255, 0, 1), line_thickness=1)
    changed = (drawn != IMAGES.astype("uint8")).any(-1)[0]
    edge = np.zeros((20, 30), bool)
    edge[5:16, 4:21] = True
    edge[6:15, 5:20] = False
    np.testing.assert_array_equal(changed, edge)
    assert (drawn[0][edge] == (255, 0, 1)).all()
    named = visualization.draw_bounding_boxes(IMAGES / 255, BOXES, "xyxy", {1: "cat"}, (255, 0, 1), font_scale=0.4)
    assert (named[0] == (255, 0, 1)).all(-1).sum() > edge.sum()


def test_galleries(tmp_path):
    visualization.plot_image_gallery(
        IMAGES, y_true=[0, 1, 1], label_map={0: "cat"}, rows=1, cols=3, path=tmp_path / "a.png"
    )
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (360, 80 + 16)
        shown = np.asarray(image)
    np.testing.assert_array_equal(shown[-80::4, :120:4, :3], IMAGES[0].astype("uint8"))
    assert shown[:16, :120, 3].any()
    visualization.plot_segmentation_mask_gallery(IMAGES, 2, y_true=MASKS, y_pred=MASKS, path=tmp_path / "b.png")
    visualization.plot_bounding_box_gallery(
        IMAGES, "xyxy", BOXES, BOXES, legend=True, rows=1, cols=3, transparent=False, path=tmp_path / "c.jpg"
    )
    sizes = []
    for name in ("b.png", "c.jpg"):
        with Image.open(tmp_path / name) as image:
            sizes.append((image.size, image.mode))
    assert sizes == [((360, 240), "RGBA"), ((360, 96), "RGB")]


def test_what_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"^plot_image_gallery takes a path, or show=True, not both$"):
        visualization.plot_image_gallery(IMAGES, path="a.png", show=True)
    with pytest.raises(UsageError, match=r"^images are not written as '\.txt'$"):
        visualization.plot_image_gallery(IMAGES, path=tmp_path / "a.txt")
    with pytest.raises(DTypeError, match=r"^the masks of segmentation are integers, got float32$"):
        visualization.draw_segmentation_masks(IMAGES, MASKS.astype("float32"))
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(__import__("sys").modules, "PIL.ImageDraw", None)
    with pytest.raises(MissingPackageError, match=r"^drawing on images needs Pillow, which is not installed$"):
        visualization.plot_image_gallery(IMAGES)
