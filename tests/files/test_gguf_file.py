"""GGUF files against the package's own writer and its own numbers, and against headers that lie."""

import pathlib
import resource
import struct
import subprocess
import sys

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from layercli.errors import FileError, FormatError, MissingPackageError
from layercli.formats.detect import is_weights, open_weights
from layercli.formats.gguf import GgufFile

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(tensors, settings=lambda writer: None, path="m.gguf"):
    """Write arrays, or (array of bytes, type) of quantized ones, as the package does."""
    writer = gguf.GGUFWriter(path, "llama")
    settings(writer)
    for name, value in tensors.items():
        array, kind = value if isinstance(value, tuple) else (value, None)
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return open_weights(path)


def check(file, path, expected):
    found = file.read(path)
    assert (found.dtype, found.shape, found.flags.writeable) == (expected.dtype, expected.shape, False)
    np.testing.assert_array_equal(found, expected)
    for values in (1 << 20, 7, 300):
        chunks = list(file.chunks(path, values))
        assert max(map(len, chunks)) <= values
        np.testing.assert_array_equal(np.concatenate(chunks), expected.reshape(-1))


def all_settings(writer):
    writer.add_name("a model")
    writer.add_token_list([f"word {i} é" for i in range(1000)])
    writer.add_token_scores([0.5] * 1000)
    writer.add_array("nothing", [])
    writer.add_bool("yes", True)
    for kind in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        getattr(writer, f"add_{kind}")(kind, 1)


def test_numbers_that_are_no_blocks():
    tensors = {f"t.{dtype}": RNG.integers(-9, 9, (2, 3, 4)).astype(dtype) for dtype in
               ("float16", "float32", "float64", "int8", "int16", "int32", "int64")}  # fmt: skip
    file = saved(tensors, all_settings)
    assert isinstance(file, GgufFile)
    assert is_weights("m.gguf")
    for path, x in tensors.items():
        assert (file.entries[path].shape, file.entries[path].dtype) == ((2, 3, 4), path[2:])
        check(file, path, x)


QUANTIZED = [kind for kind in Type if gguf.GGML_QUANT_SIZES[kind][0] > 1]
WITHOUT_NUMBERS = {Type.Q8_1, Type.Q8_K, Type.Q1_0}


@pytest.mark.parametrize("kind", QUANTIZED, ids=lambda kind: kind.name)
def test_every_type_of_blocks(kind):
    values, size = gguf.GGML_QUANT_SIZES[kind]
    raw = RNG.integers(0, 256, (3, 5, 2 * size)).astype(np.uint8)
    file = saved({"before": np.ones(3, np.float32), "blk.0.w": (raw, kind), "after": np.ones(5, np.float16)})
    entry = file.entries["blk.0.w"]
    assert (entry.shape, entry.dtype, entry.bytes) == ((3, 5, 2 * values), kind.name.lower(), raw.size)
    check(file, "after", np.ones(5, np.float16))
    if kind in WITHOUT_NUMBERS:
        for use in (file.read, lambda path: list(file.chunks(path))):
            with pytest.raises(FormatError) as error:
                use("blk.0.w")
            assert str(error.value) == (
                f"m.gguf: the values of 'blk.0.w' cannot be read, as gguf has no numbers for {kind.name}"
            )
        return
    with np.errstate(all="ignore"):
        check(file, "blk.0.w", gguf.dequantize(raw, kind))


def test_what_the_package_quantizes():
    x = RNG.standard_normal((4, 512)).astype(np.float32)
    kinds = [Type.BF16, Type.Q4_0, Type.Q8_0, Type.Q5_1]
    file = saved({kind.name: (gguf.quantize(x, kind), kind) for kind in kinds})
    for kind in kinds:
        check(file, kind.name, gguf.dequantize(gguf.quantize(x, kind), kind))
    assert file.entries["BF16"].dtype == "bfloat16"
    assert file.entries["BF16"].bytes == 4 * 512 * 2


