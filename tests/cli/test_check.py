"""``layercli check``: each kind of damage has its code, and the first bad tensor is named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import zipfile
from pathlib import Path

import gguf
import h5py
import numpy as np
import pytest
import torch

from layercli.formats.safetensors import save
from layercli.inspect.file_check import OF_NO_TENSOR, CheckOptions, check_path

ARRAYS = {"fc.weight": np.arange(12, dtype="float32").reshape(3, 4) + 1, "fc.bias": np.ones(3, "float32")}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def header(content, data=b"\0" * 8):
    raw = json.dumps(content).encode() if isinstance(content, dict) else content
    Path("m.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return "m.safetensors"


def one(**more):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **more}}


def cut(file, count):
    Path(file).write_bytes(Path(file).read_bytes()[:-count])
    return file


def saved(file):
    if file.endswith(".safetensors"):
        save(file, ARRAYS)
    elif file.endswith(".npz"):
        np.savez(file, **ARRAYS)
    elif file.endswith(".h5"):
        with h5py.File(file, "w") as h5:
            for name, x in ARRAYS.items():
                h5[name] = x
    else:
        torch.save({name: torch.tensor(x) for name, x in ARRAYS.items()}, file)
    return file


def sharded(**more):
    names = list(ARRAYS)
    save("m-1.safetensors", {names[0]: ARRAYS[names[0]], **more})
    save("m-2.safetensors", {names[1]: ARRAYS[names[1]]})
    index = {names[0]: "m-1.safetensors", names[1]: "m-2.safetensors"}
    Path("m.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return "m.safetensors.index.json"


def without_shard():
    sharded()
    Path("m-2.safetensors").unlink()
    return "m.safetensors.index.json"


def with_another(**more):
    sharded()
    save("m-2.safetensors", more)
    return "m.safetensors.index.json"


def flipped():
    array = np.arange(20_000, dtype="float32")
    np.savez("m.npz", **{"fc.weight": array})
    raw = bytearray(Path("m.npz").read_bytes())
    raw[raw.index(array.tobytes()) + 70_000] ^= 1
    Path("m.npz").write_bytes(raw)
    return "m.npz"


def archived(file, **members):
    with zipfile.ZipFile(file, "w", members.pop("method", zipfile.ZIP_STORED)) as zipped:
        for name, content in members.items():
            zipped.writestr(name.replace("_", "."), content)
    return file


def second_at(position):
    """A GGUF file of two tensors of 64 bytes, the second so many bytes after the beginning of the first."""
    content = b"GGUF" + struct.pack("<IQQ", 3, 2, 0)
    for name, start in ((b"a", 0), (b"b", position)):
        content += struct.pack("<Q", 1) + name + struct.pack("<IQIQ", 1, 16, 0, start)
    Path("m.gguf").write_bytes(content + b"\0" * (-len(content) % 32 + 64 + position))
    return "m.gguf"


def pickled():
    torch.save({"w": torch.ones(2), "call": os.getcwd}, "m.pt")
    return "m.pt"


def index(**names):
    Path("i.json").write_text(json.dumps({"weight_map": names}))
    return "i.json"


DAMAGE = {
    "cut in its values": (lambda: cut(saved("m.safetensors"), 4), "truncated", None),
    "cut in its header": (lambda: cut(header(one()), 30), "truncated", None),
    "no header": (lambda: header(b"{nonsense"), "bad-header", None),
    "empty": (lambda: Path("e.npz").write_bytes(b"") or "e.npz", "truncated", None),
    "more bytes": (lambda: header(one(), b"\0" * 12), "trailing-bytes", None),
    "a gap": (lambda: header({**one(), "b": one(data_offsets=[12, 20])["a"]}, b"\0" * 20), "gap", "b"),
    "an overlap": (lambda: header({**one(), "b": one(data_offsets=[4, 12])["a"]}, b"\0" * 12), "overlap", "b"),
    "twice": (lambda: header(b'{"a": 1, "a": 2}'), "duplicate", "a"),
    "a wrong length": (lambda: header(one(shape=[3])), "wrong-length", "a"),
    "a wrong dtype": (lambda: header(one(dtype="F33")), "bad-dtype", "a"),
    "a wrong shape": (lambda: header(one(shape=[-2])), "bad-shape", "a"),
    "an archive cut": (lambda: cut(saved("m.npz"), 30), "bad-archive", None),
    "a checkpoint cut": (lambda: cut(saved("m.pt"), 30), "bad-archive", None),
    "HDF5 cut": (lambda: cut(saved("m.h5"), 30), "bad-header", None),
    "a shard missing": (without_shard, "missing-shard", "fc.bias"),
    "a tensor missing": (lambda: with_another(other=ARRAYS["fc.bias"]), "missing-tensor", "fc.bias"),
    "a tensor in two shards": (lambda: sharded(**{"fc.bias": ARRAYS["fc.bias"]}), "extra-tensor", "fc.bias"),
    "an overlap in GGUF": (lambda: second_at(32), "overlap", "b"),
    "a gap in GGUF": (lambda: second_at(96), "gap", "b"),
    "no multiple of the alignment": (lambda: second_at(72), "unaligned", "b"),
    "code in a checkpoint": (pickled, "unsafe", None),
    "objects": (lambda: np.savez("m.npz", a=np.array([{}])) or "m.npz", "unsafe", "a.npy"),
    "a member of another kind": (lambda: archived("m.npz", a_npy=b"", b_txt=b""), "bad-header", "b.txt"),
    "another compression": (
        lambda: archived("m.npz", a_npy=b"a", method=zipfile.ZIP_LZMA),
        "unreadable",
        "a.npy",
    ),
    "compressed weights": (
        lambda: archived(
            "m.keras", config_json="{}", metadata_json="{}", method=zipfile.ZIP_DEFLATED, **{"model.weights.h5": b""}
        ),
        "unreadable",
        None,
    ),
    "no weights": (lambda: archived("m.keras", config_json="{}", metadata_json="{}"), "damaged", None),
    "an index of itself": (lambda: index(a="i.json"), "bad-index", None),
    "an index of an index": (lambda: sharded() and index(a="m.safetensors.index.json"), "bad-index", None),
    "an index of nothing": (lambda: Path("i.json").write_text('{"a": 1}') and "i.json", "bad-index", None),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_of_damage_has_its_code(cli, kind):
    make, code, tensor = DAMAGE[kind]
    done = cli("check", make(), "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["sound"], found["schema"]) == (1, False, "layercli.check/1")
    first = found["findings"][0]
    assert first["code"] == code
    assert first["message"] in found["answer"]
    assert tensor is None or first["tensor"] == tensor
    assert code not in OF_NO_TENSOR or first["tensor"] == tensor


@pytest.mark.parametrize("command", ["check", "vars", "diff m.npz"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("i.json", "i.json names itself as a shard, and an index holds no tensors"),
        ("m.safetensors.index.json", "i.json names the shard {name!r}, which is an index too, and holds no tensors"),
    ],
)
def test_an_index_that_names_an_index_is_said(cli, command, name, message):
    sharded()
    saved("m.npz")
    index(a=name)
    done = cli(f"{command} i.json")
    said = message.format(name=name)
    if command == "check":
        assert (done.code, done.out.splitlines()[0]) == (1, f"damaged: {said}")
    else:
        assert (done.code, done.err) == (2, f"error: {said}\n")


def test_a_limit_and_a_format_that_is_not_known_are_findings(cli):
    saved("m.pt")
    Path("m.bin").write_text("nothing of the kind")
    done = cli("check . --limit tensors=1 --format json")
    found = [each["code"] for each in json.loads(done.out)["findings"]]
    assert (done.code, found) == (1, ["unknown-format", "over-limit"])


def test_a_shard_that_no_index_names_is_said(cli):
    sharded()
    save("m-2-00001-of-00002.safetensors", ARRAYS)
    [finding] = check_path(".").findings
    assert (finding.code, finding.severity) == ("unnamed-shard", "warning")
    assert finding.message.startswith("m-2-00001-of-00002.safetensors is named as a shard, and no index")
    done = cli("check", ".")
    assert (done.code, done.out.splitlines()[0]) == (0, "sound: 4 tensors in 4 files, 1 warning")


@pytest.mark.parametrize("file", ["m.safetensors", "m.npz", "m.pt", "m.h5"])
def test_a_sound_file_has_no_finding(cli, file):
    done = cli("check", saved(file), "--values")
    assert done.code == 0
    assert done.out.splitlines()[0] == "sound: 2 tensors in 1 file"


VALUES = {
    "nan": (np.array([1, np.nan, np.nan], "float32"), "error", "has 2 NaN among 3 values"),
    "infinity": (np.array([1, -np.inf], "float32"), "error", "has 1 infinities among 2 values"),
    "all-zero": (np.zeros((2, 2), "float32"), "warning", "is zero throughout"),
    "constant": (np.full((2, 2), 0.5, "float16"), "warning", "has the value 0.5 throughout"),
    "huge": (np.array([[1, 3e7]], "float32"), "warning", "has a magnitude of 3e+07"),
    "dead-channels": (np.array([[1, 2], [0, 0], [0, 0]], "float32"), "warning", "has 2 of 3 channels that are zero"),
}


@pytest.mark.parametrize("code", VALUES)
def test_values_that_something_went_wrong_with(code):
    array, severity, text = VALUES[code]
    save("m.safetensors", {"x": array, "zeros": np.zeros(3, "float32"), "count": np.zeros((2, 2), "int64")})
    [finding] = check_path("m.safetensors", CheckOptions(values=True)).findings
    assert (finding.code, finding.severity, finding.tensor) == (code, severity, "x")
    assert finding.message == f"m.safetensors: 'x' {text}"
    assert check_path("m.safetensors").findings == []


def test_channels_are_followed_over_blocks(monkeypatch):
    monkeypatch.setattr("layercli.inspect.value_checks.STRIDE", 7)
    array = np.ones((9, 5), "float32")
    array[[1, 2, 8]] = 0
    save("m.safetensors", {"x": array})
    [finding] = check_path("m.safetensors", CheckOptions(values=True)).findings
    assert finding.message == "m.safetensors: 'x' has 3 of 9 channels that are zero"


def test_a_flipped_bit_is_found_by_the_checksum_of_the_archive():
    file = flipped()
    assert not check_path(file).errors
    found = check_path(file, CheckOptions(values=True)).findings
    assert (found[0].code, found[0].tensor) == ("bad-crc", "fc.weight")


def test_the_sums_do_not_depend_on_the_file(cli):
    sums = {cli("check", saved(file), "--hash").out for file in ("m.safetensors", "m.npz", "m.pt", "m.h5")}
    by_name = [dict(reversed(line.split("  ")) for line in each.splitlines()) for each in sums]
    assert all(each == by_name[0] for each in by_name)
    expected = hashlib.sha256(b"fc.bias\x003\x00float32\x00" + ARRAYS["fc.bias"].tobytes()).hexdigest()
    assert by_name[0]["fc.bias"] == expected
    assert expected in cli("vars m.npz --hash --format csv").out


def test_bfloat16_has_one_sum_in_every_file():
    x = torch.randn(5, 3).to(torch.bfloat16)
    torch.save({"x": x}, "m.pt")
    from safetensors.torch import save_file

    save_file({"x": x}, "m.safetensors")
    sums = [check_path(file, CheckOptions(hashes=True)).sums for file in ("m.pt", "m.safetensors")]
    assert sums[0] == sums[1]


def test_a_copy_is_compared_with_sums(cli):
    Path("sums.txt").write_text(cli("check", saved("m.pt"), "--hash").out)
    assert cli("check", saved("m.npz"), "--against", "sums.txt").code == 0
    save("m.safetensors", {**ARRAYS, "fc.bias": np.zeros(3, "float32"), "more": np.ones(1, "float32")})
    done = cli("check m.safetensors --against sums.txt --format github")
    assert done.code == 1
    assert done.out == (
        "::error title=layercli check::damaged: m.safetensors: 'fc.bias' has other contents (and 1 more)\n"
        "::error title=check checksum::m.safetensors: 'fc.bias' has other contents\n"
        "::error title=check checksum::m.safetensors: 'more' is not in the sums\n"
    )


def test_a_folder_is_checked_file_by_file(cli):
    sharded()
    saved("other.npz")
    Path("notes.txt").write_text("nothing")
    done = cli("check .")
    assert (done.code, done.out.splitlines()[0]) == (0, "sound: 4 tensors in 4 files")
    cut("m-1.safetensors", 3)
    done = cli("check .")
    assert done.code == 1
    assert done.out.startswith("damaged: m-1.safetensors is cut short: its tensors take 48 bytes, and 45 follow\n")


def split_gguf():
    """Let the package gguf write a model of three tensors as three files."""
    writer = gguf.GGUFWriter("m.gguf", "llama", split_max_tensors=1)
    for name in "abc":
        writer.add_tensor(name, np.ones(4, "float32"))
    writer.write_header_to_file(Path("m.gguf"))
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return [f"m-0000{part}-of-00003.gguf" for part in (1, 2, 3)]


def test_a_part_of_a_gguf_is_checked_with_the_others(cli):
    names = split_gguf()
    done = cli(f"check {names[1]}")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "sound: 3 tensors in 3 files (m-00002-of-00003.gguf is part 2 of 3 of a model)",
    )
    done = cli("check .")
    assert (done.code, done.out.splitlines()[0]) == (0, "sound: 3 tensors in 3 files")
    cut(names[2], 40)
    for asked in (*names, "."):  # a damaged part is told once, whichever is asked for
        found = check_path(asked)
        assert [(each.code, each.file) for each in found.errors] == [("truncated", names[2])]


def test_the_parts_of_a_gguf_that_are_not_right_are_named():
    names = split_gguf()
    third = Path("kept/third")
    third.parent.mkdir()
    os.rename(names[2], third)

    def faults(file=names[0]):
        return [(each.code, each.message) for each in check_path(file).findings]

    lacks = f"{names[0]} is part 1 of 3 of a model, and its folder lacks '{names[2]}'"
    assert faults() == faults(".") == [("missing-shard", lacks)]
    shutil.copy(names[1], names[2])
    assert faults() == [
        ("bad-index", f"{names[2]} is part 2 of 3 of a model by its header, not part 3 of 3 of a model")
    ]
    Path(names[2]).write_bytes(third.read_bytes().replace(b"\x01\0\0\0\0\0\0\0c", b"\x01\0\0\0\0\0\0\0a"))
    assert faults() == [("duplicate", f"{names[0]}: 'a' is in '{names[0]}' and in '{names[2]}'")]
    assert faults(str(third)) == [
        (
            "missing-shard",
            f"{third} is part 3 of 3 of a model, and its name does not end in -00003-of-00003.gguf: the others cannot be found",
        )
    ]
    count = b"split.tensors.count" + struct.pack("<I", 5)
    os.replace(third, names[2])
    for name in names:
        Path(name).write_bytes(Path(name).read_bytes().replace(count + b"\x03", count + b"\x04"))
    assert faults() == [
        ("missing-tensor", f"{names[0]}: the header says that all parts hold 4 tensors, and they hold 3")
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("none.pt", "none.pt does not exist"),
        ("notes.txt", "notes.txt is in no format that layercli knows"),
        ("empty", "empty holds no file of weights"),
        ("m.npz --against notes.txt", "notes.txt, line 1: expects a SHA-256, two spaces and a name"),
    ],
)
def test_what_cannot_be_checked_is_said(cli, args, message):
    Path("notes.txt").write_text("nothing of the kind")
    Path("empty").mkdir()
    saved("m.npz")
    done = cli(f"check {args}")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")


def test_a_name_that_is_not_printable_is_a_warning(cli):
    save("m.safetensors", {"a\x1b[2J": np.ones(2, "float32")})
    done = cli("check m.safetensors")
    assert (done.code, "odd-name" in done.out, "\x1b" in done.out) == (0, True, False)


def test_tensors_that_begin_between_two_numbers_are_one_warning_a_file(cli):
    content = {name: {"dtype": "F32", "shape": [1], "data_offsets": [at, at + 4]} for name, at in (("a", 0), ("b", 4))}
    raw = json.dumps(content).encode()
    header(raw + b" " * ((1 - len(raw)) % 4))
    finding = "m.safetensors: 'a' does not begin at a multiple of 4 bytes (nor do 1 more)"
    [found] = check_path("m.safetensors", CheckOptions()).findings
    assert (found.code, found.severity, found.message, found.tensor) == ("unaligned", "warning", finding, "a")


def test_a_whole_archive_member_that_is_no_array_is_told(cli):
    with zipfile.ZipFile("m.npz", "w") as zipped:
        zipped.writestr("a.npy", b"nothing")
    assert cli("check m.npz").code == 1


@pytest.mark.parametrize(
    ("location", "code", "said"),
    [
        ("w.bin", "truncated", "m.onnx: 'w' ends at byte 8 of w.bin, which has 4"),
        ("none.bin", "missing-tensor", "m.onnx keeps 'w' in none.bin, which is not there"),
        (
            "../w.bin",
            "missing-tensor",
            "m.onnx keeps 'w' in '../w.bin', which is not within its folder and is never opened",
        ),
    ],
)
def test_the_values_that_an_onnx_file_keeps_elsewhere_must_be_there(location, code, said):
    onnx = pytest.importorskip("onnx")
    x = onnx.TensorProto(name="w", data_type=1, dims=[2], data_location=1)
    x.external_data.add(key="location", value=location)
    graph = onnx.helper.make_graph([], "g", [], [], [x])
    onnx.save(onnx.helper.make_model(graph), "m.onnx")
    Path("w.bin").write_bytes(b"\0" * 4)
    [found] = check_path("m.onnx").findings
    assert (found.code, found.message, found.tensor) == (code, said, "w")


def test_values_of_an_onnx_file_that_are_too_few_are_found_without_values():
    onnx = pytest.importorskip("onnx")
    x = onnx.TensorProto(name="w", data_type=1, dims=[3], raw_data=b"\0" * 8)
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [x])), "m.onnx")
    [found] = check_path("m.onnx").findings
    assert (found.code, found.message) == ("wrong-length", "m.onnx holds 2 values of 'w', whose shape [3] takes 3")
