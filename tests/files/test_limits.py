"""Files that declare much and hold little: each is refused in one sentence, within bounded memory and time."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

import layercli
from layercli import Input, ops
from layercli.core.limits import LIMITS, Limit, shown
from layercli.errors import FormatError, UsageError, cut
from layercli.formats.csv import read_csv
from layercli.formats.detect import open_weights
from layercli.formats.hdf5 import slabs
from layercli.formats.parquet import read_parquet
from layercli.formats.pt2_archive import checked

OPENED = """
import resource, sys
import numpy, h5py
from layercli.errors import LayercliError
from layercli.formats.csv import read_csv
from layercli.formats.detect import open_weights
from layercli.formats.images import pixels
from layercli.formats.pt2_archive import checked
from layercli.saving.keras_archive import config_in
from pathlib import Path
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (256 << 20), -1))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))


def weights(path):
    file = open_weights(path)
    for name in file.entries:
        for chunk in file.chunks(name):
            assert chunk.size <= 1 << 20


READERS = {"csv": read_csv, "pt2": checked, "png": lambda path: pixels(Path(path), (None, None), 3), "keras": config_in}
for path in sys.argv[1:]:
    try:
        READERS.get(path.rpartition(".")[2], weights)(path)
        print(f"{path} was read")
    except LayercliError as error:
        print(error)
"""
"""A program that reads each file within 256 MiB and 30 seconds in all."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(*paths: str) -> list[str]:
    """Return what is said of each file."""
    done = subprocess.run([sys.executable, "-c", OPENED, *paths], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\0%s%s"
    b"\x89ccollections\nOrderedDict\n)RtR"
)
ONE = TENSOR % (b"K\x04\x85", b"K\x01\x85")