def test_another_alignment():
    file = saved({"a": np.ones(3, np.float32), "b": np.arange(5.0)}, lambda writer: writer.add_custom_alignment(256))
    check(file, "b", np.arange(5.0))


def test_a_vocabulary_costs_nothing():
    def settings(writer):
        writer.add_token_list([str(i) for i in range(200_000)])

    saved({"a": np.ones(3, np.float32)}, settings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert list(open_weights("m.gguf").entries) == ["a"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8192


def test_without_the_package(monkeypatch):
    saved({"a": np.ones(3, np.float32)})
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingPackageError) as error:
        open_weights("m.gguf")
    assert str(error.value) == "reading GGUF needs gguf, which is not installed"
    assert error.value.hint == "pip install 'layercli[gguf]'"
    assert is_weights("m.gguf")


def test_torch_takes_no_part():
    saved({"w": (np.zeros((2, 18), np.uint8), Type.Q4_0)})
    program = """
import sys
for name in ("torch", "h5py", "safetensors", "rich", "requests"): sys.modules[name] = None
from layercli.formats.detect import open_weights
file = open_weights("m.gguf")
print(*file.entries.values(), file.read("w").sum())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("TensorEntry(path='w', shape=(2, 32), dtype='q4_0') 0.0\n", "")


# Headers that lie.


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def described(name="w", sizes=(4,), kind=0, start=0):
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, start)


def header(tensors=(), settings=(), version=3, count=None, values=None):
    begin = b"GGUF" + struct.pack(
        "<IQQ", version, len(tensors) if count is None else count, len(settings) if values is None else values
    )
    whole = begin + b"".join(settings) + b"".join(tensors)
    return whole + bytes(-len(whole) % 32)


def setting(kind, raw, name="x"):
    return text(name) + struct.pack("<I", kind) + raw


def array(kind, count, raw=b""):
    return struct.pack("<IQ", kind, count) + raw


def refusal(content):
    pathlib.Path("bad.gguf").write_bytes(content)
    with pytest.raises((FormatError, FileError)) as error:
        open_weights("bad.gguf")
    return str(error.value)


HUGE = 2**64 - 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (header(version=1), "bad.gguf is version 1 of GGUF, not 2 or 3"),
        (header(version=0), "bad.gguf is version 0 of GGUF, not 2 or 3"),
        (header(version=3 << 24), "bad.gguf is big-endian GGUF, which layercli does not read"),
        (b"GGUF\3", "bad.gguf ends within its header"),
        (header(count=HUGE), "bad.gguf ends within its header"),
        (header(values=HUGE), "bad.gguf ends within its header"),
        *((header(settings=[setting(kind, raw)]), "bad.gguf ends within its header") for kind, raw in [
            (8, struct.pack("<Q", HUGE)), (9, array(0, HUGE)), (9, array(8, HUGE)), (9, array(12, 2**61)),
            (9, array(8, 1, struct.pack("<Q", 2**40))), (9, array(9, HUGE)), (9, array(9, 1, array(0, HUGE))),
        ]),
        (header(settings=[setting(13, b"")]),
         "bad.gguf has metadata of type 13, which GGUF does not define, or not at that depth"),
        (header(settings=[setting(9, array(99, 1))]),
         "bad.gguf has metadata of type 99, which GGUF does not define, or not at that depth"),
        (header(settings=[setting(9, array(9, 1) * 100000)]),
         "bad.gguf has metadata of type 9, which GGUF does not define, or not at that depth"),
        *((header(settings=[setting(kind, raw, "general.alignment")]),
           "bad.gguf has a general.alignment that is not a power of two") for kind, raw in [
            (4, struct.pack("<I", 0)), (4, struct.pack("<I", 48)), (0, b"\1"), (8, text("32")),
        ]),
        (header([text(b"\xff")]), "bad.gguf has a name in its header that is not UTF-8"),
        (header([described(sizes=(4,) * 65)]), "bad.gguf: 'w' has 65 dimensions, and an array has 64 at most"),
        (header([text("w") + struct.pack("<I", 2**32 - 1)]),
         "bad.gguf: 'w' has 4,294,967,295 dimensions, and an array has 64 at most"),
        (header([described(sizes=(2**32, 2**32))]),
         "bad.gguf: 'w' has the shape [4294967296, 4294967296], which is too large to exist"),
        (header([described(sizes=(0, HUGE))]),
         "bad.gguf: 'w' has the shape [18446744073709551615, 0], which is too large to exist"),
        (header([described(sizes=(40,), kind=2)]), "bad.gguf: 'w' has rows of 40 values, and q4_0 has blocks of 32"),
        (header([described(sizes=(), kind=2)]), "bad.gguf: 'w' has rows of 1 values, and q4_0 has blocks of 32"),
        (header([described()]), "bad.gguf: 'w' reaches to byte 80 of a file of 64"),
        (header([described(start=2**63)]), "bad.gguf: 'w' reaches to byte 9,223,372,036,854,775,888 of a file of 64"),
        (header([described(kind=12, sizes=(256, 3))]), "bad.gguf: 'w' reaches to byte 528 of a file of 96"),
        (header([described(), described()]) + bytes(99), "bad.gguf holds 'w' twice"),
    ],
)  # fmt: skip
def test_headers_that_lie(content, sentence):
    assert refusal(content) == sentence


def test_a_type_that_gguf_does_not_know_is_listed_by_size():
    tensors = [described(kind=99, sizes=(64, 3)), described(name="x", start=160)]
    pathlib.Path("new.gguf").write_bytes(header(tensors) + bytes(176))
    file = open_weights("new.gguf")
    entry = file.entries["w"]
    assert (entry.shape, entry.dtype, entry.bytes) == ((3, 64), "type_99", 160)
    assert entry.unreadable == "it is of type 99, which this release of gguf does not know"
    check(file, "x", np.zeros(4, np.float32))
    with pytest.raises(FormatError) as error:
        file.read("w")
    assert str(error.value) == f"new.gguf: the values of 'w' cannot be read, as {entry.unreadable}"


def test_the_header_of_these_tests_is_one():
    pathlib.Path("good.gguf").write_bytes(header([described()], [setting(9, array(8, 1, text("a")))]) + bytes(16))
    check(open_weights("good.gguf"), "w", np.zeros(4, np.float32))
    pathlib.Path("good.gguf").write_bytes(header([described(sizes=())]) + bytes(4))
    assert open_weights("good.gguf").read("w").shape == ()


def test_a_file_cut_short_anywhere():
    saved({"a": np.ones(30, np.float32), "w": (np.zeros((2, 18), np.uint8), Type.Q4_0)}, all_settings)
    whole = pathlib.Path("m.gguf").read_bytes()
    end = open_weights("m.gguf").places["w"].start + 36
    for length in [*range(1, end, 211), *range(end - 150, end)]:
        message = refusal(whole[:length])
        assert "ends within its header" in message or "reaches to byte" in message or length < 4
    file = open_weights("m.gguf")
    with open("m.gguf", "r+b") as stream:
        stream.truncate(end - 20)  # after it was opened
    with pytest.raises(FormatError) as error:
        file.read("w")
    assert str(error.value) == "m.gguf ends within the values of 'w'"


def test_an_entry_that_is_not_there():
    file = saved({"blk.0.attn_q.weight": np.ones(3, np.float32)})
    for use in (file.read, lambda path: file.chunks(path)):
        with pytest.raises(ValueError) as error:
            use("blk.0.attn_k.weight")
        assert str(error.value) == "m.gguf holds no entry 'blk.0.attn_k.weight'"


def test_a_part_of_a_model_says_so():
    def part(writer):
        writer.add_uint16("split.no", 1)
        writer.add_uint16("split.count", 3)

    saved({"w": np.zeros(4, "float32")}, part)
    assert GgufFile("m.gguf").notes == ["this is part 2 of 3 of a model: the other files are not read"]
    saved({"w": np.zeros(4, "float32")}, lambda writer: writer.add_uint16("split.count", 1))
    assert GgufFile("m.gguf").notes == []
