"""Folders of images: which there are, in what order and split, and that training on them is training on their arrays."""

from __future__ import annotations

import numpy as np
import pytest
from keras_parity import real_keras as keras
from PIL import Image

import layercli
from layercli import Input, Sequential, image_dataset_from_directory, layers
from layercli.errors import LayercliError
from layercli.formats import image_dataset

PIXELS = np.random.default_rng(0).integers(0, 256, (14, 6, 5, 3), dtype="uint8")


@pytest.fixture
def photos(tmp_path):
    """Fourteen images of three classes, one of them in a folder further down, and what is no image."""
    for i, pixels in enumerate(PIXELS):
        place = tmp_path / "photos" / ("cat", "dog", "eel")[i % 3] / ("old" if i == 7 else "")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02}.png")
    (tmp_path / "photos" / "cat" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


ORDER = [0, 3, 6, 9, 12, 1, 4, 10, 13, 7, 2, 5, 8, 11]


def read(folder):
    batches = list(folder)
    return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])


def test_images_come_by_class_and_name(photos):
    (photos / "cat" / "._00.png").write_text("what macOS adds beside 00.png")  # Keras would count it
    folder = image_dataset_from_directory(photos, image_size=(6, 5), shuffle=False, batch_size=4)
    assert folder.class_names == ["cat", "dog", "eel"]
    assert [len(x) for x, _ in folder] == [4, 4, 4, 2]
    x, y = read(folder)
    assert (x.dtype, y.dtype, y.tolist()) == ("float32", "int64", [0] * 5 + [1] * 5 + [2] * 4)
    assert np.array_equal(x, PIXELS[ORDER])


def test_labels_and_colours_are_as_asked(photos):
    settings = {"image_size": (3, 3), "shuffle": False}
    x, y = read(image_dataset_from_directory(photos, "inferred", "categorical", color_mode="grayscale", **settings))
    assert (x.shape, y[5].tolist()) == ((14, 3, 3, 1), [0.0, 1.0, 0.0])
    alone = list(image_dataset_from_directory(photos, None, None, color_mode="rgba", batch_size=None, **settings))
    assert [x.shape for x in alone] == [(3, 3, 4)] * 14
    folder = image_dataset_from_directory(photos, class_names=["eel", "cat"], **settings)
    assert (read(folder)[1].tolist(), len(folder.file_paths)) == ([0] * 4 + [1] * 5, 9)
    given = image_dataset_from_directory(photos, [*range(14)], image_size=(6, 5), shuffle=False)
    assert (read(given)[1].tolist(), np.array_equal(read(given)[0], PIXELS[ORDER])) == ([*range(14)], True)


@pytest.mark.parametrize("ratio", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_images_are_resized_as_keras_resizes(photos, ratio, capsys):
    settings = {"interpolation": "nearest", ratio: True, "data_format": "channels_first"}
    folder = image_dataset_from_directory(photos, image_size=(3, 8), shuffle=False, **settings)
    wanted = layercli.ops.image.resize(PIXELS[ORDER].transpose(0, 3, 1, 2).astype("float32"), (3, 8), **settings)
    assert np.array_equal(read(folder)[0], wanted)
    bilinear = read(image_dataset_from_directory(photos, image_size=(3, 4), shuffle=False, verbose=False))[0]
    assert np.allclose(bilinear, layercli.ops.image.resize(PIXELS[ORDER].astype("float32"), (3, 4)))
    assert capsys.readouterr().out == "Found 14 files belonging to 3 classes.\n"


def test_links_are_followed_if_asked(photos, tmp_path, capsys):
    folder = tmp_path / "linked" / "all"
    folder.mkdir(parents=True)
    (folder / "photos").symlink_to(photos, target_is_directory=True)
    (photos / "cat" / "again").symlink_to(folder, target_is_directory=True)
    settings = {"validation_split": 0.5, "subset": "both", "seed": 1}
    train, _ = image_dataset_from_directory(tmp_path / "linked", follow_links=True, **settings)
    assert len(train) == 7
    out = capsys.readouterr().out
    assert out == "Found 14 files belonging to 1 classes.\nUsing 7 files for training.\nUsing 7 files for validation.\n"
    with pytest.raises(LayercliError, match="no images"):
        image_dataset_from_directory(tmp_path / "linked")


def test_a_split_has_the_files_that_keras_s_has(photos):
    assert keras.backend.backend() == "jax"  # which the environment says from this first use on
    from keras.src.utils import dataset_utils

    paths, labels, _ = dataset_utils.index_directory(
        str(photos), "inferred", formats=(".png",), seed=5, shuffle=True, follow_links=False
    )
    settings = {"image_size": (6, 5), "validation_split": 0.3, "seed": 5}
    ours = image_dataset_from_directory(photos, subset="both", **settings)
    for part, subset in zip(ours, ("training", "validation"), strict=True):
        expected, _ = dataset_utils.get_training_or_validation_split(paths, labels, 0.3, subset)
        assert sorted(map(str, part.files)) == sorted(expected)
        assert part == image_dataset_from_directory(photos, subset=subset, **settings)


def net():
    layercli.random.set_seed(2)
    model = Sequential([Input((6, 5, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)], name="net")
    loss = layercli.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def test_training_on_a_folder_is_training_on_its_arrays(photos, monkeypatch):
    folder = image_dataset_from_directory(photos, image_size=(6, 5))
    x, y = PIXELS[ORDER].astype("float32"), np.array(folder.classes)
    most, reading = [], image_dataset.ImageFolder.read
    monkeypatch.setattr(image_dataset.ImageFolder, "read", lambda self, at: most.append(len(at)) or reading(self, at))
    ours, theirs = net(), net()
    run = {"epochs": 3, "batch_size": 4, "validation_split": 0.3, "class_weight": {1: 3.0}, "verbose": 0}
    assert ours.fit(folder, **run).history == theirs.fit(x, y, **run).history
    assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True))
    assert max(most) == 4
    assert ours.evaluate(folder, verbose=0) == theirs.evaluate(x, y, verbose=0)
    assert np.array_equal(ours.predict(folder), theirs.predict(x))


