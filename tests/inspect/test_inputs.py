"""What files hold, against what a model takes."""

from __future__ import annotations

import io
import math
import sys

import numpy as np
import pytest

from layercli.core.spec import Spec, with_batch_dim
from layercli.errors import LayercliError, ShapeError
from layercli.formats import csv
from layercli.formats.safetensors import save
from layercli.inspect.input_generation import filled
from layercli.inspect.input_names import Arguments
from layercli.inspect.inputs import InputSource, read

IMAGE = Spec(with_batch_dim((None, 4, 6, 3)), "float32")
ROW = Spec(with_batch_dim((None, 3)), "float32")
TOKENS = Spec(with_batch_dim((None, 3)), "int32")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one(spec, *texts, **settings):
    return read("net", Arguments(["x"]), {"x": spec}, texts, **settings)["x"]


def failure(model, specs, names, texts, **settings):
    known = dict(zip(names, specs if isinstance(specs, list) else [specs], strict=True))
    with pytest.raises(LayercliError) as caught:
        read(model, Arguments(names), known, texts, **settings)
    return caught.value.message, caught.value.hint


def test_a_source_is_a_name_a_file_and_a_key(folder):
    (folder / "odd=name.npy").touch()
    assert InputSource.parse("x.npy") == InputSource(None, "x.npy", None)
    assert InputSource.parse("a=x.npz:k") == InputSource("a", "x.npz", "k")
    assert InputSource.parse("odd=name.npy") == InputSource(None, "odd=name.npy", None)
    assert InputSource.parse("-") == InputSource(None, "-", None)


ROWS = np.array([[1.5, 2, 3], [4, 5, 6]], "float32")


def test_every_format_gives_the_same_array(folder):
    import pyarrow
    from pyarrow import parquet

    np.save("x.npy", ROWS)
    np.savez("x.npz", x=ROWS, other=np.zeros(2))
    save("x.safetensors", {"x": ROWS, "y": ROWS + 1})
    (folder / "x.csv").write_text("a,b,c\n1.5,2,3\n4,5,6\n")
    (folder / "bare.csv").write_text("1.5,2,3\n4,5,6\n")
    parquet.write_table(pyarrow.table({name: ROWS[:, i] for i, name in enumerate("abc")}), "x.parquet")
    for text in ("x.npy", "x.npz", "x=x.npz:x", "x.safetensors:x", "x.csv", "bare.csv", "x.parquet"):
        np.testing.assert_array_equal(one(ROW, text), ROWS, err_msg=text)
        assert one(ROW, text).dtype == np.float32
    np.testing.assert_array_equal(one(Spec(with_batch_dim((None,))), "x.csv:b"), [2, 5])


CSV = {
    "spaced": ("a, b\n1, 2.5\n\n3,4\n", {"a": [1, 3], "b": [2.5, 4.0]}),
    "bare": ("1,2\r\n3,4.0\r\n", {"0": [1, 3], "1": [2.0, 4.0]}),
    "quoted": ('"a\nb","c"\n"1",nan\n+2,-inf\n', {"a\nb": [1, 2], "c": [math.nan, -math.inf]}),
    "large": ("x\n9007199254740993\n1e3\n", {"x": [9007199254740992.0, 1000.0]}),
    "old": ("a,b\r1,2\r", {"a": [1], "b": [2]}),
    "wide digits": ("\uff11,2\n", {"0": [1], "1": [2]}),
    "no rows": ("a,b\n", {"a": [], "b": []}),
}


@pytest.mark.parametrize("name", CSV)
def test_a_table_is_read_the_same_by_numpy_and_cell_by_cell(folder, name, monkeypatch):
    text, expected = CSV[name]
    (folder / "t.csv").write_text(text, newline="")
    read = csv.read_csv("t.csv")
    monkeypatch.setattr(csv, "by_numpy", lambda *given: None)
    for found in (read, csv.read_csv("t.csv")):
        assert {key: repr(column.tolist()) for key, column in found.items()} == {
            key: repr(values) for key, values in expected.items()
        }


