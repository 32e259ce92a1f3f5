"""``layercli convert``: what it writes is read by the packages that own each format, and holds the very same values."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import h5py
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import layercli
from layercli.errors import FormatError
from layercli.formats.detect import open_weights
from layercli.saving import conversion, conversion_writers
from layercli.saving.conversion_result import ConversionOptions
from layercli.testing import assert_same_model

TENSORS = {
    "embed.weight": torch.linspace(-3, 3, 96).reshape(3, 32),
    "half": torch.linspace(0, 1, 7).to(torch.float16),
    "count": torch.tensor(7),
    "mask": torch.tensor([[True, False, True]]),
    "double": torch.tensor([1 / 3], dtype=torch.float64),
    "empty": torch.zeros(0, 4),
}
BRAIN = {"brain": torch.linspace(-1, 1, 40).reshape(2, 20).to(torch.bfloat16)}
KINDS = ["pt", "safetensors", "npz", "h5"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def source(here):
    torch.save(TENSORS, "a.pt")
    return "a.pt"


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("middle", KINDS)
def test_every_kind_holds_the_very_same_values(cli, source, middle, target):
    assert cli(f"convert a.pt b.{middle}").code == 0
    assert cli(f"convert b.{middle} c.{target}").code == 0
    found = open_weights(f"c.{target}")
    assert set(found.entries) == set(TENSORS)
    for name, x in TENSORS.items():
        assert found.entries[name].dtype == str(x.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(found.read(name), x.numpy())


def test_torch_loads_what_is_written(cli, source):
    torch.save({**TENSORS, **BRAIN, "tied": TENSORS["embed.weight"]}, "a.pt")
    done = cli("convert a.pt b.pt")
    assert "tied shares its storage with embed.weight" in done.out
    for more in ({}, {"mmap": True}):
        found = torch.load("b.pt", weights_only=True, **more)
        assert all(torch.equal(found[name], x) for name, x in {**TENSORS, **BRAIN}.items())
        assert found["tied"].untyped_storage().data_ptr() == found["embed.weight"].untyped_storage().data_ptr()


NEWER = [
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "uint16",
    "uint32",
    "uint64",
]


def test_torch_loads_dtypes_that_have_no_storage_class(cli):
    tensors = {name: torch.tensor([[1.0, 0.5, 2.0], [4.0, 8.0, 16.0]]).to(getattr(torch, name)) for name in NEWER}
    torch.save({**tensors, "tied": tensors["uint32"]}, "a.pt")
    assert cli("convert a.pt b.pt").code == 0
    found = torch.load("b.pt", weights_only=True)
    assert {name: x.dtype for name, x in found.items()} == {
        **{n: x.dtype for n, x in tensors.items()},
        "tied": torch.uint32,
    }
    assert all(torch.equal(found[name].view(torch.uint8), x.view(torch.uint8)) for name, x in tensors.items())
    assert found["tied"].untyped_storage().data_ptr() == found["uint32"].untyped_storage().data_ptr()


def test_safetensors_loads_what_is_written(cli, source):
    torch.save({**TENSORS, **BRAIN, "tied": TENSORS["embed.weight"]}, "a.pt")
    done = cli("convert a.pt b.safetensors")
    assert "tied is left out and noted in the metadata: it is embed.weight" in done.out
    found = load_file("b.safetensors")
    assert set(found) == {*TENSORS, *BRAIN}
    assert all(torch.equal(found[name], x) for name, x in {**TENSORS, **BRAIN}.items())
    with safe_open("b.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "tied": "embed.weight"}
    assert_same_model("a.pt", "b.safetensors")


def test_numpy_and_h5py_load_what_is_written(cli, source):
    cli("convert a.pt b.npz")
    cli("convert a.pt b.h5")
    with np.load("b.npz") as npz, h5py.File("b.h5") as h5:
        for name, x in TENSORS.items():
            np.testing.assert_array_equal(npz[name], x.numpy())
            np.testing.assert_array_equal(h5[name][()], x.numpy())


def test_gguf_reads_what_is_written(cli):
    torch.save({"w": TENSORS["embed.weight"], "h": TENSORS["half"], **BRAIN}, "a.pt")
    assert cli("convert a.pt b.gguf").code == 0
    found = {x.name: x for x in gguf.GGUFReader("b.gguf").tensors}
    assert {name: x.tensor_type.name for name, x in found.items()} == {"w": "F32", "h": "F16", "brain": "BF16"}
    np.testing.assert_array_equal(found["w"].data.reshape(3, 32), TENSORS["embed.weight"].numpy())
    assert cli("convert b.gguf c.safetensors").code == 0
    assert_same_model("a.pt", "c.safetensors")


def test_q8_0_is_the_quantization_of_the_package(cli):
    x = torch.randn(4, 64)
    torch.save({"w": x, "b": torch.ones(4)}, "a.pt")
    done = cli("convert a.pt b.gguf --dtype q8_0")
    assert "Worst rounding:" in done.out
    kind = gguf.GGMLQuantizationType.Q8_0
    found = open_weights("b.gguf")
    assert (found.entries["w"].dtype, found.entries["b"].dtype) == ("q8_0", "float32")
    np.testing.assert_array_equal(found.read("w"), gguf.dequantize(gguf.quantize(x.numpy(), kind), kind))
    assert cli("convert b.gguf c.npz").err.startswith("error: 'w' is quantized (q8_0), which GGUF alone holds\n")
    assert cli("convert b.gguf c.npz --dtype float16").code == 0
    assert open_weights("c.npz").entries["w"].dtype == "float16"
    assert cli("convert b.gguf d.gguf").code == 0
    assert Path("b.gguf").read_bytes() == Path("d.gguf").read_bytes()


def test_the_metadata_of_gguf_is_kept(cli):
    writer = gguf.GGUFWriter("a.gguf", "llama")
    writer.add_string("general.description", "a model")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_tensor("w", np.ones((2, 32), "float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    cli("convert a.gguf b.gguf --dtype float16")
    fields = gguf.GGUFReader("b.gguf").fields
    assert fields["general.description"].contents() == "a model"
    assert fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    assert "the metadata of a.gguf is left out: npz files have no place for it" in cli("convert a.gguf b.npz").out


def test_keras_s_weights(cli):
    model = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(2)])
    model.save_weights("a.weights.h5")
    assert cli("convert a.weights.h5 b.safetensors").code == 0
    assert cli("convert b.safetensors c.weights.h5").code == 0
    kernel = model.get_weights()[0]
    model.set_weights([kernel * 0, model.get_weights()[1]])
    model.load_weights("c.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_a_cast_rounds_as_torch_does(cli, source):
    x = torch.randn(1000) * 10
    torch.save({"x": x, "n": torch.arange(3)}, "a.pt")
    for dtype in ("bfloat16", "float16", "float64"):
        done = cli(f"convert a.pt b.safetensors --force --dtype {dtype} --format json")
        expected = x.to(getattr(torch, dtype))
        found = load_file("b.safetensors")
        assert torch.equal(found["x"], expected)
        assert found["n"].dtype == torch.int64
        worst = json.loads(done.out)["worst_rounding"]
        error = float((x.double() - expected.double()).abs().max() / x.abs().max())
        assert (worst or {"relative": 0})["relative"] == pytest.approx(error)


def test_nan_stays_nan_in_bfloat16():
    values = np.array([np.nan, np.inf, -np.inf, 3.4e38, -0.0], "float32")
    torch.save({"x": torch.tensor(values).double()}, "a.pt")
    from layercli.formats.dtype_codec import decode, encode

    np.testing.assert_array_equal(
        decode(encode(values, "bfloat16"), "bfloat16"), torch.tensor(values).to(torch.bfloat16).float().numpy()
    )


def test_shards_and_their_index(cli):
    tensors = {f"layers.{i}.weight": torch.full((8, 8), float(i)) for i in range(5)}
    torch.save(tensors, "a.pt")
    assert cli("convert a.pt m.safetensors --shard-size 520").code == 0
    assert sorted(path.name for path in Path().glob("m*")) == [
        "m-00001-of-00003.safetensors",
        "m-00002-of-00003.safetensors",
        "m-00003-of-00003.safetensors",
        "m.safetensors.index.json",
    ]
    index = json.loads(Path("m.safetensors.index.json").read_text())
    assert index["metadata"] == {"total_size": 5 * 256}
    assert index["weight_map"]["layers.2.weight"] == "m-00002-of-00003.safetensors"
    assert cli("check . --values").code == 0
    assert_same_model("a.pt", "m.safetensors.index.json")
    assert cli("convert m.safetensors.index.json n.npz").code == 0
    assert_same_model("a.pt", "n.npz")


def test_names_are_changed_and_chosen(cli, source):
    torch.save({f"module.{name}": x for name, x in TENSORS.items()}, "a.pt")
    Path("rules.txt").write_text("module. -> ''\n")
    done = cli("convert a.pt b.npz --rename rules.txt --exclude half --exclude m*k --format json")
    assert [each["name"] for each in json.loads(done.out)["tensors"]] == [
        "embed.weight",
        "count",
        "double",
        "empty",
    ]
    assert set(open_weights("b.npz").entries) == {"embed.weight", "count", "double", "empty"}


def test_nothing_is_written_in_a_dry_run(cli, source):
    done = cli("convert a.pt b.safetensors --dry-run --dtype float16")
    assert done.code == 0
    assert done.out == (
        "a.pt -> b.safetensors\n\nWould write:  b.safetensors\nTensors:      4 float16, 1 int64, 1 bool\nBytes:        219 B\n"
    )
    assert [path.name for path in Path().iterdir()] == ["a.pt"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            "a.pt b.xyz",
            "b.xyz ends in none of .safetensors, .pt, .pth, .bin, .ckpt, .npz, .weights.h5, .h5, .hdf5, .gguf, .keras, .onnx, .pt2",
        ),
        ("a.pt old.npz", "old.npz exists already"),
        ("a.pt b.gguf", "GGUF has no type for 'mask' of bool"),
        ("a.pt b.npz --dtype q8_0", "q8_0 is a type of GGUF: the target must end in .gguf"),
        ("a.pt b.npz --shard-size 5GB", "--shard-size is for .safetensors alone"),
        ("a.pt b.safetensors --shard-size much", "--shard-size expects a size such as 5GB, got 'much'"),
        ("a.pt b.npz --include nothing", "nothing of a.pt is left to convert"),
        ("a.pt b.npz --dtype bfloat16", "npz has no dtype for 'embed.weight' of bfloat16"),
        (
            "a.pt b.weights.h5",
            "b.weights.h5 would hold 'embed.weight', which Keras does not look for: it has layers/dense/vars/0",
        ),
        ("a.pt b.npz --rename two.txt", "'half' would be called 'x', as 'embed.weight' is"),
        ("big.pt b.npz --dtype float16", "'x' has values too large for float16, 1e+05 among them"),
        ("none.pt b.npz", "none.pt does not exist"),
        (
            "long.pt b.npz",
            f"npz cannot hold '{'a' * 38}...{'a' * 37}' as a name: it has 65,531 bytes at most, and no NUL",
        ),
        ("nul.pt b.npz", r"npz cannot hold 'a\x00b' as a name: it has 65,531 bytes at most, and no NUL"),
        ("empty.pt b.npz", "empty.pt: '' would have no name"),
    ],
)
def test_what_cannot_be_converted_is_said(cli, source, args, message):
    Path("old.npz").write_bytes(b"old")
    Path("two.txt").write_text("half -> x\nembed.weight -> x\n")
    torch.save({"x": torch.tensor([1e5])}, "big.pt")
    for file, name in (("long.pt", "a" * 70_000), ("nul.pt", "a\0b"), ("empty.pt", "")):
        torch.save({name: torch.ones(1)}, file)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    done = cli(f"convert {args}")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize("kind", [*KINDS, "gguf"])
def test_a_file_that_is_not_as_it_was_meant_is_never_put_in_its_place(source, kind, monkeypatch):
    torch.save({"w": torch.ones(4, 4)}, "a.pt")
    Path(f"b.{kind}").write_bytes(b"old")
    plain = conversion_writers.digested

    def wrong(digests, each):
        yield from plain(digests, each)
        digests[each.entry.path] = b"another"

    monkeypatch.setattr(conversion_writers, "digested", wrong)
    with pytest.raises(FormatError, match="was not written as it should be: 'w' has other values there"):
        conversion.convert(open_weights("a.pt"), f"b.{kind}", ConversionOptions(force=True))
    assert Path(f"b.{kind}").read_bytes() == b"old"
    assert sorted(path.name for path in Path().iterdir()) == ["a.pt", f"b.{kind}"]


def test_a_file_can_take_its_own_place(cli, source):
    save_file({"w": torch.ones(5, 3)}, "m.safetensors")
    assert cli("convert m.safetensors m.safetensors --dtype float16 --force").code == 0
    assert torch.equal(load_file("m.safetensors")["w"], torch.ones(5, 3).half())
