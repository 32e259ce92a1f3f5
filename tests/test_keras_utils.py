"""``tree``, ``backend``, and what ``utils`` and ``preprocessing`` do with arrays, images and files: values are Keras's."""

from __future__ import annotations

import collections
import tarfile

import numpy as np
import pytest
from keras_parity import keras

import layercli
from layercli import Input, Model, backend, ops, preprocessing, tree, utils
from layercli.errors import FileError, FormatError, LayercliError, UsageError

Point = collections.namedtuple("Point", "y x")
NESTED = {"b": [1, (2, None)], "a": Point(3, [4]), "c": collections.OrderedDict(z=5, d=6)}


def test_trees_are_keras_s():
    assert tree.flatten(NESTED) == [3, 4, 1, 2, None, 5, 6]
    paths = [path for path, _ in tree.flatten_with_path(NESTED)]
    assert paths == [("a", 0), ("a", 1, 0), ("b", 0), ("b", 1, 0), ("b", 1, 1), ("c", "z"), ("c", "d")]
    double = tree.map_structure(lambda x, y: (x or 0) + (y or 0), NESTED, NESTED)
    assert double == {"b": [2, (4, 0)], "a": Point(6, [8]), "c": collections.OrderedDict(z=10, d=12)}
    assert type(double["a"]) is Point
    assert list(double) == ["b", "a", "c"]
    assert tree.pack_sequence_as(NESTED, range(7)) == {
        "a": Point(0, [1]),
        "b": [2, (3, 4)],
        "c": collections.OrderedDict(z=5, d=6),
    }
    seen = []
    assert tree.traverse(seen.append, [(1, 2), [3]]) == [(1, 2), [3]]
    assert seen == [[(1, 2), [3]], (1, 2), 1, 2, [3], 3]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, 2]) == [None, 2]
    assert tree.map_structure(str, [1, None], none_is_leaf=False) == ["1", None]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ([1, 2], [3, 4], True),
        ([1, 2], (3, 4), False),
        (Point(1, 2), (3, 4), False),
        ([1, 2], [3], False),
        ([1, [2]], [3, 4], False),
        ({"a": 1}, collections.OrderedDict(a=2), True),
        ({"a": 1}, {"b": 1}, False),
    ],
)
def test_structures_that_differ(a, b, same):
    for ask in (tree.assert_same_structure, lambda a, b: tree.map_structure(lambda x, y: x, a, b)):
        if same:
            ask(a, b)
        else:
            with pytest.raises(ValueError) as error:
                ask(a, b)
            assert "nested in the same way" in str(error.value)


def test_result_types():
    assert backend.result_type() == backend.result_type(float) == "float32"
    assert backend.result_type(int) == backend.result_type("bool", int) == "int32"
    assert backend.result_type("int8", int) == "int8"
    assert backend.result_type("int64", float) == backend.result_type("bfloat16", "float16") == "float32"
    assert backend.is_int_dtype("uint8")
    assert not backend.is_int_dtype(bool)
    backend.clear_session()
    assert (backend.get_uid("a"), backend.get_uid("a"), backend.get_uid("b")) == (1, 2, 1)


@pytest.mark.parametrize("first", [False, True])
def test_images_to_arrays_and_back(tmp_path, first):
    form = "channels_first" if first else "channels_last"
    values = np.random.default_rng(0).random((3, 8, 6) if first else (8, 6, 3))
    image = utils.array_to_img(values, form)
    array = utils.img_to_array(image, form)
    wanted = keras.utils.img_to_array(keras.utils.array_to_img(values, form), form)
    assert np.array_equal(array, np.asarray(wanted))
    utils.save_img(tmp_path / "x.png", values, form)
    read = utils.load_img(tmp_path / "x.png", target_size=(4, 4), interpolation="bilinear", keep_aspect_ratio=True)
    assert utils.img_to_array(read, form).shape == ((3, 4, 4) if first else (4, 4, 3))
    assert np.array_equal(utils.img_to_array(utils.load_img(tmp_path / "x.png"), form), array)


def test_smart_resize():
    values = np.random.default_rng(0).random((2, 9, 6, 3)).astype("float32")
    ours = preprocessing.image.smart_resize(values, (4, 5))
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, np.asarray(keras.preprocessing.image.smart_resize(values, (4, 5))), atol=1e-5)


def test_windows_of_a_series():
    data = np.arange(20) * 10
    windows = utils.timeseries_dataset_from_array(
        data, np.arange(20), 3, 2, 2, batch_size=4, start_index=1, end_index=15
    )
    batches = [(x.tolist(), y.tolist()) for x, y in windows]
    assert len(windows) == 2
    assert batches[0] == ([[10, 30, 50], [30, 50, 70], [50, 70, 90], [70, 90, 110]], [1, 3, 5, 7])
    assert batches[1] == ([[90, 110, 130]], [9])
    alone = utils.timeseries_dataset_from_array(np.zeros((5, 2)), None, 2, batch_size=None, shuffle=True, seed=1)
    assert [x.shape for x in alone] == [(2, 2)] * 4