def empty(folder):
    (folder.parent / "empty" / "cat").mkdir(parents=True)
    return folder.parent / "empty"


REFUSED = [
    (lambda p: image_dataset_from_directory(p / "no"), "FOLDER/photos/no does not exist"),
    (lambda p: image_dataset_from_directory(p / "cat" / "00.png"), "FOLDER/photos/cat/00.png is not a folder"),
    (lambda p: image_dataset_from_directory(p / "eel"), "FOLDER/photos/eel has no subfolders"),
    (lambda p: image_dataset_from_directory(empty(p)), "FOLDER/empty has no images in its subfolders"),
    (
        lambda p: image_dataset_from_directory(p, class_names=["cat", "cow"]),
        "FOLDER/photos has the classes cat, dog, eel, not cat, cow",
    ),
    (
        lambda p: image_dataset_from_directory(p, label_mode="ints"),
        "label_mode is int, categorical, binary or None, got 'ints'",
    ),
    (
        lambda p: image_dataset_from_directory(p, label_mode="binary"),
        "label_mode binary is for 2 classes, FOLDER/photos has 3",
    ),
    (lambda p: image_dataset_from_directory(p, color_mode="bgr"), "color_mode is grayscale, rgb, rgba, got 'bgr'"),
    (
        lambda p: image_dataset_from_directory(p, validation_split=0.2),
        "validation_split and subset go together: give both or none",
    ),
    (
        lambda p: image_dataset_from_directory(p, validation_split=0.2, subset="test", seed=1),
        "subset is training, validation, both, got 'test'",
    ),
    (
        lambda p: image_dataset_from_directory(p, validation_split=2, subset="both", seed=1),
        "validation_split must be between 0 and 1, got 2",
    ),
    (
        lambda p: image_dataset_from_directory(p, validation_split=0.2, subset="both"),
        "validation_split needs a seed, so that the two subsets have no file in common",
    ),
    (
        lambda p: net().fit(image_dataset_from_directory(p), np.zeros(14)),
        "fit takes no y and no sample_weight beside ImageFolder: its batches hold them",
    ),
]


@pytest.mark.parametrize(("act", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_does_not_fit_is_said(photos, act, message):
    with pytest.raises(LayercliError) as raised:
        act(photos)
    assert str(raised.value).replace(str(photos.parent), "FOLDER") == message


def test_images_of_different_sizes_are_refused(photos):
    Image.fromarray(PIXELS[0][:3]).save(photos / "cat" / "00.png")
    folder = image_dataset.open_folder(photos, (None, None))
    with pytest.raises(LayercliError) as raised:
        next(iter(folder))
    assert str(raised.value) == "the images are of different sizes, and the model takes any"
