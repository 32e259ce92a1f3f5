"""Arrays in ``.json`` and ``.jsonl``."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from layercli.errors import FormatError, UsageError
from layercli.formats.json_arrays import read_json, save_json


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(text, name="x.json"):
    Path(name).write_text(text)
    return {key: (x.dtype.name, x.tolist()) for key, x in read_json(name).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", {"": ("int64", 3)}),
        ("[[1, 2], [3, 4.5]]", {"": ("float64", [[1, 2], [3, 4.5]])}),
        ("[true, false]", {"": ("bool", [True, False])}),
        ('["a", "NaN"]', {"": ("object", ["a", "NaN"])}),
        ("[]", {"": ("float64", [])}),
        ('{"b": [1], "a": {"x": [0.5], "y": "t"}}', {"b": ("int64", [1]), "a.x": ("float64", [0.5]), "a.y": ("object", "t")}),
    ],
)  # fmt: skip
def test_what_json_holds(text, expected):
    assert read(text) == expected


def test_numbers_that_json_has_not():
    for text in ("[1, NaN, Infinity, -Infinity]", '["NaN", 1, "Infinity", "-Infinity"]'):
        Path("x.json").write_text(text)
        found = read_json("x.json")[""]
        assert sorted(map(str, found)) == ["-inf", "1.0", "inf", "nan"]


def test_lines_are_rows():
    assert read("[1, 2]\n\n[3, 4]\n", "x.jsonl") == {"": ("int64", [[1, 2], [3, 4]])}
    assert read('{"a": 1, "b": [2]}\n{"b": [3], "a": 4}', "x.ndjson") == {
        "a": ("int64", [1, 4]), "b": ("int64", [[2], [3]])
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,", "x.json has a value that is not JSON"),
        ("[[1, 2], [3]]", "x.json has lists of different lengths"),
        ('{"a": {"b": [1, null]}}',
         "x.json: 'a.b' is no list of numbers, of true and false, or of text: it holds a number and null"),
        ("[1, true]", "x.json is no list of numbers, of true and false, or of text: it holds a number and true or false"),
        ('[1, "one"]', "x.json holds the text 'one' among numbers"),
        ('["one", 1]', "x.json holds texts and 1"),
        ("[9223372036854775808]", "x.json holds an integer of more than 64 bits"),
        ('{"a": 1, "a": 2}', "x.json has a value that holds 'a' twice"),
        ("[" * 100_000, "x.json has a value that is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_array(text, message):
    with pytest.raises(FormatError) as error:
        read(text)
    assert str(error.value) == message


def test_lines_of_other_names():
    with pytest.raises(FormatError) as error:
        read('{"a": 1}\n{"b": 1}', "x.jsonl")
    assert str(error.value) == "x.jsonl, line 2, is not an object with the names of line 1"


def test_what_is_written_is_read_back():
    arrays = {"a": np.array([[1.5, np.nan], [np.inf, -np.inf]], "f4"), "b": np.array([1, 2])}
    for name in ("y.json", "y.jsonl"):
        save_json(name, arrays)
        found = read_json(name)
        assert all(np.array_equal(found[key], x, equal_nan=x.dtype.kind == "f") for key, x in arrays.items())
        for line in Path(name).read_text().splitlines():
            json.loads(line, parse_constant=lambda _: pytest.fail("no JSON"))
    with pytest.raises(UsageError) as error:
        save_json("z.jsonl", {**arrays, "c": np.zeros(3)})
    assert (str(error.value), error.value.hint) == (
        "a line is a row of every result, and they have different numbers of rows", "write a .json"
    )  # fmt: skip
    assert not os.path.exists("z.jsonl")