def test_standard_input_is_npy(monkeypatch):
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(ROWS))
    stream.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    np.testing.assert_array_equal(one(ROW, "-"), ROWS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream.getvalue()[:-1])))
    assert failure("net", ROW, ["x"], ["-"]) == (
        "standard input has 23 bytes of values, but its shape (2, 3) and dtype float32 take 24", None,
    )  # fmt: skip


def test_images_become_what_the_model_takes(folder):
    from PIL import Image

    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    (folder / "photos").mkdir()
    Image.fromarray(pixels).save("photos/b.png")
    Image.fromarray(np.full((8, 12, 3), 255, np.uint8)).save("photos/a.png")
    (folder / "photos" / "notes.txt").touch()
    found = one(IMAGE, "photos")
    assert (found.shape, found.dtype) == ((2, 4, 6, 3), np.float32)
    np.testing.assert_array_equal(found, np.stack([np.full((4, 6, 3), 255), pixels]))
    np.testing.assert_allclose(one(IMAGE, "photos/b.png", rescale="-1,1")[0], pixels / 127.5 - 1, atol=1e-6)
    grey = one(Spec(with_batch_dim((None, 4, 6, 1)), "uint8"), "photos/a.png")
    assert (grey.shape, grey.dtype, grey.max()) == ((1, 4, 6, 1), np.uint8, 255)


def test_channels_are_first_where_the_model_has_them_there(folder):
    from PIL import Image

    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    Image.fromarray(pixels).save("a.png")
    for spec in (
        Spec(with_batch_dim((None, 3, 4, 6)), "float32"),
        Spec(with_batch_dim((None, 3, None, None)), "float32"),
    ):
        np.testing.assert_array_equal(one(spec, "a.png"), pixels.transpose(2, 0, 1)[None])
    assert failure("net", Spec(with_batch_dim((None, 7, 4, None)), "float32"), ["x"], ["a.png"]) == (
        "images are [batch, height, width, channels], the model takes float32[None, 7, 4, None]",
        "--input-shape changes what it is built for",
    )
    with pytest.raises(LayercliError) as caught:
        read("net", Arguments(["x"]), {}, ["a.png"])
    assert (caught.value.message, caught.value.hint) == (
        "images are resized to the model's input, and net does not say so",
        "--input-shape 1,3,224,224, or 1,224,224,3 where channels are last",
    )


