"""The tensors in ``.onnx`` files: every way they are kept, and files that are damaged or mean harm."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import array, tensor, written

from layercli.errors import FileError, FormatError, MissingPackageError
from layercli.formats import onnx_header
from layercli.formats.detect import open_weights
from layercli.formats.dtype_codec import small_float_values
from layercli.formats.onnx import DTYPES, OnnxFile
from layercli.formats.weight_file import BITS
from layercli.inspect.onnx.summary import summarize_onnx
from layercli.inspect.variables import measure, of_file

RNG = np.random.default_rng(0)
X, Y = [tensor("x", (2, 3))], [tensor("y", (2, 3))]
RELU = [helper.make_node("Relu", ["x"], ["y"], name="relu")]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def holding(*held, **how):
    return written("net.onnx", RELU, X, Y, held, **how)


PLAIN = [name for name in DTYPES.values() if "bfloat" not in name and "_" not in name and BITS[name] >= 8]


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "listed"])
@pytest.mark.parametrize("dtype", PLAIN)
def test_values_of_every_dtype_that_numpy_has(dtype, raw):
    values = (RNG.standard_normal((3, 4)) * 10).astype(dtype)
    code = next(code for code, name in DTYPES.items() if name == dtype)
    kept = values.tobytes() if raw else values.ravel()
    path = holding(helper.make_tensor("w", code, values.shape, kept, raw=raw))
    file = open_weights(path)
    assert isinstance(file, OnnxFile)
    assert (file.entries["w"].shape, file.entries["w"].dtype) == ((3, 4), dtype)
    np.testing.assert_array_equal(file.read("w"), values)
    assert file.read("w").dtype == values.dtype
    chunks = list(file.chunks("w", 5))
    assert [len(chunk) for chunk in chunks] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate(chunks), values.ravel())


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "listed"])
def test_bfloat16_is_read_as_float32(raw):
    values = np.array([1.5, -2.25, 0.0, 3e38], "float32")
    bits = (values.view("uint32") >> 16).astype("uint16")
    x = TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=[4])
    if raw:
        x.raw_data = bits.tobytes()
    else:
        x.int32_data.extend(bits.tolist())
    found = open_weights(holding(x)).read("w")
    np.testing.assert_array_equal(found, (bits.astype("uint32") << 16).view("float32"))


@pytest.mark.parametrize(
    "dtype", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
)
def test_floats_of_eight_bits(dtype):
    code = next(code for code, name in DTYPES.items() if name == dtype)
    path = holding(TensorProto(name="w", data_type=code, dims=[256], raw_data=bytes(range(256))))
    np.testing.assert_array_equal(open_weights(path).read("w"), small_float_values(dtype))


@pytest.mark.parametrize("dtype", ["int4", "uint4", "int2", "uint2", "float4_e2m1fn"])
def test_values_within_a_byte_are_listed_and_not_read(dtype):
    code = next(code for code, name in DTYPES.items() if name == dtype)
    file = open_weights(holding(TensorProto(name="w", data_type=code, dims=[9], raw_data=bytes(5))))
    assert file.entries["w"].bytes == -(-9 * BITS[dtype] // 8)
    with pytest.raises(FormatError) as error:
        file.read("w")
    assert str(error.value) == f"net.onnx: the values of 'w' cannot be read, as each takes {BITS[dtype]} bits"


def test_constants_and_bodies_are_listed_and_text_is_not():
    inner = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["out"])], "b", [], [tensor("out", None)], [array("w", (3,))]
    )
    nodes = [
        helper.make_node("Constant", [], ["table"], value=array("", (2, 3))),
        helper.make_node("Constant", [], ["one"], value=array("", ())),
        helper.make_node("If", ["on"], ["z"], name="choice", then_branch=inner, else_branch=inner),
    ]
    words = helper.make_tensor("words", TensorProto.STRING, [1], [b"hello"])
    inputs = [*X, tensor("on", (), TensorProto.BOOL)]
    file = open_weights(written("net.onnx", nodes, inputs, [tensor("z", None)], [array("w", (5,)), words]))
    assert {name: entry.shape for name, entry in file.entries.items()} == {
        "w": (5,), "table": (2, 3), "choice/then_branch/w": (3,), "choice/else_branch/w": (3,)
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "bool"])
def test_large_values_stay_in_the_file(monkeypatch, dtype):
    code = next(code for code, name in DTYPES.items() if name == dtype)
    raw = RNG.integers(0, 2, 24 * (BITS[dtype] // 8), "u1").tobytes()
    large = helper.make_tensor("", code, (4, 6), raw, raw=True)
    body = helper.make_graph([helper.make_node("Add", ["x", "w"], ["out"])], "b", [], [tensor("out", None)], [large])
    body.initializer[0].name = "w"
    nodes = [
        helper.make_node("Constant", [], ["table"], value=large),
        helper.make_node("If", ["on"], ["z"], name="choice", then_branch=body, else_branch=body),
    ]
    path = written(
        "net.onnx", nodes, [*X, tensor("on", (), TensorProto.BOOL)], [tensor("z", None)], [body.initializer[0]]
    )
    copied = open_weights(path)
    monkeypatch.setattr(onnx_header, "LARGE", 16)
    stays = open_weights(path)
    assert all(x.data_location and not x.raw_data for x in stays._tensors.values())
    assert stays.entries == copied.entries
    assert len(stays.entries) == 4
    for name in stays.entries:
        np.testing.assert_array_equal(stays.read(name), copied.read(name))
        np.testing.assert_array_equal(np.concatenate(list(stays.chunks(name, 5))), copied.read(name).ravel())


def test_an_empty_tensor_and_a_scalar():
    file = open_weights(holding(array("none", (0, 3)), array("one", ())))
    assert (file.read("none").shape, file.read("one").shape) == ((0, 3), ())
    assert list(file.chunks("none")) == []


def beside(location, **noted):
    """Write a model whose tensor of 3 x 4 lies elsewhere."""
    x = TensorProto(name="w", data_type=1, dims=[3, 4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **noted}.items():
        x.external_data.add(key=key, value=str(value))
    return holding(x)


def test_values_in_a_file_beside_it(folder):
    values = RNG.standard_normal((3, 4)).astype("float32")
    (folder / "parts").mkdir()
    (folder / "parts" / "w.bin").write_bytes(b"\0" * 8 + values.tobytes())
    file = open_weights(beside("parts/w.bin", offset=8, length=48))
    np.testing.assert_array_equal(file.read("w"), values)
    np.testing.assert_array_equal(np.concatenate(list(file.chunks("w", 5))), values.ravel())
    variables = of_file(file)
    measure(variables)
    assert variables.rows[0].statistics.maximum == values.max()


def test_without_the_file_beside_it_all_is_listed(folder):
    file = open_weights(beside("gone.bin"))
    assert file.entries["w"].shape == (3, 4)
    assert summarize_onnx("net.onnx", [], []).totals.parameters == 0  # no node takes it
    with pytest.raises(FileError) as error:
        file.read("w")
    assert str(error.value) == "net.onnx keeps 'w' in gone.bin, which is not there"


def test_nothing_outside_the_folder_is_opened(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.bin"
    outside.write_bytes(bytes(48))
    os.symlink(outside, "link.bin")
    os.symlink(outside.parent, "linked")
    (folder / "inner").mkdir()
    relative = os.path.relpath(outside, folder)
    for location in (str(outside), relative, f"inner/../{relative}", "link.bin", "linked/secret.bin", "", "a\0b"):
        file = open_weights(beside(location))
        for reading in (file.read, lambda path, file=file: list(file.chunks(path))):
            with pytest.raises(FileError) as error:
                reading("w")
            assert str(error.value) == (
                f"net.onnx keeps 'w' in {location!r}, which is not within its folder and is never opened"
            )


@pytest.mark.parametrize(
    ("noted", "sentence"),
    [
        ({"offset": 8}, "w.bin ends within the values of 'w'"),
        ({"offset": -8}, "net.onnx says of 'w' that it takes 48 bytes from -8 on, its shape takes 48"),
        ({"length": 1000}, "net.onnx says of 'w' that it takes 1,000 bytes from 0 on, its shape takes 48"),
        ({"offset": "far"}, "net.onnx says of 'w' that it lies at 'far'"),
    ],
)
def test_a_place_that_cannot_be(folder, noted, sentence):
    (folder / "w.bin").write_bytes(bytes(48))
    with pytest.raises(FormatError) as error:
        open_weights(beside("w.bin", **noted)).read("w")
    assert str(error.value) == sentence


def refusal(call, *args):
    with pytest.raises((FileError, FormatError)) as error:
        call(*args)
    return str(error.value)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (TensorProto(name="w", data_type=1, dims=[2**62, 2**62]),
         f"net.onnx: 'w' has the shape [{2**62}, {2**62}], which is too large to exist"),
        (TensorProto(name="w", data_type=1, dims=[-1, 4]), "net.onnx: 'w' has the shape [-1, 4], which are not sizes"),
        (TensorProto(name="w", data_type=99, dims=[4]), "net.onnx: 'w' has the dtype 99, which ONNX does not have"),
    ],
)  # fmt: skip
def test_a_tensor_that_cannot_be(x, sentence):
    holding(x)
    assert refusal(open_weights, "net.onnx") == sentence
    assert refusal(summarize_onnx, "net.onnx", [], []) == sentence


@pytest.mark.parametrize("raw", [b"", bytes(13), bytes(20)])
@pytest.mark.parametrize("large", [1, 1 << 16])
def test_values_that_are_not_as_many_as_the_shape(raw, large, monkeypatch):
    monkeypatch.setattr(onnx_header, "LARGE", large)
    file = open_weights(holding(TensorProto(name="w", data_type=1, dims=[4], raw_data=raw)))
    assert refusal(file.read, "w") == f"net.onnx holds {len(raw) // 4} values of 'w', whose shape [4] takes 4"


@pytest.mark.parametrize("large", [1, 1 << 16])
def test_files_that_are_no_model(folder, large, monkeypatch):
    monkeypatch.setattr(onnx_header, "LARGE", large)
    good = (folder / holding(array("w", (30,)))).read_bytes()
    model = onnx.load("net.onnx")

    def refused(content, name="odd.onnx"):
        (folder / name).write_bytes(content)
        first, second = refusal(open_weights, name), refusal(summarize_onnx, name, [], [])
        assert first == second
        return first

    nothing = "odd.onnx is damaged or not an ONNX file: "
    assert refused(b"") == "odd.onnx is empty"
    assert refused(b"no graph, but text") == f"{nothing}onnx cannot read it"
    with zipfile.ZipFile("z.onnx", "w") as archive:
        archive.writestr("a", b"")
    assert refusal(summarize_onnx, "z.onnx", [], []) == "z.onnx is a zip archive, not an ONNX file"
    (folder / "odd.onnx").write_bytes(b"\x1f\x8b" + bytes(50))
    assert refusal(open_weights, "odd.onnx") == "odd.onnx is a gzip file, which layercli does not read yet"
    assert refusal(summarize_onnx, "odd.onnx", [], []) == "odd.onnx is a gzip file, not an ONNX file"
    assert (
        refused(onnx.ModelProto(ir_version=8, producer_name="p").SerializeToString()) == f"{nothing}it holds no graph"
    )
    assert refused(onnx.ModelProto(graph=model.graph).SerializeToString()) == (
        f"{nothing}it holds no version of the operators it uses"
    )
    for end in range(1, len(good), 3):
        assert refused(good[:end]).startswith(nothing), end
    for text in (b"relu", b"Relu"):
        assert refused(good.replace(text, b"\xff\xfe\xff\xfe")) == "odd.onnx is damaged: a name in it is not text"
    model.graph.initializer.append(array("w", (3,)))
    assert refused(model.SerializeToString()) == "odd.onnx holds 'w' twice"
    model.graph.initializer.pop()
    thin = model.graph.sparse_initializer.add(values={"name": "w", "data_type": 1, "dims": [2]}, dims=[4, 3])
    assert refused(model.SerializeToString()) == "odd.onnx holds 'w' twice"
    thin.dims[0] = 1 << 62
    del model.graph.initializer[:]
    assert refused(model.SerializeToString()).endswith("which is too large to exist")


def varint(number):
    """Return a number as protobuf writes it."""
    low, high = number & 127, number >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def test_bodies_within_bodies(folder):
    """protobuf reads messages a hundred deep: what is deeper is refused, what is not is read."""
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["out"])], "b", [], [tensor("out", None)])
    empty = helper.make_graph([], "e", [], [])
    for _ in range(20):
        node = helper.make_node("If", ["on"], ["out"], then_branch=graph, else_branch=empty)
        graph = helper.make_graph([node], "b", [], [tensor("out", None)])
    inputs = [*X, tensor("on", (), TensorProto.BOOL)]
    path = written("net.onnx", list(graph.node), inputs, list(graph.output))
    assert summarize_onnx(path, [], []).totals.macs == 0
    content = b""
    for _ in range(50):  # a graph with a node with an attribute that is a graph
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            content = tag + varint(len(content)) + content
    (folder / "deep.onnx").write_bytes(b"\x3a" + varint(len(content)) + content)
    assert refusal(open_weights, "deep.onnx") == ("deep.onnx is damaged or not an ONNX file: onnx cannot read it")


def test_the_tensors_are_listed_without_importing_the_whole_of_onnx():
    holding(array("w", (3,)))
    code = """
import sys
from pathlib import Path
from layercli.formats.detect import open_weights
from layercli.formats.onnx import load
print([*open_weights("net.onnx").entries], "onnx" in sys.modules, "ml_dtypes" in sys.modules)
model = load(Path("net.onnx"))
import onnx
print(type(model) is onnx.ModelProto, type(onnx.load("net.onnx").graph) is type(model.graph))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['w'] False False\nTrue True\n", "")


def test_the_extra_is_named(monkeypatch):
    holding()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError) as error:
        open_weights("net.onnx")
    assert (str(error.value), error.value.hint) == (
        "reading ONNX needs onnx, which is not installed", "pip install 'layercli[onnx]'"
    )  # fmt: skip


def test_the_values_that_onnx_reads_itself():
    x = numpy_helper.from_array(RNG.standard_normal((2, 3)).astype("float32"), "w")
    file = open_weights(holding(x))
    np.testing.assert_array_equal(file.read("w"), numpy_helper.to_array(x))
    assert not file.read("w").flags.writeable
