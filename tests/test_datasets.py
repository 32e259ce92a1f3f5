"""Data sets are read from files like Keras's own, and nothing in them is executed."""

from __future__ import annotations

import gzip
import os
import pickle
import tarfile

import numpy as np
import pytest

from layercli import datasets
from layercli.errors import FileError, FormatError
from layercli.formats.pickled_arrays import load_arrays, load_npz


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets" / "fashion-mnist").mkdir(parents=True)
    return tmp_path / "datasets"


def texts(count):
    draws = np.random.default_rng(count)
    made = np.empty(count, object)
    made[:] = [draws.integers(1, 30, draws.integers(2, 9)).tolist() for _ in range(count)]
    return made


def test_a_missing_file_is_named(folder):
    with pytest.raises(FileError) as error:
        datasets.mnist.load_data()
    assert str(error.value) == f"there is no {folder / 'mnist.npz'}"
    assert error.value.hint.startswith(
        "fetch https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz and"
    )


def test_images(folder):
    images, labels = np.arange(3 * 784, dtype="uint8").reshape(3, 28, 28), np.array([1, 2, 3], "uint8")
    np.savez(folder / "mnist.npz", x_train=images, y_train=labels, x_test=images[:1], y_test=labels[:1])
    (x, y), (x_test, _) = datasets.mnist.load_data()
    assert np.array_equal(x, images)
    assert (y.tolist(), x_test.shape) == ([1, 2, 3], (1, 28, 28))
    for part in ("train", "t10k"):
        place = folder / "fashion-mnist"
        (place / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + images.tobytes()))
        (place / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
    (x, y), _ = datasets.fashion_mnist.load_data()
    assert np.array_equal(x, images)
    assert y.tolist() == [1, 2, 3]


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar(folder, protocol):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072)).astype("uint8")
    inner = folder / "cifar-100-python"
    inner.mkdir()
    for name in ("train", "test"):
        batch = {b"data": pixels, b"fine_labels": [7, 99], b"coarse_labels": [1, 2]}
        (inner / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    with tarfile.open(folder / "cifar-100-python-target_archive", "w:gz") as archive:
        archive.add(inner, "cifar-100-python")
    (x, y), _ = datasets.cifar100.load_data()
    assert np.array_equal(x, pixels.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1))
    assert y.tolist() == [[7], [99]]


def test_texts_are_shuffled_and_limited_as_in_keras(folder):
    parts = {"x_train": texts(7), "y_train": np.arange(7), "x_test": texts(5), "y_test": np.arange(5)}
    np.savez(folder / "imdb.npz", **parts)
    assert load_npz(str(folder / "imdb.npz"))["x_test"] == list(parts["x_test"])
    (x, y), (x_test, y_test) = datasets.imdb.load_data(num_words=20, skip_top=5, maxlen=8)
    draws, wanted = np.random.RandomState(113), []
    for name in ("train", "test"):
        order = np.arange(len(parts[f"x_{name}"]))
        draws.shuffle(order)
        kept = [i for i in order if len(parts[f"x_{name}"][i]) + 1 < 8]
        words = [[1, *(w + 3 for w in parts[f"x_{name}"][i])] for i in kept]
        wanted += [([[w if 5 <= w < 20 else 2 for w in each] for each in words], [int(i) for i in kept])]
    assert (x.tolist(), y.tolist()) == wanted[0]
    assert (x_test.tolist(), y_test.tolist()) == wanted[1]
    np.savez(folder / "reuters.npz", x=parts["x_train"], y=np.arange(7))
    (x, y), (x_test, _) = datasets.reuters.load_data()
    assert (len(x), len(y), len(x_test)) == (5, 5, 2)
    assert datasets.reuters.get_label_names()[:3] == ("cocoa", "grain", "veg-oil")
    assert len(datasets.reuters.get_label_names()) == 46


def test_houses(folder):
    table = np.arange(20.0).reshape(10, 2)
    np.savez(folder / "boston_housing.npz", x=table, y=np.arange(10.0))
    (x, y), (x_test, _) = datasets.boston_housing.load_data()
    order = np.arange(10)
    np.random.RandomState(113).shuffle(order)
    assert np.array_equal(x, table[order[:8]])
    assert y.tolist() == order[:8].tolist()
    assert len(x_test) == 2


class Hostile:
    def __reduce__(self):
        return (os.getcwd, ())


def test_nothing_in_a_pickle_is_executed():
    with pytest.raises(FormatError) as error:
        load_arrays("the file", pickle.dumps([Hostile()]))
    assert str(error.value) == "the file names posix.getcwd, which no data set needs"
    with pytest.raises(FormatError):
        load_arrays("the file", pickle.dumps(np.arange(5))[:-40] + b".")
