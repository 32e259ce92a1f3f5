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
        ("plot mlp -o {}/none/m.svg", "cannot write {}/none/m.svg: its folder does not exist"),
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
