"""``layercli plot`` and ``layercli report``: files in six formats, the picture on a terminal, and bad input."""

import json

import pytest


@pytest.mark.parametrize("suffix", ["svg", "pdf", "dot", "mmd", "txt"])
def test_each_format_is_written(cli, tmp_path, suffix):
    file = tmp_path / f"m.{suffix}"
    done = cli("plot", "lenet", "-o", str(file))
    assert (done.code, done.out, done.err) == (0, "", f"wrote {file}\n")
    begins = {
        "svg": b"<svg ",
        "pdf": b"%PDF-1.4",
        "dot": b"digraph {",
        "mmd": b"%% lenet",
        "txt": b"lenet (Sequential)\n",
    }
    assert file.read_bytes().startswith(begins[suffix])


def test_json_has_the_boxes_and_the_edges(cli):
    found = json.loads(cli("plot mlp --format json").out)
    assert [box["path"] for box in found["boxes"]] == ["inputs", "hidden_layers/0", "head", "output"]
    assert found["edges"] == [{"source": i, "target": i + 1} for i in range(3)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("plot mlp -o {}/m.jpg", "a picture is not written as .jpg"),
        ("plot mlp -o {}/m", "{}/m has no ending that says its format"),
        ("plot mlp -o {}/none/m.svg", "there is no folder {}/none to write m.svg in"),
        ("plot mlp -o {}/m.svg -f json", "--format says how to print, and -o writes a file: give one of them"),
        ("plot mlp --expand tail", "mlp has no module 'tail'"),
        ("report mlp -o {}/m.pdf", "a report is HTML, and {}/m.pdf does not end in .html"),
        ("report mlp -o {}/m.html --on h101", "there is no device 'h101'"),
        ("report mlp -o {}/m.html --profile {}/none.json", "{}/none.json does not exist"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(cli, tmp_path, words, sentence):
    done = cli(words.replace("{}", str(tmp_path)))
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == f"error: {sentence.replace('{}', str(tmp_path))}"
    assert list(tmp_path.iterdir()) == []


NETS = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(8, 8), torch.nn.Linear(8, 4)

class Fails(Net):
    def forward(self, x):
        return self.b(self.a(x)[:, :6])

class Branches(Net):
    def forward(self, x):
        y = self.a(x)
        return self.b(y if y.sum() > 0 else y * 2)
"""


def test_a_failing_forward_is_drawn_up_to_the_failing_call_and_said(cli, tmp_path):
    (tmp_path / "net.py").write_text(NETS)
    done = cli("plot", f"{tmp_path}/net.py:Fails", "--input-shape", "1,8", "--format", "json")
    reason = "b (Linear) expects 8 features, got 6 in float32[1, 6]"
    assert (done.code, done.err) == (2, f"error: {reason}\n")
    found = json.loads(done.out)
    assert [box["path"] for box in found["boxes"] if box["kind"] == "module"] == ["a", "b"]
    assert found["notes"] == [f"shown up to the failing call: {reason}"]


def test_a_forward_that_branches_on_values_is_drawn_with_the_weights_of_its_layers(cli, tmp_path):
    (tmp_path / "net.py").write_text(NETS)
    done = cli("plot", f"{tmp_path}/net.py:Branches", "--input-shape", "1,8", "--format", "json")
    boxes = json.loads(done.out)["boxes"]
    assert done.code == 0
    assert [(box["path"], box["parameters"]) for box in boxes if box["kind"] == "module"] == [("a", 72), ("b", 36)]
    assert {box["kind"] for box in boxes} == {"input", "module", "operation", "output"}