def test_pixels_are_what_they_look_like(folder):
    from PIL import Image

    grey = Spec(with_batch_dim((None, 1, 3, 1)), "uint8")
    Image.fromarray(np.array([[0, 0x8080, 0xFFFF]], np.uint16)).save("deep.png")
    assert one(grey, "deep.png").ravel().tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save("float.tif")
    assert failure("net", grey, ["x"], ["float.tif"]) == (
        "the pixels of float.tif are floats, not 0 to 255", "a .npy holds any numbers",
    )  # fmt: skip
    Image.fromarray(np.array([[0, 1, 1 << 20]], np.int32)).save("long.tif")
    assert failure("net", grey, ["x"], ["long.tif"])[0] == (
        "the pixels of long.tif are integers of 32 bits, not 0 to 255"
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    for dtype in (np.uint8, np.uint16):
        Image.fromarray(np.array([[0], [128], [255]], dtype) * (257 if dtype is np.uint16 else 1)).save(
            "a.png", exif=exif
        )
        assert one(grey, "a.png").ravel().tolist() == [255, 128, 0]


def test_inputs_go_by_name_and_by_turn(folder):
    np.save("a.npy", ROWS)
    np.save("b.npy", ROWS + 1)
    np.savez("both.npz", a=ROWS, b=ROWS + 1)
    specs = {"a": ROW, "b": ROW}
    for texts in (["a.npy", "b.npy"], ["b=b.npy", "a.npy"], ["both.npz"]):
        found = read("net", Arguments(["a", "b"]), specs, texts)
        assert list(found) == ["a", "b"]
        np.testing.assert_array_equal(found["a"], ROWS)
        np.testing.assert_array_equal(found["b"], ROWS + 1)


def test_where_nothing_is_known_of_the_inputs_arrays_stay_as_they_are(folder):
    np.save("a.npy", np.arange(3))
    taken = Arguments(["x", "mask"], optional={"mask"})
    found = read("net", taken, {}, ["a.npy"])
    assert (list(found), found["x"].dtype) == (["x"], np.int64)
    assert list(read("net", taken, {}, ["mask=a.npy", "a.npy"])) == ["x", "mask"]
    assert read("net", taken, {}, ["a.npy"], cast=True)["x"].dtype == np.float32


def test_what_does_not_fit_is_said(folder):
    import pyarrow
    from pyarrow import parquet

    np.save("x.npy", ROWS)
    np.save("first.npy", np.zeros((1, 3, 4, 6), "float32"))
    np.savez("x.npz", k=ROWS, l=ROWS)
    (folder / "cut.csv").write_text("a,b\n1,2\n3\n")
    (folder / "word.csv").write_text("a,b\n1,x\n")
    (folder / "first.csv").write_text("1,x,3\n4,5,6\n")
    (folder / "empty.csv").write_text("\n")
    (folder / "no.png").write_bytes(b"no image")
    (folder / "empty").mkdir()
    (folder / "x.parquet").write_bytes(b"PAR1")
    parquet.write_table(pyarrow.table({}), "nothing.parquet")
    often = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(1 << 20, "i4")), pyarrow.array(["y" * 10_000]))
    parquet.write_table(pyarrow.table({"x": often}), "often.parquet")
    np.save("object.npy", np.array([{}]))
    np.save("axes.npy", np.zeros((1,) * 60, "float32"))
    (folder / "cut.npy").write_bytes((folder / "x.npy").read_bytes()[:-1])
    np.save("flat.npy", ROWS[0])
    for text, message, hint in [
        ("y=x.npy", "net has no input 'y'", "inputs: x"),
        ("x.npz", "x.npz holds k, l, not x", "an entry is named after a colon: x.npz:k"),
        ("x=x.npz", "x.npz holds k, l: say which of them is x", "--input x=x.npz:k"),
        ("x.npz:m", "x.npz holds no entry 'm'", None),
        ("cut.csv", "cut.csv, row 3, has 1 cells, not 2", None),
        ("word.csv", "word.csv, row 2, has 'x' in the column b, which is not numeric", None),
        (
            "first.csv",
            "first.csv, row 1, has 'x' in the column 1, which is not numeric",
            "the first row is a header only if none of its cells is a number",
        ),
        (
            "often.parquet",
            "often.parquet has dictionary<values=string, indices=int32, ordered=0> in the column x, which are not numbers",
            None,
        ),
        ("nothing.parquet", "nothing.parquet has no columns", None),
        ("empty.csv", "empty.csv is empty", None),
        ("cut.npy", "cut.npy has 23 bytes of values, but its shape (2, 3) and dtype float32 take 24", None),
        (
            "axes.npy",
            f"the input x is float32[{', '.join(['1'] * 60)}], the model takes float32[None, 3]",
            "--input-shape changes what it is built for",
        ),
        (
            "flat.npy",
            "the input x is float32[3], the model takes float32[None, 3]",
            "--input-shape changes what it is built for",
        ),
        ("object.npy", "object.npy holds Python objects, which are pickled and never loaded by layercli", None),
        ("x.parquet", "x.parquet is not a parquet file, or is damaged", None),
    ]:
        assert failure("net", ROW, ["x"], [text]) == (message, hint)
    assert failure("net", ROW, ["x"], ["x.npy", "x=x.npy"]) == ("the input x is given twice", None)
    assert failure("net", ROW, ["x"], ["x.npy", "x.npy"]) == (
        "net takes 1 input (x): unexpected input x.npy", None,
    )  # fmt: skip
    assert failure("net", [ROW, ROW], ["x", "y"], ["x.npy"]) == (
        "net takes 2 inputs (x, y), got 1: y is missing", None,
    )  # fmt: skip
    assert failure("net", IMAGE, ["x"], ["first.npy"]) == (
        "the input x is float32[1, 3, 4, 6], the model takes float32[None, 4, 6, 3]",
        "with its axes in another order it fits: x.transpose(0, 2, 3, 1)",
    )
    assert failure("net", IMAGE, ["x"], ["no.png"]) == ("no.png is not an image, or is damaged", None)
    assert failure("net", IMAGE, ["x"], ["empty"])[0] == "empty is a folder without images"
    for text in ("1", "0,nan", "inf,1"):
        assert failure("net", IMAGE, ["x"], ["no.png"], rescale=text)[0] == (
            f"--rescale gives the values of the pixels 0 and 255, as in 0,1 or -1,1, got {text!r}"
        )
    with pytest.raises(LayercliError) as caught:
        read("net", Arguments(["x"]), {"x": Spec((1, 3))}, ["x.npy"], fixed=True)
    assert caught.value.hint is None


