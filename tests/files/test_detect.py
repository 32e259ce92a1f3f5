import gzip
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from layercli.errors import FileError, FormatError
from layercli.formats.detect import is_weights, open_weights
from layercli.formats.npy import NpyFile, save_npy
from layercli.formats.npz import NpzFile, save_npz
from layercli.formats.safetensors import SafetensorsFile, save
from layercli.formats.safetensors_index import ShardedFile


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(path, *, damaged=False):
    """Return the error; only a damaged file is one of weights all the same, by what it begins with or holds."""
    with pytest.raises((FileError, FormatError)) as error:
        open_weights(path)
    assert is_weights(path) == damaged
    return error.value


def index(**names):
    with open("model.safetensors.index.json", "w") as file:
        json.dump({"metadata": {"total_size": 1}, "weight_map": names}, file)
    return "model.safetensors.index.json"


def test_the_content_decides_not_the_name():
    arrays = {"x": np.arange(6.0).reshape(2, 3)}
    save("a.npz", arrays)
    save_npz("b.npy", arrays)
    save_npy("x.safetensors", arrays["x"])
    for path, kind in (("a.npz", SafetensorsFile), ("b.npy", NpzFile), ("x.safetensors", NpyFile)):
        file = open_weights(path)
        assert isinstance(file, kind)
        assert is_weights(path)
        assert list(file.entries) == ["x"]
        np.testing.assert_array_equal(file.read("x"), arrays["x"])


def test_shards_by_their_index():
    save("m-1.safetensors", {"a": np.ones(2), "c": np.zeros(3), "unmapped": np.zeros(1)})
    save("m-2.safetensors", {"b": np.full(4, 7)})
    file = open_weights(index(c="m-1.safetensors", b="m-2.safetensors", a="m-1.safetensors"))
    assert isinstance(file, ShardedFile)
    assert is_weights(file.file)
    assert [(entry.path, entry.shape) for entry in file.entries.values()] == [("c", (3,)), ("b", (4,)), ("a", (2,))]
    assert list(file.entries) == ["c", "b", "a"]
    assert file.read("b").tolist() == [7, 7, 7, 7]
    assert [chunk.tolist() for chunk in file.chunks("b", 3)] == [[7, 7, 7], [7]]
    with pytest.raises(ValueError) as error:
        file.read("unmapped")
    assert str(error.value) == "model.safetensors.index.json holds no entry 'unmapped'"


@pytest.mark.parametrize(
    "name", ["../m.safetensors", "/m.safetensors", "a\\m.safetensors", "..", ".", "", "m\0", 1, ["m"]]
)
def test_a_shard_outside_the_folder(name):
    path = index(a=name)
    with pytest.raises(FormatError) as error:
        open_weights(path)
    assert str(error.value) == (
        f"model.safetensors.index.json names the shard {name!r}, which is not a plain file name"
    )


