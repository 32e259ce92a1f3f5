"""The options of all commands: before the name and after it; ``-h``, ``-V``, ``help``; help without colour in a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from layercli.cli.main import COMMANDS

NOTE = "running on cpu\n"


@pytest.mark.parametrize("words", ["-q run mlp", "run mlp -q", "run -q mlp", "run mlp --quiet", "--quiet run mlp"])
def test_quiet_goes_anywhere(cli, words):
    assert cli("run mlp").err == NOTE
    done = cli(words)
    assert (done.code, done.err) == (0, "")
    assert cli("run mlp").err == NOTE  # it holds for one command line


@pytest.mark.parametrize("words", ["--debug summary nobody", "summary nobody --debug", "summary --debug nobody"])
def test_debug_goes_anywhere(cli, words):
    done = cli(words)
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err
    assert "Traceback" not in cli("summary nobody").err


@pytest.mark.parametrize("words", ["--format json summary mlp", "-f json summary mlp", "summary mlp -f json"])
def test_the_format_goes_anywhere(cli, words):
    assert json.loads(cli(words).out)["schema"].startswith("layercli.summary/")


def test_the_format_after_the_command_counts(cli):
    assert cli("--format json models -f csv").out.startswith("model,")


def test_a_format_that_a_command_has_not(cli):
    done = cli("--format github models")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: --format is table, plain, json, csv, markdown, got 'github'\n"
    assert cli("--format jsn models").err.endswith("hint: did you mean json?\n")
    assert cli("--format github gpu-check --level 0").code in (0, 1)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_its_help_by_three_names(cli, command):
    whole = cli(f"{command} --help")
    assert (whole.code, whole.err) == (0, "")
    assert "--quiet" in whole.out
    assert "--debug" in whole.out
    assert cli(f"{command} -h") == whole
    assert cli(f"help {command}") == whole


def test_the_version_by_two_names(cli):
    assert cli("-V") == cli("--version")
    assert cli("summary -V").err == "error: no such option: -V\nhint: layercli --version\n"


@pytest.mark.parametrize("name", ["GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS"])
@pytest.mark.parametrize("words", ["--help", "summary --help", "summary mlp --format table"])
def test_a_pipe_gets_no_colour(name, words):
    command = [sys.executable, "-m", "layercli", *words.split()]
    done = subprocess.run(command, env={**os.environ, name: "1"}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("summary", "missing argument 'MODEL'\nhint: as in: layercli summary resnet-block"),
        ("run", "missing argument 'MODEL'\nhint: as in: layercli run resnet-block"),
        ("sumary mlp", "no such command 'sumary'\nhint: did you mean summary?"),
        (
            "evaluate mlp",
            "missing option '--data'\nhint: as in: layercli evaluate linear-regression --data line.npz --loss mse"
            " --weights line.safetensors --metrics mae",
        ),
    ],
)
def test_what_is_missing_comes_with_an_example(cli, words, message):
    done = cli(words)
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bench mlp --max-slowdown 2", "--max-slowdown is a limit beside another model: --against"),
        ("profile mlp --force", "--force writes over a trace that exists: --trace says which"),
        ("run mlp --force", "--force writes over files that exist: --output or --record"),
        *((f"{name} --cast", "--cast converts what --input reads: there is no --input") for name in
          ("run mlp", "bench mlp", "profile mlp", "compare mlp mlp")),
        ("vars mlp --seed 1", "--seed draws values, which --values and --stats show"),
    ],
)  # fmt: skip
def test_options_that_do_nothing_are_refused(cli, words, message):
    done = cli(words)
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


def test_an_option_raises_a_limit(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCLI_MAX_CELL", "8")
    (tmp_path / "cell.csv").write_text("a\n1234567890123")
    command = "run my-dense --input cell.csv"
    refused = cli(command)
    assert refused.err.splitlines()[-1] == (
        "hint: --limit cell=N sets the limit, as does the environment variable LAYERCLI_MAX_CELL"
    )
    for words in (
        f"{command} --limit cell=20",
        f"--limit cell=20 {command}",
        f"--limit cell=9 {command} --limit cell=20",
    ):
        assert "limit" not in cli(words).err
        assert os.environ["LAYERCLI_MAX_CELL"] == "8"
    assert (
        cli(f"{command} --limit cells=20").err
        == "error: there is no limit 'cells'\nhint: did you mean cell or pixels?\n"
    )
    for text in ("cell", "cell=", "cell=0", "cell=-1", "cell=1e9", "cell=" + "9" * 30):
        given = text.partition("=")[2]
        assert cli(f"{command} --limit {text}").err == (
            f"error: --limit cell: expects a positive integer, got {given!r}\n"
        )
