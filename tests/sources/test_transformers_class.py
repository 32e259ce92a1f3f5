"""A Hugging Face folder by its class in transformers: what transformers itself counts, and nothing of the folder is run."""

import json
import sys

import pytest

from layercli.cli.main import run

ELECTRA = {
    "model_type": "electra",
    "architectures": ["ElectraForMaskedLM"],
    "vocab_size": 99,
    "hidden_size": 32,
    "embedding_size": 16,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('this was run')")
    write(tmp_path, auto_map={"AutoConfig": "evil.Evil", "AutoModelForMaskedLM": "evil.Evil"})
    return tmp_path


def write(folder, **more):
    (folder / "config.json").write_text(json.dumps({**ELECTRA, **more}))


def refused(capsys, *args):
    code = run(["summary", *map(str, args), "--library", "transformers"])
    return code, capsys.readouterr().err


def test_the_summary_is_that_of_the_class_in_transformers(folder, capsys):
    import transformers

    shape = ["--input-shape", "input_ids=2,7:int64", "--format", "json"]
    assert run(["summary", str(folder), "--library", "transformers", *shape]) == 0
    found = json.loads(capsys.readouterr().out)
    config = transformers.ElectraConfig(**{key: value for key, value in ELECTRA.items() if key != "architectures"})
    model = transformers.ElectraForMaskedLM(config)
    assert found["totals"]["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert found["outputs"][0]["shape"] == [2, 7, 99]


def test_what_transformers_lacks_is_one_sentence(folder, capsys, monkeypatch):
    import transformers

    version = transformers.__version__
    write(folder, model_type="mystery", auto_map={"AutoConfig": "evil.Evil"})
    assert refused(capsys, folder) == (2, f"error: transformers {version} has no model_type 'mystery'\n")
    write(folder, architectures=["Evil"])
    assert run(["summary", str(folder), "--library", "transformers"]) == 0  # as AutoModel: the base model
    write(folder, architectures=["AutoModel"])
    assert refused(capsys, folder) == (2, f"error: transformers {version} has no class 'AutoModel' for 'electra'\n")
    write(folder, hidden_act="evil")
    where = folder / "config.json"
    assert refused(capsys, folder) == (2, f"error: {where} is refused by ElectraForMaskedLM of transformers: 'evil'\n")
    write(folder, hidden_size="x")
    code, err = refused(capsys, folder)
    assert code == 2
    assert err.startswith("error: transformers refuses the config: Validation error for field 'hidden_size': ")
    assert len(err.splitlines()) == 1
    assert refused(capsys, "lenet") == (2, "error: --library is for Hugging Face folders, and lenet is none\n")
    monkeypatch.setitem(sys.modules, "transformers", None)
    code, err = refused(capsys, folder)
    assert err.splitlines()[0] == "error: --library transformers needs transformers, which is not installed"
    assert code == 2
