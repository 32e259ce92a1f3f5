"""What ``run`` did before it was four commands: each old option ends with the name of the new command."""

from __future__ import annotations

import pytest

MOVED = {
    "--against float64": "layercli compare MODEL OTHER, or layercli compare MODEL --with float64",
    "--rtol 1": "layercli compare MODEL OTHER --rtol",
    "--atol 1": "layercli compare MODEL OTHER --atol",
    "--against-time mlp": "layercli bench MODEL --against OTHER",
    "--repeat 5s": "layercli bench MODEL --repeat",
    "--warmup 3": "layercli bench MODEL --warmup",
    "--max-slowdown 2": "layercli bench MODEL --max-slowdown",
    "--profile": "layercli profile MODEL",
    "--sort time": "layercli profile MODEL --sort",
    "--trace t.json": "layercli profile MODEL --trace",
    "--repro r.json": "layercli run MODEL --record FILE",
    "--from r.json": "layercli run --replay FILE",
}


@pytest.mark.parametrize("option", MOVED)
def test_an_old_option_names_the_new_command(cli, option):
    done = cli(f"run mlp {option}")
    sentence = f"error: no such option: {option.split()[0]}\nhint: {MOVED[option]}\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)


def test_any_other_wrong_option_is_named_with_the_nearest(cli):
    done = cli("run mlp --inptu x.npy")
    assert (done.code, done.err) == (
        2,
        "error: no such option: --inptu\nhint: did you mean --input or --input-shape?\n",
    )
    assert cli("fit mlp --metric auc").err.endswith("hint: did you mean --metrics?\n")  # the one that begins so
    assert cli("run mlp --inputshape 1,784").err.endswith("hint: did you mean --input-shape or --input?\n")
    assert "layercli" not in cli("bench mlp --profile").err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("lenet", "compare needs another model or --with", "--with float64, or another model"),
        ("lenet lenet --with cpu", "compare takes another model or --with, got lenet and --with cpu", None),
        (
            "lenet --with float46",
            "--with is cpu, cuda, float64, compile, onnx or a file of results, got 'float46'",
            "did you mean float64?",
        ),
    ],
)
def test_what_compare_needs(cli, tmp_path, monkeypatch, words, message, hint):
    monkeypatch.chdir(tmp_path)
    done = cli(f"compare {words} --device cpu")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")


@pytest.mark.parametrize("command", ["run mlp", "compare mlp mlp", "bench mlp --repeat 1", "profile mlp"])
def test_every_document_says_what_was_run(cli, command):
    import json

    document = json.loads(cli(f"{command} --input-shape 2,784 --device cpu --format json").out)
    wanted = (f"layercli.{command.split()[0]}/1", "mlp", "cpu", ["float32[2, 784]"])
    assert tuple(document[key] for key in ("schema", "model", "device", "inputs")) == wanted
