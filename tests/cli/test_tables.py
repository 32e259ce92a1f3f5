"""Tables in narrow terminals, in other alphabets, and as CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from rich.cells import cell_len
from safetensors.numpy import save_file

WIDE = ["层/核", "é́/kernel", "plain/kernel", "🙂/bias"]


def rows_of(cli, words):
    return list(csv.DictReader(io.StringIO(cli(f"{words} --format csv").out)))


@pytest.fixture
def wide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file({name: np.ones(3, np.float32) for name in WIDE}, "wide.safetensors")


def test_wide_and_combining_characters_are_aligned(cli, wide):
    for form in ("plain", "table"):
        lines = cli(f"vars wide.safetensors --format {form}").out.splitlines()
        starts = {cell_len(line[: line.index("(3,)")]) for line in lines if "(3,)" in line}
        assert len(starts) == 1
        assert starts == {cell_len(next(line for line in lines if "Shape" in line).partition("Shape")[0])}


@pytest.mark.parametrize("form", ["plain", "table"])
def test_letters_that_a_stream_has_not_leave_columns_aligned(wide, form):
    command = [sys.executable, "-m", "layercli", "vars", "wide.safetensors", "--format", form]
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "100"}
    done = subprocess.run(command, env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("ascii").splitlines()
    assert any(line.startswith("\\u5c42/\\u6838 ") for line in lines)
    assert len({line.index("(3,)") for line in lines if "(3,)" in line}) == 1
    assert not {"|", "+"} & set("".join(lines))


@pytest.mark.parametrize(
    "words",
    [
        "summary resnet50 --columns all --depth 3",
        "vars resnet50.safetensors --stats",
        "vars resnet-block --columns all",
        "models",
    ],
)
def test_a_row_is_a_line_at_every_width(cli, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    if ".safetensors" in words:  # the names of ResNet-50, and few values
        paths = [row["path"] for row in rows_of(cli, "vars resnet50")]
        save_file({path: np.linspace(-1, 1, 3, dtype=np.float32) for path in paths}, "resnet50.safetensors")
    names = [row["path" if "models" not in words else "model"] for row in rows_of(cli, words)]
    for width in (40, 60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = cli(f"{words} --format table").out.splitlines()
        assert max(map(cell_len, lines)) <= width
        rule = next(i for i, line in enumerate(lines) if set(line) == {"─"})
        end = lines.index("", rule) if "" in lines[rule:] else len(lines)
        drawn = lines[rule + 1 : end]
        assert len(drawn) == len(names)
        assert all(line.strip() for line in drawn)


def test_the_columns_left_out_are_named(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("summary resnet-block --columns all --format table").out.splitlines()
    assert lines[2].split() == ["Layer", "(type)", "Input", "shape", "Output", "shape", "Parameters", "MACs"]
    assert (
        " ".join(" ".join(lines[-2:]).split())
        == "trainable, variables and share: hidden because the terminal is narrow (--format plain shows all)"
    )
    lines = cli("summary resnet-block --columns +variables,+share,+trainable --format table").out.splitlines()
    assert "Share of parameters" in lines[2]  # what is asked for stays longest
    assert "output shape and parameters: hidden because" in " ".join(" ".join(lines).split())


def test_csv_has_one_fact_a_field(cli):
    first = rows_of(cli, "summary mlp --columns all")[0]
    share = float(first.pop("share"))
    assert share == 100480 / 101770
    assert first == {
        "path": "hidden_layers/0", "type": "Dense", "shared": "false", "repeats": "1", "input_shape": "[null, 784]",
        "output_shape": "[null, 128]", "parameters": "100480", "trainable": "100480", "macs": "",
        "macs_formula": "100352*B", "variables": '{"kernel": [784, 128], "bias": [128]}',
    }  # fmt: skip
    sized = rows_of(cli, "summary mlp --columns macs --input-shape 2,784")
    assert sized[0] == {"macs": "200704", "macs_formula": ""}
    assert [row["trainable"] for row in rows_of(cli, "vars resnet-block bn2a")] == ["true", "true", "false", "false"]
    assert [json.loads(row["shape"]) for row in rows_of(cli, "vars resnet-block conv2a")] == [[1, 1, 3, 1], [1]]


def test_csv_of_a_cost_has_a_number_or_a_formula(cli):
    rows = {row["part"]: (row["bytes"], row["bytes_formula"]) for row in rows_of(cli, "cost mlp")}
    assert rows["weights"] == ("407080", "")
    assert rows["inputs"] == ("", "3136*B")


def test_json_has_a_number_or_a_formula(cli):
    totals = json.loads(cli("summary mlp --format json").out)["totals"]
    assert (totals["macs"], totals["macs_formula"]) == (None, "101632*B")
    totals = json.loads(cli("summary mlp --at B=2 --format json").out)["totals"]
    assert (totals["macs"], totals["macs_formula"]) == (203264, None)


def test_shares_are_of_all_parameters_in_every_format(cli):
    rows = json.loads(cli("summary resnet50 --format json --depth 1").out)["rows"]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(float(row["share"]) for row in rows_of(cli, "summary resnet50 --columns +share")) == pytest.approx(1)
    drawn = cli("summary resnet50 --columns +share -f table").out
    assert sum(map(float, re.findall(r"([0-9.]+)%", drawn))) == pytest.approx(100, abs=0.5)


def test_folded_rows_stand_for_all_in_every_format(cli):
    whole, rows = (rows_of(cli, f"summary resnet50 --columns +share --depth 2{flag}") for flag in (" --no-fold", ""))
    assert len(whole) > len(rows) > 20
    assert sum(int(row["repeats"]) for row in rows) == len(whole)
    below = [row for row in rows if row["path"].count("/") == 3]  # they hold all that the blocks above them do
    blocks = [row for row in rows if row["path"].count("/") == 2]
    for column in ("share", "parameters"):
        sums = [
            sum(float(row[column]) * (int(row["repeats"]) if column != "share" else 1) for row in x)
            for x in (below, blocks)
        ]
        assert sums[0] == pytest.approx(sums[1])
    drawn = cli("summary resnet50 --depth 2 --format markdown").out
    assert [line.split(" (")[0][2:] for line in drawn.replace("\\", "").splitlines() if " (1, " in line] == [
        row["path"] for row in rows
    ]


def test_a_tree_has_guides_on_a_terminal(cli):
    drawn = cli("summary transformer-encoder --depth 3 --format table").out
    lines = [line.split(" (")[0] for line in drawn.splitlines() if "Dense)" in line or "Encoder" in line]
    assert lines[1:] == [
        "stack/0..5", "│  ├─ query_dense", "│  ├─ key_dense", "│  ├─ value_dense", "│  └─ output_dense",
        "├─ expand", "├─ contract",
    ]  # fmt: skip


def test_depth_holds_for_json_too(cli):
    whole = json.loads(cli("summary resnet50 --format json").out)["rows"]
    top = json.loads(cli("summary resnet50 --format json --depth 1").out)["rows"]
    assert top == [row for row in whole if row["depth"] == 1]
    assert len(top) < len(whole)


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("summary mlp --columns macs,variables", {"macs", "macs_formula", "variables"}),
        ("summary mlp --columns layer", {"path", "name", "class", "depth", "shared"}),
        ("vars my-dense --columns path,bytes", {"path", "bytes"}),
        ("vars my-dense --columns sha256,shape", {"sha256", "shape"}),
        ("vars my-dense --columns values", {"values"}),
    ],
)
def test_columns_are_chosen_in_json_too(cli, command, fields):
    document = json.loads(cli(f"{command} --format json").out)
    assert [set(row) for row in document.get("rows", document.get("variables"))] == [fields] * (1 + ("mlp" in command))
    assert document["totals"]["parameters"] == (101770 if "mlp" in command else 50)


def test_a_column_is_added_to_json(cli):
    whole = json.loads(cli("summary mlp --format json").out)["rows"]
    added = json.loads(cli("summary mlp --columns +variables --format json").out)["rows"]
    assert [row.pop("variables") for row in added] == [
        {"kernel": [784, 128], "bias": [128]}, {"kernel": [128, 10], "bias": [10]},
    ]  # fmt: skip
    assert added == whole
    [row] = json.loads(cli("vars my-dense --columns minimum,maximum --format json").out)["variables"]
    assert set(row.pop("statistics")) == {"minimum", "maximum"}
    assert row == {}


def test_columns_of_vars(cli):
    assert rows_of(cli, "vars my-dense --columns path,parameters") == [{"path": "kernel", "parameters": "50"}]
    [row] = rows_of(cli, "vars my-dense --columns +minimum")
    assert list(row)[-1] == "minimum"
    assert float(row["minimum"]) < 0
    done = cli("vars my-dense --columns +minmum")
    assert (done.code, done.err) == (2, "error: there is no column 'minmum'\nhint: did you mean minimum or maximum?\n")


def test_variables_in_natural_order(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file({f"layers.{i}.weight": np.ones(2, np.float32) for i in range(12)}, "net.safetensors")
    paths = [row["path"] for row in rows_of(cli, "vars net.safetensors")]
    assert paths == [f"layers.{i}.weight" for i in range(12)]
    assert [row["path"] for row in rows_of(cli, "summary net.safetensors --no-fold")] == [
        f"layers/{i}" for i in range(12)
    ]


def test_long_values_are_shortened_where_people_read_them(cli):
    words = "vars my-dense --set num_outputs=500 --values"
    assert max(map(len, cli(f"{words} --format plain").out.splitlines())) < 300
    [variable] = json.loads(cli(f"{words} --format json").out)["variables"]
    assert np.shape(variable["values"]) == (5, 500)
    assert " ... " not in rows_of(cli, words)[0]["values"]


def test_facts_with_long_names_have_their_texts_below_where_there_is_no_room(capsys):
    from rich.console import Console

    from layercli.render.rich import facts

    for width, wanted in (
        (40, ["a:                 ", "  text", "error of the engine:", "  one two three four five six seven"]),
        (60, ["a:                    text", "error of the engine:  one two three four five six seven"]),
    ):
        Console(width=width).print(
            facts([("a", "text"), ("error of the engine", "one two three four five six seven")], width)
        )
        assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [line.rstrip() for line in wanted]