def test_a_shard_that_is_a_link_out_of_the_folder(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "m.safetensors"
    save(outside, {"a": np.ones(2)})
    (folder / "m.safetensors").symlink_to(outside)
    with pytest.raises(FormatError) as error:
        open_weights(index(a="m.safetensors"))
    assert str(error.value) == (
        "model.safetensors.index.json names the shard 'm.safetensors', which leads out of its folder and is never opened"
    )
    (folder / "m.safetensors").unlink()
    (folder / "other.safetensors").write_bytes(outside.read_bytes())
    (folder / "m.safetensors").symlink_to("other.safetensors")
    assert open_weights(index(a="m.safetensors")).read("a").tolist() == [1, 1]


def test_the_links_of_a_hugging_face_cache_are_followed(folder, monkeypatch):
    place = folder / "models--a--b" / "snapshots" / "0123"
    place.mkdir(parents=True)
    (place.parent.parent / "blobs").mkdir()
    save(place.parent.parent / "blobs" / "beef", {"a": np.ones(2)})
    monkeypatch.chdir(place)
    path = index(a="m.safetensors")
    (place / "m.safetensors").symlink_to("../../blobs/beef")
    assert open_weights(path).read("a").tolist() == [1, 1]
    (place / "m.safetensors").unlink()
    (place / "m.safetensors").symlink_to("../../blobs/../secret")
    with pytest.raises(FormatError, match="leads out of its folder"):
        open_weights(path)


def test_an_index_that_is_wrong(folder):
    save("m.safetensors", {"a": np.ones(2)})
    with open("m.weights.h5", "wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n")
    own = "model.safetensors.index.json"
    for names, sentence in [
        ({"a": "n.safetensors"}, f"{own} names the shard 'n.safetensors', which is not in its folder"),
        ({"b": "m.safetensors"}, f"{own} says that 'b' is in 'm.safetensors', which does not hold it"),
        ({"a": "m.weights.h5"}, "m.weights.h5 is not an HDF5 file, or is damaged"),
        ({"a": own}, f"{own} names itself as a shard, and an index holds no tensors"),
    ]:
        path = index(**names)
        with pytest.raises((FileError, FormatError)) as error:
            open_weights(path)
        assert str(error.value) == sentence
    for content, sentence in [
        ('{"a": 1}', f"{own} is JSON without a weight_map, so not an index of weight files"),
        ('{"weight_map": []}', f"{own} is JSON without a weight_map, so not an index of weight files"),
        ('{"weight_map": {"a": "m", "a": "n"}}', f"{own} has an index that holds 'a' twice"),
        ('{"weight_map"', f"{own} has an index that is not JSON"),
    ]:
        (folder / own).write_text(content)
        with pytest.raises(FormatError) as error:
            open_weights(own)
        assert str(error.value) == sentence


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return path


def written(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path


FOREIGN = {
    "m.tflite": (b"\x1c\0\0\0TFL3", "m.tflite is a TensorFlow Lite file, which layercli does not read yet"),
    "m.gz": (gzip.compress(b"hi"), "m.gz is a gzip file, which layercli does not read yet"),
    "m.tar": (bytes(257) + b"ustar\0" + bytes(300), "m.tar is a tar archive, which layercli does not read yet"),
    "m.txt": (b"hello", "m.txt is in no format that layercli knows"),
    "m.bin": (bytes(1000), "m.bin is in no format that layercli knows"),
    **{
        f"m{protocol}.pkl": (
            pickle.dumps([1], protocol),
            f"m{protocol}.pkl is a Python pickle, which layercli does not read yet",
        )
        for protocol in (2, 3, 4, 5)
    },
}


@pytest.mark.parametrize("path", FOREIGN)
def test_foreign_formats_are_named(path):
    content, sentence = FOREIGN[path]
    assert str(refusal(written(path, content))) == sentence


def test_foreign_archives_are_named():
    keras = zipped("m.keras", "metadata.json", "config.json", "model.weights.h5")
    assert str(refusal(keras, damaged=True)) == "m.keras is not an HDF5 file, or is damaged"
    torch = zipped("m.pt", "m/data.pkl", "m/data/0")
    assert str(refusal(torch, damaged=True)) == "m.pt has the pickle instruction b'{', which no file of tensors needs"
    other = zipped("m.zip", "readme.txt")
    assert str(refusal(other)) == "m.zip is a zip archive, which layercli does not read yet"
    assert str(refusal(written("m.npz", b"PK\3\4"))) == "m.npz is a damaged zip archive: file is not a zip file"


def test_json_of_another_kind():
    assert str(refusal(written("config.json", b' {"layers": 3}'))) == (
        "config.json is JSON without a weight_map, so not an index of weight files"
    )


@pytest.mark.parametrize("name", ["m.h5", "m.safetensors"])
def test_a_damaged_hdf5_file_is_recognised_by_its_beginning(name):
    path = written(name, b"\x89HDF\r\n\x1a\n" + bytes(99))
    assert str(refusal(path, damaged=True)) == f"{name} is not an HDF5 file, or is damaged"


def test_a_git_lfs_pointer():
    error = refusal(written("m.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"))
    assert str(error) == "m.safetensors is a Git LFS pointer, a placeholder for the real file"
    assert error.hint == "git lfs pull"


@pytest.mark.parametrize("name", ["m.safetensors", "m.pt", "m.onnx", "m"])
def test_a_web_page_left_by_a_download(name):
    error = refusal(written(name, b"\xef\xbb\xbf\n<!DOCTYPE html><html>Sign in</html>"))
    assert str(error) == f"{name} is a web page, and no file of a model"
    assert error.hint == "download it again: the address may need a login"


def test_a_damaged_safetensors_file_is_recognised_by_its_name():
    path = written("m.safetensors", struct.pack("<Q", 2**40) + b"{}")
    with pytest.raises(FormatError) as error:
        open_weights(path)
    assert str(error.value) == (
        "m.safetensors claims a header of 1,099,511,627,776 bytes, and safetensors allows 100,000,000"
    )


def test_no_file_at_all(folder):
    (folder / "sub").mkdir()
    written("model.safetensors", b"")
    os.mkfifo("pipe")
    error = refusal("modle.safetensors")
    assert str(error) == "modle.safetensors does not exist"
    assert error.hint == "did you mean model.safetensors?"
    assert refusal("nowhere/m.npz").hint is None
    assert str(refusal("sub")) == "sub is a folder, not a file"
    assert str(refusal("pipe")) == "pipe is not a regular file"
    assert str(refusal("model.safetensors")) == "model.safetensors is empty"
    assert str(refusal("model.safetensors/a")) == (
        "cannot read model.safetensors/a: a part of its path is a file, not a folder"
    )


def test_a_file_nobody_may_read(monkeypatch):
    written("m.npy", b"\x93NUMPY")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # root may read anything
    assert str(refusal("m.npy")) == "cannot read m.npy: permission denied"


def test_listing_imports_neither_numpy_nor_torch():
    save("m.safetensors", {"x": np.ones(2)})
    save_npz("m.npz", {"x": np.ones(2)})
    save_npy("x.npy", np.ones(2))
    index(x="m.safetensors")
    program = """
import sys
for name in ("numpy", "torch", "h5py", "safetensors", "rich"):
    sys.modules[name] = None
from layercli.formats.detect import open_weights
for path in sys.argv[1:]:
    print(*open_weights(path).entries.values())
"""
    paths = ["m.safetensors", "m.npz", "x.npy", "model.safetensors.index.json"]
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "TensorEntry(path='x', shape=(2,), dtype='float64')\n" * 4


@pytest.mark.parametrize("length", [123, 0x4B50, 0x0280], ids=["brace", "PK", "pickle"])
def test_a_header_s_length_that_looks_like_another_format(length):
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(length)
    written("m.safetensors", length.to_bytes(8, "little") + header + bytes(8))
    found = open_weights("m.safetensors")
    assert list(found.entries) == ["a"]