def test_kinds_of_number_are_converted_only_on_request(folder):
    np.save("x.npy", ROWS)
    assert failure("net", TOKENS, ["x"], ["x.npy"]) == (
        "the input x is float32[2, 3], the model takes int32[None, 3]", "--cast turns real numbers into int32",
    )  # fmt: skip
    assert one(TOKENS, "x.npy", cast=True).tolist() == [[1, 2, 3], [4, 5, 6]]


def fill(spec, fill="random", *ranges):
    return filled(spec, ["x"], fill, 0, ranges)


def test_an_input_of_more_axes_than_an_array_has_is_refused():
    with pytest.raises(ShapeError, match="an input of 65 dimensions cannot be made: an array has 64 at most"):
        fill(Spec((1,) * 65))
    assert fill(Spec((1,) * 64)).ndim == 64


def test_inputs_are_filled_in():
    assert fill(Spec((2, 6)), "range").tolist() == [list(range(6)), list(range(6, 12))]
    assert fill(Spec((1, 12), "int32"), "range").tolist() == [[*range(10), 0, 1]]
    assert fill(Spec((1, 3)), "range", "0,1").tolist() == [[0, 0.5, 1]]
    even = fill(Spec((1, 1000)), "random", "x=3,4")
    assert 3 <= even.min() < 3.1 < 3.9 < even.max() < 4
    whole = fill(Spec((1, 1000), "int64"), "random", "3,5")
    assert sorted(set(whole.ravel().tolist())) == [3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("random", "y=0,1"), "there is no input 'y'"),
        (("random", "1,0"), "a range is given as NAME=0,1, the lower end first, got '1,0'"),
        (("random", "x=0"), "a range is given as NAME=0,1, the lower end first, got 'x=0'"),
        (("random", "0,nan"), "a range is given as NAME=0,1, the lower end first, got '0,nan'"),
        (("zeros", "0,1"), "--range applies to --fill random and range, not to zeros"),
    ],
)
def test_ranges_that_cannot_be_meant(arguments, message):
    with pytest.raises(LayercliError) as caught:
        fill(Spec((1, 3)), *arguments)
    assert caught.value.message == message


def test_reading_leaves_the_limit_on_cells_of_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(csv, "by_numpy", lambda *given: None)
    (tmp_path / "x.csv").write_text("first,second\n12345.5,2\n")
    before = csv.csv.field_size_limit(3)
    try:
        assert csv.read_csv(tmp_path / "x.csv")["first"].tolist() == [12345.5]
        assert csv.csv.field_size_limit() == 3
    finally:
        csv.csv.field_size_limit(before)