def test_a_split_dataset_trains():
    import layercli

    x, y = np.arange(10.0, dtype="float32")[:, None], np.arange(10.0, dtype="float32")[:, None]
    left, right = utils.split_dataset((x, y), left_size=0.8, shuffle=True, seed=3)
    assert (len(left), len(right)) == (8, 2)
    assert sorted(float(a) for part in (left, right) for a, _ in part) == list(range(10))
    model = layercli.Sequential([layercli.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(left, epochs=1, verbose=0).history["loss"]) == 1


def test_progress(capsys):
    bar = utils.Progbar(4, stateful_metrics=["last"])
    for step in range(4):
        bar.update(step + 1, [("mean", step), ("last", step)])
    printed = capsys.readouterr().out
    assert printed.startswith("4/4 ━━━━━━━━━━━━━━━━━━━━ 0s ")
    assert printed.endswith("us/step - mean: 3.0000 - last: 3.0000\n")  # the last value alone, as in Keras


def test_files_in_keras_s_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    with pytest.raises(FileError) as missing:
        utils.get_file("x.bin", "https://example.org/x.bin")
    assert str(missing.value) == f"there is no {folder / 'x.bin'}"
    assert missing.value.hint == "fetch https://example.org/x.bin and put it there"
    folder.mkdir()
    (folder / "x.bin").write_bytes(b"abc")
    digest = "900150983cd24fb0d6963f7d28e17f72"
    assert utils.get_file(origin="https://example.org/x.bin?v=1", md5_hash=digest) == str(folder / "x.bin")
    with pytest.raises(FormatError) as other:
        utils.get_file("x.bin", file_hash="0" * 32)
    assert str(other.value).endswith(f"its md5 is {digest}, not {'0' * 32}")
    with tarfile.open(folder / "pack.tar.gz", "w:gz") as archive:
        archive.add(folder / "x.bin", "inner/x.bin")
    unpacked = folder / "pack_extracted"
    assert utils.get_file("pack.tar.gz", extract=True) == str(unpacked)
    assert (unpacked / "inner" / "x.bin").read_bytes() == b"abc"
    (folder / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(FormatError):
        utils.get_file("bad.zip", extract=True)
    assert sorted(path.name for path in folder.iterdir()) == ["bad.zip", "pack.tar.gz", "pack_extracted", "x.bin"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: utils.get_file("a/b"),
        lambda: utils.get_file("a", force_download=True),
        lambda: utils.split_dataset(np.zeros(4)),
        lambda: utils.split_dataset(np.zeros(4), left_size=1.5),
        lambda: utils.timeseries_dataset_from_array(np.zeros(4), None, 2, sampling_rate=9),
        lambda: utils.load_img("x.png", color_mode="rbg"),
        lambda: utils.load_img("there-is-none.png"),
        lambda: utils.array_to_img(np.zeros((2, 2))),
        lambda: utils.unpack_x_y_sample_weight((1, 2, 3, 4)),
        lambda: tree.pack_sequence_as([1, 2], [1]),
        lambda: tree.map_structure(len),
        lambda: tree.assert_same_paths([1], {"a": 1}),
    ],
)
def test_wrong_arguments_are_one_sentence(ask):
    with pytest.raises((LayercliError, UsageError)) as error:
        ask()
    assert "\n" not in str(error.value)


def test_the_inputs_that_a_tensor_comes_from():
    first, second, other = Input((3,)), Input((3,)), Input((3,))
    summed = ops.relu(first) + second
    assert utils.get_source_inputs(summed * summed) == [first, second]
    assert utils.get_source_inputs(other) == [other]
    drawn = layercli.Function([first, second], {"sum": summed})
    assert drawn([np.ones((1, 3)), np.ones((1, 3))])["sum"].tolist() == [[2.0] * 3]
    assert isinstance(Model(first, ops.relu(first)), layercli.Function)


def test_settings_by_attribute_and_by_key():
    """Values of Keras 3.15.1's utils.Config."""
    settings = utils.Config(a=1, b=2)
    settings.c = 3
    settings["d"] = 4
    del settings.b
    assert (repr(settings), settings.to_json()) == ("<Config {'a': 1, 'c': 3, 'd': 4}>", '{"a": 1, "c": 3, "d": 4}')
    assert (settings["c"], settings.d, settings.pop("d"), settings.get("z", 5), "a" in settings) == (3, 4, 4, 5, True)
    settings.freeze()
    with pytest.raises(ValueError, match="the settings are frozen"):
        settings.a = 2
    with pytest.raises(AttributeError, match="there is no setting 'z'"):
        settings.z  # noqa: B018
    settings.unfreeze()
    settings.update({"a": 5})
    assert settings.as_dict() == {"a": 5, "c": 3}