def torch_file(path: str, pickle: bytes) -> str:
    """Write a file of torch.save with one storage of four floats."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + pickle + b".")
        archive.writestr("a/data/0", bytes(16))
    return path


def doubled(times: int) -> bytes:
    """Return the pickle of lists with the one before in them twice."""
    return ONE + b"q\0" + b"](h\0h\0eq\0" * times


def test_pickles_that_multiply():
    pairs = b"(" + b"".join(b"X\x04\0\0\0%04dK\1" % i for i in range(2000)) + b"u"
    copies = b"(ccollections\nOrderedDict\nq\1}" + pairs + b"q\0\x85R" + b"h\1h\0\x85R" * 2000 + b"t"
    axes = b"(K\0" + b"K\2" * 300_000 + b"t", b"(" + b"K\1" * 300_001 + b"t"
    paths = [
        torch_file("lists.pt", doubled(60)),
        torch_file("copies.pt", copies),
        torch_file("axes.pt", b"}X\1\0\0\0w" + TENSOR % axes + b"s"),
        torch_file("deep.pt", b"}X\1\0\0\0w" + ONE + b"sX\1\0\0\0x" + b"]" * 200_000 + b"a" * 199_999 + b"s"),
        torch_file("digits.pt", b"}X\1\0\0\0w" + TENSOR % (b"\x8a\xff" + b"\x7f" * 255 + b"\x85", b"K\0\x85") + b"s"),
    ]
    lists, copied, axes_, deep, digits = opened(*paths)
    assert lists == "lists.pt leads to its tensors in more ways than its 668 bytes of description"
    assert copied.startswith("copies.pt copies more dicts than its ")
    assert axes_.startswith("axes.pt: 'w' has the shape [0, 2, 2,")
    assert len(axes_) == 300
    assert deep == "deep.pt has more than 64 nested dicts and lists, or a cycle"
    assert digits.startswith("digits.pt: 'w' has the shape [")
    assert digits.endswith(", which is too large to exist")
    assert len(digits) == 300


def test_lists_of_lists_without_tensors_are_walked_once():
    torch_file("lists.pt", doubled(60).replace(ONE, b"K\1"))
    assert open_weights("lists.pt").entries == {}


def test_tables_and_images():
    with open("spaces.csv", "w") as file:
        file.write("a,b\n" + "1,2\n" * 1000 + "1," + " " * 100_000 + "3\n")
    with open("cell.csv", "w") as file:
        file.write("a,b\n1," + "9" * 200_000)
    with open("wide.csv", "w") as file:
        file.write(",".join(["1"] * 100_000))
    row = zlib.compress(bytes(20_001))  # the pixels of one row only
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)), (b"IDAT", row), (b"IEND", b"")]
    with open("large.png", "wb") as image:
        image.write(b"\x89PNG\r\n\x1a\n")
        for kind, raw in chunks:
            image.write(struct.pack(">I", len(raw)) + kind + raw + struct.pack(">I", zlib.crc32(kind + raw)))
    assert opened("spaces.csv", "cell.csv", "wide.csv", "large.png") == [
        "spaces.csv was read",
        "cell.csv has a cell of too many characters, more than the limit of 131,072",
        "wide.csv was read",
        "large.png has 400,000,000 pixels, more than the limit of 268,435,456",
    ]


def test_a_long_cell_is_a_number():
    with open("spaces.csv", "w") as file:
        file.write("a,b,c\n1," + " " * 100_000 + "3,1.5\n+2,-4,9007199254740993\n")
    table = read_csv("spaces.csv")
    assert {name: (list(x), x.dtype.name) for name, x in table.items()} == {
        "a": ([1, 2], "int64"), "b": ([3, -4], "int64"), "c": ([1.5, 9007199254740992.0], "float64"),
    }  # fmt: skip


def test_archives_and_datasets_that_hold_little():
    with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "[" + "0," * 5_000_000 + "0]")
        archive.writestr("metadata.json", "{}")
        archive.writestr(zipfile.ZipInfo("model.weights.h5"), b"")
    with h5py.File("filled.h5", "w") as file:
        file.create_dataset("w", shape=(2**40,), dtype="f4", chunks=(2**20,))
    with h5py.File("row.h5", "w") as file:
        file.create_dataset("w", shape=(1, 1 << 27), dtype="u1", chunks=(1, 1 << 20), compression="gzip")
    with h5py.File("empty.h5", "w") as file:
        file["n"] = h5py.Empty("f4")
    bomb, filled, row, empty = opened("bomb.keras", "filled.h5", "row.h5", "empty.h5")
    assert bomb.startswith("bomb.keras: config.json has 10,000,003 bytes, compressed to ")
    assert bomb.endswith(" times, more than the limit of 200")
    assert filled == (
        "filled.h5: w, of which the file holds 0 bytes, has 1,099,511,627,776 values that the file does not hold, more than "
        "the limit of 268,435,456"
    )
    assert row == "row.h5 was read"
    assert empty == "empty.h5: n is a dataset without a shape, which holds no values"


@pytest.mark.parametrize("values", [1, 3, 7, 100])
def test_parts_of_a_dataset_are_all_of_it_in_order(values):
    array = np.arange(2 * 3 * 5).reshape(2, 3, 5)
    parts = [array[part].ravel() for part in slabs(array.shape, values)]
    assert max(part.size for part in parts) <= values
    assert np.concatenate(parts).tolist() == array.ravel().tolist()


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("Pow(Integer(9), Pow(Integer(9), Integer(10)))",
         "m.pt2: 'Pow(Integer(9), Pow(Integer(9), Integer(10)))' has 3,486,784,401 digits, more than the limit of 1,000"),
        ("9 ** 9 ** 9", "m.pt2: '9 ** 9 ** 9' has 387,420,489 digits, more than the limit of 1,000"),
        ("Integer(1) << 99999", "m.pt2: 'Integer(1) << 99999' has 99,999 digits, more than the limit of 1,000"),
        ("Pow(Pow(Integer(9), Integer(99)), Integer(99))",
         "m.pt2: 'Pow(Pow(Integer(9), Integer(99)), Integer(99))' has 9,801 digits, more than the limit of 1,000"),
        ("Integer(" + "9" * 2000 + ")",
         f"m.pt2: 'Integer({'9' * 52}' has 2,000 digits, more than the limit of 1,000"),
        ("Add(" + "Symbol('s1')," * 2000 + ")",
         "m.pt2: \"Add(Symbol('s1'),Symbol('s1'),Symbol('s1\"... has 26,005 characters in a formula, more than the limit of "
         "20,000"),
        ("Range(Integer(9))", "m.pt2 has 'Range(Integer(9))' in its graph, which could be code and is never executed"),
    ],
)  # fmt: skip
def test_formulas_of_sizes_stay_small(formula, sentence):
    exported({"expr_str": formula})
    with pytest.raises(FormatError) as error:
        checked("m.pt2")
    assert str(error.value) == sentence


def test_formulas_that_torch_writes_are_read():
    for formula in (
        "Mul(Integer(3), Symbol('s77', positive=True, integer=True))",
        "Pow(Symbol('s1', positive=True), Integer(2))",
        "Mul(Rational(1, 2), Pow(Symbol('s0'), Integer(-1)))",
        "FloorDiv(Add(Symbol('s3'), Integer(-1)), Integer(2))",
        "Max(Integer(1), Mod(Symbol('u0'), Integer(16)))",
    ):
        exported({"expr_str": formula})
        checked("m.pt2")


def exported(graph: object) -> None:
    """Write what stands in an archive of torch.export, with this as its graph."""
    with zipfile.ZipFile("m.pt2", "w") as archive:
        for name in ("weights", "constants"):
            archive.writestr(f"m/data/{name}/model_{name}_config.json", '{"config": {}}')
        archive.writestr("m/models/model.json", json.dumps(graph))


def test_a_value_of_a_graph_has_no_more_dimensions_than_arrays():
    onnx = pytest.importorskip("onnx")
    ends = (
        [onnx.helper.make_tensor_value_info("x", 1, [1] * 100_000)],
        [onnx.helper.make_tensor_value_info("y", 1, [1])],
    )
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", *ends)), "m.onnx")
    with pytest.raises(FormatError) as error:
        open_weights("m.onnx")
    assert str(error.value) == "m.onnx: 'x' has 100,000 dimensions, and an array has 64 at most"


def test_differences_end_with_the_axis():
    x = np.arange(5.0, dtype=np.float32)[None]
    assert ops.diff(Input((5,)), n=10**9).shape == (None, 0)
    for n in (0, 1, 4, 5, 6):
        assert np.array_equal(np.asarray(ops.diff(x, n=n)), np.diff(x, n=n))


def test_an_environment_variable_raises_a_limit(monkeypatch):
    limit = Limit("THINGS", 10, "things")
    limit.check("m", 10)
    with pytest.raises(FormatError) as error:
        limit.check("m", 11)
    assert str(error.value) == "m has 11 things, more than the limit of 10"
    assert error.value.hint == "--limit things=N sets the limit, as does the environment variable LAYERCLI_MAX_THINGS"
    monkeypatch.setenv("LAYERCLI_MAX_THINGS", "11")
    limit.check("m", 11)
    for text in ("ten", "0", "-1", "1e9", "9" * 30):
        monkeypatch.setenv("LAYERCLI_MAX_THINGS", text)
        with pytest.raises(UsageError) as wrong:
            limit.check("m", 1)
        assert str(wrong.value) == (
            f"the environment variable LAYERCLI_MAX_THINGS is {text!r}, which is not a positive integer"
        )


def test_tables_that_declare_more_than_they_hold(monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"a": np.zeros(200_000), "b": np.zeros(200_000)}), "zeros.parquet")
    assert read_parquet("zeros.parquet")["b"].shape == (200_000,)
    monkeypatch.setenv("LAYERCLI_MAX_FILL", "300000")
    with pytest.raises(FormatError) as error:
        read_parquet("zeros.parquet")
    size = os.path.getsize("zeros.parquet")
    assert size < 50_000
    assert str(error.value) == (
        f"zeros.parquet, which has {size:,} bytes, declares 400,000 values, more than the limit of 300,000"
    )


def test_limits_have_names_of_their_own_and_are_documented():
    rows = [f"| `{limit.option}` | {limit.most:,} |" for limit in LIMITS]
    page = (Path(layercli.__file__).parent.parent / "docs" / "formats.md").read_text()
    assert [row for row in rows if row not in page] == []
    assert len({limit.variable for limit in LIMITS}) == len(LIMITS)


def test_long_sentences_and_numbers_are_cut():
    assert len(str(FormatError("x" * 10_000))) == 300
    assert cut("short") == "short"
    assert shown(10**4000) == "about 10^4000"
