"""Layers that move pixels at random, and that mix images, against Keras's transform_images for given random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import LayercliError
from tests.keras_parity import close, keras

X = np.random.default_rng(0).uniform(0, 255, (3, 12, 10, 3)).astype("float32")
LABELS = np.eye(3, dtype="float32")
MOVES = np.random.default_rng(1).uniform(-0.3, 0.3, (3, 8)).astype("float32")
SHEARS = np.array([[0.2, 0.313, 0.127], [0.7, 0.131, 0.413], [0.9, 0.617, 0.219]], dtype="float32")
CHANCES = np.array([[0.9, 0.3], [0.7, 0.1], [0.1, 0.6]], dtype="float32")
PLACES = np.array([[0.2, 0.3, 0.1, 0.9], [0.1, 0.02, 0.5, 0.4], [0.3, 0.2, 0.2, 0.3]], dtype="float32")
MIX = np.array([[0.3, 2, 0.1, 0.9], [0.81, 0, 0.5, 0.4], [0.5, 1, 0.2, 0.3]], dtype="float32")
CORNERS = np.tile(np.array([[0, 0], [9, 0], [0, 11], [9, 11]], dtype="float32"), (3, 1, 1))


def window(sides, places):
    """Return which pixels (3, 12, 10, 3) lie in windows of these sides and places, across and down."""
    inside = []
    for axis, size in enumerate((10, 12)):
        length = sides[:, axis, None] * size
        start = places[:, axis, None] * (size - length)
        pixels = np.arange(size, dtype="float32")[None]
        inside.append((pixels >= start) & (pixels < start + length))
    return np.repeat((inside[1][:, :, None] & inside[0][:, None, :])[..., None], 3, -1)


ERASED = {
    "apply_erasing": CHANCES[:, 1] < CHANCES[:, 0],
    "batch_masks": window(np.sqrt(PLACES[:, :2]), PLACES[:, 2:]),
    "fill_value": np.full(X.shape, 7, "float32"),
}
SIDES = np.sqrt(1 - MIX[:, [0, 0]])
GIVEN = [
    ("RandomShear", {"x_factor": 0.5}, SHEARS, {
        "shear_factor": SHEARS[:, 1:] * np.where(SHEARS[:, :1] > 0.5, -1, 1).astype("float32"), "input_shape": X.shape}),
    ("RandomPerspective", {"fill_value": 3.0}, np.concatenate([CHANCES, MOVES], 1), {
        "apply_perspective": CHANCES[:, 1] < CHANCES[:, 0], "start_points": CORNERS,
        "end_points": CORNERS + CORNERS * MOVES.reshape(3, 4, 2), "input_shape": X.shape}),
    ("RandomGaussianBlur", {"kernel_size": (3, 5)}, np.concatenate([CHANCES, np.tile([[0.8, 0.5]], (3, 1))], 1).astype("float32"), {
        "should_apply_blur": CHANCES[:, 1] < CHANCES[:, 0], "blur_factor": np.array([0.8, 0.5], "float32") + np.float32(1e-6)}),
    ("RandomErasing", {"fill_value": 7.0}, np.concatenate([CHANCES, PLACES], 1), ERASED),
    ("MixUp", {}, MIX, {"mix_weight": MIX[:, 0], "permutation_order": MIX[:, 1].astype("int32")}),
    ("CutMix", {}, MIX, {
        "batch_masks": window(SIDES, MIX[:, 2:]), "mix_weight": MIX[:, 0], "permutation_order": MIX[:, 1].astype("int32")}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "drawn", "transformation"), GIVEN, ids=[name for name, *_ in GIVEN])
def test_keras_gives_the_same_for_the_same_random_numbers(name, settings, drawn, transformation):
    theirs = getattr(keras.layers, name)(**settings)
    expected = np.asarray(theirs.transform_images(X, transformation))
    for data_format in ("channels_last", "channels_first"):
        layer = getattr(layers, name)(**settings, data_format=data_format)
        turned = X if data_format == "channels_last" else np.ascontiguousarray(X.transpose(0, 3, 1, 2))
        ours = layer.random_transform(torch.tensor(turned), torch.tensor(drawn))
        close(ours if data_format == "channels_last" else ours.permute(0, 2, 3, 1), expected, 1e-4)
    layer = getattr(layers, name)(**settings)
    if name in ("MixUp", "CutMix"):
        labels = np.asarray(theirs.transform_labels(LABELS, transformation))
        close(layer.random_transform_labels(torch.tensor(LABELS), torch.tensor(drawn)), labels)
    elif layer.moves_pixels:
        masks = np.asarray(theirs.transform_segmentation_masks(X, transformation))
        close(layer.random_transform_masks(torch.tensor(X), torch.tensor(drawn)), masks)


RANDOM = [
    *((name, settings) for name, settings, *_ in GIVEN),
    ("RandomElasticTransform", {}),
    ("RandAugment", {}),
    ("AugMix", {}),
]


@pytest.mark.parametrize(("name", "settings"), RANDOM, ids=[name for name, _ in RANDOM])
@pytest.mark.parametrize("seed", [None, 3])
def test_training_changes_images_and_inference_does_not(name, settings, seed):
    layer = getattr(layers, name)(**settings, seed=seed)
    outs = [layer(X, training=True) for _ in range(12)]
    assert any(not np.allclose(out, X, atol=0.5) for out in outs)
    assert all(out.shape == X.shape and out.isfinite().all() for out in outs)
    np.testing.assert_array_equal(layer(X, training=False), X)
    assert layer(X[0], training=True).shape == X[0].shape
    if seed is not None:
        again = getattr(layers, name)(**settings, seed=seed)
        for out in outs[:2]:
            np.testing.assert_array_equal(again(X, training=True), out)
    assert (
        str(getattr(layers, name)(**settings)(Input((None, "W", 3)), training=True).spec) == "float32[None, None, W, 3]"
    )


def test_masks_and_labels_go_with_their_images():
    rows = np.tile(np.arange(12, dtype="float32")[:, None, None], (40, 1, 10, 1))
    out = layers.RandomFlip("vertical", seed=1)(
        {"images": rows, "labels": np.arange(40), "segmentation_masks": rows}, training=True
    )
    np.testing.assert_array_equal(out["images"], out["segmentation_masks"])
    assert out["labels"].tolist() == list(range(40))
    assert set(out["images"][:, 0, 0, 0].tolist()) == {0.0, 11.0}
    whole = np.round(X / 60)
    out = layers.RandomTranslation(0.4, 0.4, seed=1)({"images": whole, "segmentation_masks": whole}, training=True)
    assert set(np.unique(out["segmentation_masks"])) <= set(np.unique(whole))
    out = layers.RandomHue(0.5)(
        {"images": X[0], "segmentation_masks": X[0], "bounding_boxes": {"boxes": np.ones((2, 4))}}, training=True
    )
    np.testing.assert_array_equal(out["segmentation_masks"], X[0])
    assert out["bounding_boxes"]["boxes"].shape == (2, 4)


def test_mixed_images_and_labels_have_the_same_parts():
    colors = np.tile(np.arange(3, dtype="float32")[:, None, None, None], (1, 40, 40, 1))
    for seed in range(4):
        for name, tolerance in (("MixUp", 1e-5), ("CutMix", 0.06)):
            out = getattr(layers, name)(seed=seed)({"images": colors, "labels": LABELS}, training=True)
            np.testing.assert_allclose(out["labels"].sum(1), 1, rtol=1e-5)
            np.testing.assert_allclose(
                out["images"].mean((1, 2, 3)), out["labels"] @ torch.arange(3.0), atol=2 * tolerance
            )


def test_bounding_boxes_are_cut_and_padded():
    boxes = {"boxes": np.arange(24, dtype="float32").reshape(2, 3, 4), "labels": np.array([[1, 2, 3], [4, 5, 6]])}
    for number in (2, 5):
        out = layers.MaxNumBoundingBoxes(number)({"images": X[:2], "bounding_boxes": boxes})["bounding_boxes"]
        for name, values in boxes.items():
            kept = out[name].numpy()
            np.testing.assert_array_equal(kept[:, :3], values[:, :number])
            assert kept.shape == (2, number, *values.shape[2:])
            assert (kept[:, 3:] == -1).all()


def test_they_go_through_a_file(tmp_path):
    names = [layers.MixUp(0.3), layers.CutMix((0.2, 0.5)), layers.RandAugment(num_ops=3), layers.AugMix(num_chains=2)]
    model = Sequential([Input((12, 10, 3)), layers.RandomErasing(scale=(0.1, 0.2)), *names])
    model.save(tmp_path / "m.keras")
    again = layercli.load_model(tmp_path / "m.keras")
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in model.layers]


def said(function, *args, **kwargs):
    with pytest.raises(LayercliError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    boxes = {"images": X, "bounding_boxes": {"boxes": X}}
    whole = {"images": X, "bounding_boxes": {"boxes": np.ones((3, 2, 4)), "labels": LABELS}}
    assert said(layers.RandomZoom(0.2, name="z"), boxes, training=True) == (
        "z (RandomZoom) needs bounding_box_format to move bounding_boxes"
    )
    assert said(layers.CenterCrop(2, 2, name="c", bounding_box_format="xywh"), boxes) == (
        "c (CenterCrop) expects bounding_boxes with boxes and labels, got 'boxes'"
    )
    assert said(layers.RandomElasticTransform(name="e", bounding_box_format="xyxy"), whole, training=True) == (
        "e (RandomElasticTransform) moves pixels, and does not move bounding_boxes with them"
    )
    assert (
        said(layers.CutMix(name="m"), boxes, training=True)
        == "m (CutMix) mixes images, and does not mix bounding_boxes with them"
    )
    assert said(layers.CenterCrop, 2, 2, bounding_box_format="xyx") == "there is no format of boxes 'xyx'"
    assert said(layers.MixUp(name="m"), {"labels": LABELS}) == "m (MixUp) expects a dict with images, got 'labels'"
    assert said(layers.RandomGaussianBlur, kernel_size=4) == (
        "RandomGaussianBlur expects kernel_size to be an odd integer or a pair of them, got 4"
    )
    assert said(layers.RandomErasing, fill_value=(1, 2)) == (
        "RandomErasing expects fill_value to be a number, three, or None, got (1, 2)"
    )
    assert said(layers.MaxNumBoundingBoxes(2, name="b"), boxes) == (
        "b (MaxNumBoundingBoxes) expects bounding_boxes with boxes and labels, got 'boxes'"
    )


def test_rand_augment_changes_each_part_by_what_it_drew():
    x = (np.random.default_rng(0).random((3, 8, 8, 3)) * 255).astype("float32")
    for seed in (2, 7, 11):
        layer = layers.RandAugment(num_ops=3, seed=seed)
        drawn = layer.get_random_transformation(x)
        changed = layer.transform_images(x, drawn)
        assert np.array_equal(changed, layer.transform_images(x, drawn))
        assert not np.array_equal(changed, x)
        close(changed, layers.RandAugment(num_ops=3, seed=seed)(x, training=True), 1e-5)
        assert layer.transform_segmentation_masks(x[..., :1], drawn).shape == (3, 8, 8, 1)
        assert np.array_equal(layer.transform_images(x, drawn, training=False), x)
