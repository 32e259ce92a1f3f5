"""Every command's whole output, as a person and as a program sees it; ``make golden`` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"

TABLES = [
    "summary resnet-block",
    "summary resnet-block --columns all",
    "summary sequential",
    "summary resnet50 --depth 3 --columns +macs,+share",
    "summary transformer-encoder --depth 2 --columns +macs",
    "summary decoder --set preset=8b --columns +macs",
    "summary mlp --set hidden=256,128 --input-shape N,784 --at N=32 --columns +macs",
    "vars resnet-block",
    "vars my-dense --values --stats --seed 1",
    "diff mlp mlp",
    "cost resnet-block",
    "cost decoder --set preset=8b --at B=1 --at T=4096 --dtype bfloat16 --on h100 --depth 2",
    "models",
]
PRINTED = [
    *(f"{command} --format plain" for command in TABLES),
    "summary decoder --set preset=405b --columns +macs --format markdown",
    "summary resnet-block --format json",
    "summary transformer-encoder --format json",
    "summary sequential --format markdown",
    "summary resnet-block --format csv --columns all",
    "vars resnet-block --format json",
    "vars my-dense --values --stats --seed 1 --format json",
    "vars resnet-block --format csv",
    "plot transformer-encoder --depth 2",
    "plot decoder --set preset=8b",
    "models --format json",
    "--version",
    "--help",
    "summary --help",
    "plot --help",
    "explore --help",
    "report --help",
    "vars --help",
    "diff --help",
    "check --help",
    "convert --help",
    "diff mlp mlp --format json --only names",
    "run --help",
    "compare --help",
    "bench --help",
    "profile --help",
    "models --help",
]


def name(command, width=None):
    return "-".join(command.replace("--", "").replace("*", "all").split()).replace("=", "").replace(",", "-").replace(
        "+", ""
    ) + (f"-{width}.txt" if width else ".txt")


def compare(text, file, rewrite):
    path = GOLDEN / file
    if rewrite:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("command", TABLES)
def test_on_a_terminal(cli, monkeypatch, rewrite_golden, command, width):
    monkeypatch.setenv("COLUMNS", str(width))
    done = cli(f"{command} --format table")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= width
    compare(done.out, name(command, width), rewrite_golden)


@pytest.mark.parametrize("command", PRINTED)
def test_off_a_terminal(cli, rewrite_golden, command):
    done = cli(command)
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    compare(done.out, name(command), rewrite_golden)


def test_no_golden_file_is_left_over():
    expected = {name(command, width) for command in TABLES for width in (80, 200)} | set(map(name, PRINTED))
    assert {path.name for path in GOLDEN.glob("*.txt")} == expected
