import io
import os
import pickle
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from layercli.errors import FormatError, UsageError
from layercli.formats.npy import NpyFile, save_npy
from layercli.formats.npz import NpzFile, save_npz
from layercli.formats.weight_file import TensorEntry

CODES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1", "c8", "c16"]
DTYPES = [f"{order}{code}" for order in "<>" for code in CODES]
ARRAYS = npst.arrays(st.sampled_from(DTYPES), npst.array_shapes(min_dims=0, min_side=0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory of its own, so that messages quote a file's path whole."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def npy_bytes(array, **settings):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **settings)
    return stream.getvalue()


def header(text, data=b"", version=(1, 0), length=None):
    raw = text if isinstance(text, bytes) else text.encode()
    width = "<H" if version == (1, 0) else "<I"
    return b"\x93NUMPY" + bytes(version) + struct.pack(width, len(raw) if length is None else length) + raw + data


def zipped(**members):
    with zipfile.ZipFile("m.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def message(open_file, path):
    with pytest.raises(FormatError) as error:
        open_file(path)
    return str(error.value)


def check(file, path, array):
    native = array.dtype.newbyteorder("=")
    read = file.read(path)
    assert file.entries[path] == TensorEntry(path, array.shape, native.name)
    assert read.dtype == native
    assert not read.flags.writeable
    np.testing.assert_array_equal(read, array)
    flat = np.concatenate([np.empty(0, native), *file.chunks(path, 3)])
    np.testing.assert_array_equal(flat, array.ravel(order="F" if np.isfortran(array) else "C"))


@given(ARRAYS, st.booleans())
def test_npy_that_numpy_wrote(tmp_path_factory, array, fortran):
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    array = np.asarray(array, order="F" if fortran else "C")
    np.save(path, array)
    check(NpyFile(path), "x", array)


@given(ARRAYS, st.booleans(), st.booleans())
def test_npz_that_numpy_wrote(tmp_path_factory, array, fortran, compressed):
    path = tmp_path_factory.mktemp("npz") / "m.npz"
    array = np.asarray(array, order="F" if fortran else "C")
    (np.savez_compressed if compressed else np.savez)(path, **{"a/x": array, "b": np.ones(3)})
    file = NpzFile(path)
    assert list(file.entries) == ["a/x", "b"]
    check(file, "a/x", array)


@given(ARRAYS, st.booleans())
def test_written_for_numpy(tmp_path_factory, array, fortran):
    folder = tmp_path_factory.mktemp("written")
    array = np.asarray(array, order="F" if fortran else "C")
    save_npy(folder / "x.npy", array)
    save_npz(folder / "m.npz", {"file": array, "a/x": array[None]})
    np.testing.assert_array_equal(np.load(folder / "x.npy", allow_pickle=False), array)
    with np.load(folder / "m.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["file"], array)
        np.testing.assert_array_equal(archive["a/x"], array[None])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format(folder, version):
    (folder / "x.npy").write_bytes(npy_bytes(np.arange(4.0), version=version))
    assert NpyFile("x.npy").read("x").tolist() == [0, 1, 2, 3]


def test_values_are_mapped_where_they_lie_uncompressed(folder):
    np.save("x.npy", np.ones(5))
    np.savez("m.npz", x=np.arange(5), y=np.ones(3))
    assert isinstance(NpyFile("x.npy").read("x"), np.memmap)
    assert isinstance(NpzFile("m.npz").read("x"), np.memmap)
    assert NpzFile("m.npz").read("y").tolist() == [1, 1, 1]


def test_empty_archive(folder):
    np.savez("m.npz")
    assert NpzFile("m.npz").entries == {}


def test_entry_that_is_not_there(folder):
    np.savez("m.npz", kernel=np.ones(2))
    np.save("x.npy", np.ones(2))
    for file, name in ((NpzFile("m.npz"), "m.npz"), (NpyFile("x.npy"), "x.npy")):
        for method in ("read", "chunks"):
            with pytest.raises(UsageError) as error:
                getattr(file, method)("kernle")
            assert str(error.value) == f"{name} holds no entry 'kernle'"


class Trap:
    def __reduce__(self):
        return os.system, ("touch trapped",)


def test_pickles_are_never_loaded(folder):
    np.save("x.npy", np.array([Trap()], object), allow_pickle=True)
    sentence = "x.npy holds Python objects, which are pickled and never loaded by layercli"
    assert message(NpyFile, "x.npy") == sentence
    np.savez("m.npz", x=np.array([Trap()], object))
    sentence = "m.npz: 'x.npy' holds Python objects, which are pickled and never loaded by layercli"
    assert message(NpzFile, "m.npz") == sentence
    (folder / "p.npy").write_bytes(pickle.dumps(Trap()))
    assert message(NpyFile, "p.npy") == "p.npy does not begin like an npy file"
    assert not (folder / "trapped").exists()


def settings(descr="'<f4'", fortran="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}\n"


NOT_A_DICT = "x.npy has an npy header that is not a dict of descr, fortran_order and shape"
MALFORMED = {
    "magic": (b"\x93NUMPZ\1\0", "x.npy does not begin like an npy file"),
    "short magic": (b"\x93NUM", "x.npy does not begin like an npy file"),
    "version": (header("", version=(4, 0)), "x.npy has version 4.0 of the npy format, which layercli does not know"),
    "long header": (
        header("", version=(2, 0), length=10_001),
        "x.npy has an npy header of 10,001 bytes, longer than an array of numbers needs",
    ),
    "short header": (header("{}", length=3), "x.npy ends within its npy header"),
    "code": (header("__import__('os').system('touch trapped')"), NOT_A_DICT),
    "nested": (header("(" * 5000 + ")" * 5000), NOT_A_DICT),
    "not text": (header(b"\xff\xfe"), NOT_A_DICT),
    "nul": (header(b"{\0}"), NOT_A_DICT),
    "list": (header("[1, 2]"), NOT_A_DICT),
    "no shape": (header("{'descr': '<f4', 'fortran_order': False}"), NOT_A_DICT),
    "more": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}"), NOT_A_DICT),
    "negative": (header(settings(shape="(-2,)")), "x.npy has the shape (-2,), which is not a tuple of sizes"),
    "shape list": (header(settings(shape="[2]")), "x.npy has the shape [2], which is not a tuple of sizes"),
    "shape bool": (header(settings(shape="(True,)")), "x.npy has the shape (True,), which is not a tuple of sizes"),
    "order": (header(settings(fortran="1")), "x.npy has the fortran_order 1, which is neither True nor False"),
    "overflow": (
        header(settings(shape="(2**62, 4)".replace("2**62", str(2**62)))),
        "x.npy has the shape (4611686018427387904, 4), which is too large to exist",
    ),
    "text": (header(settings("'<U5'")), "x.npy holds values of '<U5', which are not numbers that layercli knows"),
    "record": (
        header(settings("[('a', '<f4')]")),
        "x.npy holds values of [('a', '<f4')], which are not numbers that layercli knows",
    ),
    "too few": (
        header(settings(), bytes(7)),
        "x.npy has 7 bytes of values, but its shape (2,) and dtype float32 take 8",
    ),
    "too many": (
        header(settings(), bytes(9)),
        "x.npy has 9 bytes of values, but its shape (2,) and dtype float32 take 8",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_npy(folder, case):
    content, sentence = MALFORMED[case]
    (folder / "x.npy").write_bytes(content)
    assert message(NpyFile, "x.npy") == sentence
    assert not (folder / "trapped").exists()


def test_member_twice(folder):
    zipped(**{"x.npy": npy_bytes(np.ones(2)), "y.npy": npy_bytes(np.zeros(2))})
    rewrite(b"y.npy", b"x.npy")
    assert message(NpzFile, "m.npz") == "m.npz holds 'x.npy' twice"


def test_member_that_is_not_npy(folder):
    zipped(**{"x.npy": npy_bytes(np.ones(2)), "readme.txt": b"hello"})
    assert message(NpzFile, "m.npz") == "m.npz: 'readme.txt' is not an npy file, as every member of an npz file is"
    zipped(**{"x.npy": b"hello, world"})
    assert message(NpzFile, "m.npz") == "m.npz: 'x.npy' does not begin like an npy file"


def test_unusual_compression(folder):
    with zipfile.ZipFile("m.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy_bytes(np.ones(2)))
    assert message(NpzFile, "m.npz") == "m.npz: 'x.npy' is compressed by a method that npz files do not use"


def rewrite(old, new):
    """Replace bytes in m.npz, which has them in its directory and nowhere else, or once in each place."""
    with open("m.npz", "rb") as stream:
        content = stream.read()
    assert old in content
    with open("m.npz", "wb") as stream:
        stream.write(content.replace(old, new))


def test_encrypted_member(folder):
    zipped(**{"x.npy": npy_bytes(np.ones(2))})
    rewrite(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0")
    assert message(NpzFile, "m.npz") == "m.npz: 'x.npy' is encrypted"


def test_bomb_whose_sizes_contradict_each_other(folder):
    bomb = header(settings("'<f8'", shape="(1000000000,)"), bytes(800))
    zipped(**{"x.npy": bomb})
    taken = len(bomb) - len(header(settings("'<f8'", shape="(1000000000,)")))
    sentence = (
        f"m.npz: 'x.npy' has {taken} bytes of values, but its shape (1000000000,) and dtype float64 take {8 * 10**9:,}"
    )
    assert message(NpzFile, "m.npz") == sentence


def test_bomb_that_claims_more_than_deflate_can_hold(folder):
    with zipfile.ZipFile("m.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_bytes(np.zeros(100)))
        info = archive.getinfo("x.npy")
    rewrite(struct.pack("<LL", info.compress_size, info.file_size), struct.pack("<LL", info.compress_size, 2**31))
    assert message(NpzFile, "m.npz") == (
        f"m.npz: 'x.npy' claims {2**31:,} bytes, more than its {info.compress_size} can hold"
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_is_found_by_its_crc(folder, compressed):
    with zipfile.ZipFile("m.npz", "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("Dense/Kernel.npy", npy_bytes(np.arange(1000.0)))
        info = archive.getinfo("Dense/Kernel.npy")
    rewrite(struct.pack("<LL", info.CRC, info.compress_size), struct.pack("<LL", info.CRC ^ 1, info.compress_size))
    file = NpzFile("m.npz")
    reads = [lambda: list(file.chunks("Dense/Kernel"))] + [lambda: file.read("Dense/Kernel")] * compressed
    for read in reads:
        with pytest.raises(FormatError) as error:
            read()
        assert str(error.value) == "m.npz is a damaged zip archive: bad CRC-32 for file 'Dense/Kernel.npy'"


def test_damage_within_a_deflated_member(folder):
    with zipfile.ZipFile("m.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_bytes(np.arange(1000.0)))
    file = NpzFile("m.npz")
    with open("m.npz", "rb+") as stream:
        stream.seek(30 + len("x.npy"))
        stream.write(b"\xff")
    sentence = "m.npz is a damaged zip archive: error -3 while decompressing data: invalid block type"
    with pytest.raises(FormatError) as error:
        file.read("x")
    assert str(error.value) == sentence
    assert message(NpzFile, "m.npz") == sentence


def test_archive_cut_short(folder):
    np.savez("m.npz", x=np.ones(100))
    os.truncate("m.npz", 500)
    assert message(NpzFile, "m.npz") == "m.npz is a damaged zip archive: file is not a zip file"


def test_archive_that_points_outside_itself(folder):
    zipped(**{"x.npy": npy_bytes(np.ones(2))})
    size = os.path.getsize("m.npz")
    directory = size - 22 - 46 - len("x.npy")
    rewrite(struct.pack("<LH", directory, 0), struct.pack("<LH", directory + 30, 0))
    sentence = "m.npz is a damaged zip archive: it points outside itself"
    assert message(NpzFile, "m.npz") == sentence


@given(st.integers(0, 700), st.binary(min_size=1, max_size=4))
def test_no_damage_ends_in_anything_but_a_sentence(tmp_path_factory, position, damage):
    path = tmp_path_factory.mktemp("damage") / "m.npz"
    save_npz(path, {"x": np.arange(30.0), "y": np.ones(3)})
    content = bytearray(path.read_bytes())
    content[position : position + len(damage)] = damage
    path.write_bytes(content)
    with suppress(FormatError):
        file = NpzFile(path)
        for name in file.entries:
            file.read(name)
            list(file.chunks(name))


def test_save_refuses_what_the_format_cannot_hold(folder):
    for save, value in ((save_npy, np.array([None])), (save_npz, {"x": np.array([None])})):
        with pytest.raises(UsageError) as error:
            save("x.npz", value)
        assert str(error.value) == "cannot save 'x': the npy format has no dtype for values of object"
    assert os.listdir() == []


def test_the_list_of_members_is_not_read_again_for_each_member(folder, monkeypatch):
    """``zipfile`` reads it whenever it opens an archive: the values of 100,000 members took as many readings of the list."""
    np.savez_compressed("many.npz", **{f"w{i}": np.full(3, i) for i in range(20)})
    opened, read = [], zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda *given: opened.append(given) or read(*given))
    file = NpzFile("many.npz")
    assert [next(file.chunks(f"w{i}"))[0] for i in range(20)] == list(range(20))
    assert len(opened) == 1
