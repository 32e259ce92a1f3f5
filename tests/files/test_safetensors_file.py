import json
import os
import struct
import subprocess

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats import private_maps
from layercli.formats.safetensors import SafetensorsFile, save
from layercli.formats.safetensors_header import compact_header, read_any
from layercli.formats.weight_file import TensorEntry

WHOLE = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
DTYPES = ["bool", *WHOLE, "float16", "float32", "float64", "complex64"]
SMALL_FLOATS = ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"]
GOOD = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def craft(path, header, data=bytes(24), length=None):
    """Write a file with this header, a dict or raw text, and these bytes after it."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """The path m.safetensors, in a working directory of its own, so that messages quote it whole."""
    monkeypatch.chdir(tmp_path)
    return type(tmp_path)("m.safetensors")


@pytest.mark.parametrize("dtype", DTYPES)
def test_reads_what_the_package_wrote(inside, dtype):
    array = (np.arange(24) - 5).astype(dtype).reshape(2, 3, 4)
    safetensors.numpy.save_file({"x": array, "scalar": np.array(array[0, 0, 1]), "none": array[:0]}, inside)
    file = SafetensorsFile(inside)
    assert file.entries["x"] == TensorEntry("x", (2, 3, 4), dtype)
    assert file.entries["scalar"].shape == ()
    assert file.entries["none"].shape == (0, 3, 4)
    for name, value in {"x": array, "scalar": array[0, 0, 1], "none": array[:0]}.items():
        read = file.read(name)
        assert read.dtype == array.dtype
        assert read.shape == value.shape
        assert np.array_equal(read, value)
        assert np.array_equal(np.concatenate([np.empty(0, dtype), *file.chunks(name, 5)]), value.ravel())


@pytest.mark.parametrize("dtype", SMALL_FLOATS)
def test_every_8_bit_float_is_the_float32_of_the_same_value(inside, dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.arange(256, dtype=np.uint8).view(getattr(ml_dtypes, dtype))
    safetensors.numpy.save_file({"x": codes}, inside)
    file = SafetensorsFile(inside)
    assert file.entries["x"] == TensorEntry("x", (256,), dtype)
    assert file.read("x").dtype == np.float32
    expected = codes.astype(np.float32)
    np.testing.assert_array_equal(file.read("x"), expected)
    np.testing.assert_array_equal(np.signbit(file.read("x"))[expected == 0], np.signbit(expected)[expected == 0])


def test_every_bfloat16_is_the_float32_of_the_same_value(inside):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    safetensors.numpy.save_file({"x": codes}, inside)
    np.testing.assert_array_equal(SafetensorsFile(inside).read("x"), codes.astype(np.float32))
    assert [len(chunk) for chunk in SafetensorsFile(inside).chunks("x", 60_000)] == [60_000, 5_536]


def test_values_are_mapped_not_loaded(inside):
    safetensors.numpy.save_file({"x": np.ones(10)}, inside)
    read = SafetensorsFile(inside).read("x")
    assert isinstance(read, np.memmap)
    assert not read.flags.writeable


def test_tensors_share_maps_whatever_is_written_to_them(inside, monkeypatch):
    monkeypatch.setattr(private_maps, "SPAN", 1 << 16)
    given = {f"{i}": np.full(2048 + i, i, np.float32) for i in range(40)}
    safetensors.numpy.save_file(given | {"empty": np.ones((0, 3))}, inside)
    file = SafetensorsFile(inside)
    held = {name: file.writable(name) for name in file.entries}
    assert len({id(x.base) for x in held.values() if x.base is not None}) < 20
    held["7"][:] = -1
    np.testing.assert_array_equal(file.writable("7"), given["7"])
    for name, x in given.items():
        np.testing.assert_array_equal(held[name], x if name != "7" else np.full_like(x, -1))
    np.testing.assert_array_equal(safetensors.numpy.load_file(inside)["7"], given["7"])
    assert held["empty"].shape == (0, 3)


def test_a_file_that_was_cut_is_not_mapped(inside):
    safetensors.numpy.save_file({"x": np.ones(10)}, inside)
    file = SafetensorsFile(inside)
    os.truncate(inside, os.path.getsize(inside) - 8)
    with pytest.raises(FormatError, match="ends within"):
        file.writable("x")


@given(npst.arrays(st.sampled_from(DTYPES), npst.array_shapes(min_dims=0, min_side=0)))
def test_round_trip(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("round") / "m.safetensors"
    save(path, {"x": array})
    np.testing.assert_array_equal(SafetensorsFile(path).read("x"), array)
    np.testing.assert_array_equal(safetensors.numpy.load_file(path)["x"], array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(12.0)[::2],
        np.arange(12.0)[::-1],
        np.arange(4, dtype=">i4"),
        np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3)),
        np.broadcast_to(np.float32(3), (2, 2)),
    ],
    ids=["transposed", "strided", "reversed", "big-endian", "big-endian fortran", "broadcast"],
)
def test_save_writes_the_values_whatever_their_order_in_memory(inside, array):
    save(inside, {"x": array})
    np.testing.assert_array_equal(SafetensorsFile(inside).read("x"), array)


def test_metadata_is_kept(inside):
    save(inside, {"x": np.zeros(2)}, {"format": "np"})
    assert SafetensorsFile(inside).metadata == {"format": "np"}
    assert list(SafetensorsFile(inside).entries) == ["x"]


def test_save_refuses_what_the_format_cannot_hold(inside):
    with pytest.raises(UsageError) as error:
        save(inside, {"names": np.array(["a"])})
    assert str(error.value) == "cannot save 'names': safetensors has no dtype for values of str32"
    with pytest.raises(UsageError) as error:
        save(inside, {"__metadata__": np.zeros(2)})
    assert str(error.value) == "cannot save a tensor named '__metadata__', which safetensors keeps for itself"
    assert os.listdir() == []


def test_entry_that_is_not_there(inside):
    save(inside, {"dense/kernel": np.zeros(2)})
    for method in ("read", "chunks"):
        with pytest.raises(UsageError) as error:
            getattr(SafetensorsFile(inside), method)("dense/kernle")
        assert str(error.value) == "m.safetensors holds no entry 'dense/kernle'"
        assert error.value.hint == "did you mean dense/kernel?"


def test_values_of_less_than_a_byte_are_listed_and_not_read(inside):
    craft(inside, {"x": {"dtype": "F4", "shape": [48], "data_offsets": [0, 24]}})
    file = SafetensorsFile(inside)
    assert file.entries["x"].bytes == 24
    with pytest.raises(FormatError) as error:
        file.read("x")
    assert str(error.value) == "m.safetensors: the values of 'x' cannot be read, as each takes 4 bits"


def entry(**changes):
    return {"a": GOOD["a"] | changes}


MALFORMED = {
    "twice": (
        b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}',
        "m.safetensors has a header that holds 'a' twice",
    ),
    "twice in order": (
        b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}',
        "m.safetensors has a header that holds 'a' twice",
    ),
    "metadata as a tensor": (
        b'{"__metadata__":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}',
        "m.safetensors has metadata that is not an object of strings",
    ),
    "metadata after a tensor": (
        b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},'
        b'"__metadata__":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}',
        "m.safetensors has metadata that is not an object of strings",
    ),
    "half a surrogate in the metadata": (
        b'{"__metadata__":{"of":"\\ud800"},"a":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}',
        "m.safetensors has a header that is not UTF-8",
    ),
    "octal": (
        b'{"a":{"dtype":"F32","shape":[6],"data_offsets":[0,024]}}',
        "m.safetensors has a header that is not JSON",
    ),
    "octal size": (
        b'{"a":{"dtype":"F32","shape":[06],"data_offsets":[0,24]}}',
        "m.safetensors has a header that is not JSON",
    ),
    "twice within": (
        b'{"a":{"dtype":"F64","dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}',
        "m.safetensors has a header that holds 'dtype' twice",
    ),
    "not json": (b'{"a":', "m.safetensors has a header that is not JSON"),
    "not utf-8": (b'{"\xff":1}', "m.safetensors has a header that is not UTF-8"),
    "half a surrogate": (
        b'{"\\ud800":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}}',
        "m.safetensors has a header that is not UTF-8",
    ),
    "utf-16": ('{"a":1}'.encode("utf-16"), "m.safetensors has a header that is not UTF-8"),
    "infinity": (b'{"a":Infinity}', "m.safetensors has a header that is not JSON"),
    "huge number": (b'{"a":' + b"9" * 5000 + b"}", "m.safetensors has a header that is not JSON"),
    "nested": (
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "m.safetensors has a header that is nested too deeply",
    ),
    "list": ([], "m.safetensors has a header that is not a JSON object"),
    "metadata": ({"__metadata__": {"n": 1}} | GOOD, "m.safetensors has metadata that is not an object of strings"),
    "metadata list": ({"__metadata__": []} | GOOD, "m.safetensors has metadata that is not an object of strings"),
    "number": ({"a": 1}, "m.safetensors: 'a' is not described by dtype, shape and data_offsets"),
    "no shape": (
        {"a": {"dtype": "F32", "data_offsets": [0, 24]}},
        "m.safetensors: 'a' is not described by dtype, shape and data_offsets",
    ),
    "dtype": (entry(dtype="f 31"), "m.safetensors: 'a' has the dtype 'f 31', which safetensors does not have"),
    "dtype list": (entry(dtype=["F32"]), "m.safetensors: 'a' has the dtype ['F32'], which safetensors does not have"),
    "negative": (entry(shape=[-2, -3]), "m.safetensors: 'a' has the shape [-2, -3], which is not a list of sizes"),
    "float size": (entry(shape=[2.0, 3]), "m.safetensors: 'a' has the shape [2.0, 3], which is not a list of sizes"),
    "float size beside a good one": (
        GOOD | {"b": {"dtype": "F32", "shape": [2.0, 3.0], "data_offsets": [24, 48]}},
        "m.safetensors: 'b' has the shape [2.0, 3.0], which is not a list of sizes",
    ),
    "bool size": (entry(shape=[True, 6]), "m.safetensors: 'a' has the shape [True, 6], which is not a list of sizes"),
    "overflow": (
        entry(shape=[2**62, 4]),
        "m.safetensors: 'a' has the shape [4611686018427387904, 4], which is too large to exist",
    ),
    "overflow beside 0": (
        entry(shape=[2**62, 4, 0], data_offsets=[0, 0]),
        "m.safetensors: 'a' has the shape [4611686018427387904, 4, 0], which is too large to exist",
    ),
    "dimensions": (
        entry(shape=[1] * 65),
        f"m.safetensors: 'a' has the shape {[1] * 65}, which is too large to exist",
    ),
    "half a byte": (entry(dtype="F4", shape=[47]), "m.safetensors: 'a' ends within a byte"),
    "one offset": (
        entry(data_offsets=[0]),
        "m.safetensors: 'a' has the data_offsets [0], which are not a first and a last",
    ),
    "negative offset": (
        entry(data_offsets=[-24, 0]),
        "m.safetensors: 'a' has the data_offsets [-24, 0], which are not a first and a last",
    ),
    "reversed": (
        entry(data_offsets=[24, 0]),
        "m.safetensors: 'a' takes 24 bytes by its shape [2, 3] and dtype float32, and -24 by its data_offsets",
    ),
    "size": (
        entry(shape=[7]),
        "m.safetensors: 'a' takes 28 bytes by its shape [7] and dtype float32, and 24 by its data_offsets",
    ),
    "gap": (
        {"a": {"dtype": "U8", "shape": [20], "data_offsets": [4, 24]}},
        "m.safetensors: 'a' leaves a gap before it: it begins at byte 4, not 0",
    ),
    "overlap": (
        {
            "a": {"dtype": "U8", "shape": [16], "data_offsets": [0, 16]},
            "b": {"dtype": "U8", "shape": [16], "data_offsets": [8, 24]},
        },
        "m.safetensors: 'b' overlaps another tensor: it begins at byte 8, not 16",
    ),
    "trailing": (
        {"a": {"dtype": "U8", "shape": [20], "data_offsets": [0, 20]}},
        "m.safetensors has 4 bytes after its last tensor",
    ),
    "short": (
        {"a": {"dtype": "U8", "shape": [30], "data_offsets": [0, 30]}},
        "m.safetensors is cut short: its tensors take 30 bytes, and 24 follow",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(inside, case):
    header, message = MALFORMED[case]
    compact = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    for each in (header, compact):  # with spaces, and as the package writes it
        craft(inside, each)
        with pytest.raises(FormatError) as error:
            SafetensorsFile(inside)
        assert str(error.value) == message


def test_compact_headers_are_read_as_all_others_are(inside):
    """Each byte of a header that the package wrote is removed, doubled and replaced: it says the same, or is left to the other."""
    safetensors.numpy.save_file({"a": np.zeros(2), "b.é": np.zeros((3, 2), "float32")}, inside, {"of": "{x}"})
    content = inside.read_bytes()
    raw, size = content[8:-40], len(content)
    assert len(compact_header(raw, size, size - 40).entries) == 2
    taken = 0
    for i in range(len(raw)):
        for inserted in (b"", raw[i : i + 1] * 2, *(b"%c" % byte for byte in b' 09ab",:;{}[]\\\n\xff')):
            damaged = raw[:i] + inserted + raw[i + 1 :]
            if (found := compact_header(damaged, size, size - 40)) is not None:
                assert found == read_any(inside, damaged, size, size - 40)
                taken += 1
    assert 100 < taken < 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1234", "m.safetensors is cut short: it has 4 bytes, and a safetensors file begins with 8"),
        (
            struct.pack("<Q", 100_000_001),
            "m.safetensors claims a header of 100,000,001 bytes, and safetensors allows 100,000,000",
        ),
        (struct.pack("<Q", 9) + b"{}", "m.safetensors is cut short: its header takes 9 bytes, and 2 follow"),
        (b"these are no weights\n", "m.safetensors is text, not a safetensors file"),
    ],
)
def test_malformed_before_the_header(inside, content, message):
    inside.write_bytes(content)
    with pytest.raises(FormatError) as error:
        SafetensorsFile(inside)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "header",
    [
        b'  {"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}  ',
        b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24],"more":1}}',
        b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"z":{"dtype":"F32","shape":[0],"data_offsets":[24,24]}}',
    ],
    ids=["padding", "extra key", "empty at the start", "empty at the end"],
)
def test_odd_but_well_formed(inside, header):
    craft(inside, header)
    assert SafetensorsFile(inside).entries["a"].shape == (2, 3)
    assert safetensors.numpy.load_file(inside)["a"].shape == (2, 3)


def test_file_cut_short_after_it_was_opened(inside):
    save(inside, {"x": np.ones(100)})
    file = SafetensorsFile(inside)
    os.truncate(inside, 300)
    with pytest.raises(FormatError) as error:
        file.read("x")
    assert str(error.value) == "m.safetensors ends within the values of 'x'"
    with pytest.raises(FormatError) as error:
        list(file.chunks("x"))
    assert str(error.value) == "m.safetensors ends within the values of 'x'"


def test_disk_full_while_the_package_writes(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody here mount a small disk")
    try:
        path = tmp_path / "m.safetensors"
        save(path, {"x": np.zeros(10)})
        with pytest.raises(FileError) as error:
            save(path, {"x": np.zeros(100_000)})
        assert str(error.value) == f"cannot write {path}: the disk is full"
        assert os.listdir(tmp_path) == ["m.safetensors"]
        assert SafetensorsFile(path).entries["x"].shape == (10,)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
