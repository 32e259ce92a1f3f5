"""``layercli gpu-check`` as it is typed: whole outputs, exit codes, and what cannot be meant."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from layercli.cli.main import run
from layercli.gpu import check
from layercli.render import gpu, rich
from tests.gpu.worker_transcripts import SNAPSHOTS, WRONG, machine, results

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def command(capsys, *arguments):
    code = run(["gpu-check", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def same(name, text):
    """Compare with the golden file; with GOLDEN=write in the environment, make it."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


TOLD = {
    "one": ("ok", [*results(), WRONG], ["--level", "2"], 1),
    "eight": ("eight-h100", [each for n in range(8) for each in results(f"cuda:{n}")[:2]], ["--require", "8"], 0),
    "demands": (
        "ok",
        results(),
        ["--min-memory", "79GiB", "--min-tflops", "bf16=900", "--min-bandwidth", "device=1"],
        1,
    ),
    "amd": ("amd", [], ["--level", "0"], 0),
    "cpu": ("cpu-only-torch", [], [], 1),
    "mixed": ("gpu-lost", results(), [], 0),
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("format", ["plain", "json", "csv", "markdown", "github"])
def test_the_whole_output_off_a_terminal(name, format, tell, capsys):
    seen, found, options, expected = TOLD[name]
    tell(seen, found)
    code, out, err = command(capsys, *options, "--format", format)
    assert code == expected
    sentence = json.loads((GOLDEN / f"{name}.json").read_text())["sentence"]
    assert err.removeprefix("allocation on cuda:0 ...\n") == (f"{sentence}\n" if format == "csv" else "")
    same(f"{name}.{format}", out)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_output_on_a_terminal(name, width, tell, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    seen, found, options, expected = TOLD[name]
    tell(seen, found)
    code, out, _ = command(capsys, *options, "--format", "table")
    assert code == expected
    assert max(map(len, out.splitlines())) <= width
    same(f"{name}.{width}", out)


@pytest.mark.parametrize("name", TOLD)
def test_the_first_line_is_the_answer_in_every_format(name, tell, capsys):
    seen, found, options, _ = TOLD[name]
    tell(seen, found)
    document = json.loads(command(capsys, *options, "--format", "json")[1])
    assert document["schema"] == "layercli.gpu-check/1"
    sentence = document["sentence"]
    assert command(capsys, *options)[1].splitlines()[0] == sentence
    assert command(capsys, *options, "--format", "github")[1].splitlines()[0] == sentence
    assert command(capsys, *options, "--format", "markdown")[1].startswith("**")


def test_a_demand_of_plain_memory_needs_no_test(tell, capsys):
    tell("ok", results())
    assert command(capsys, "--level", "0", "--min-memory", "16GiB", "--min-capability", "8.0")[0] == 0
    assert command(capsys, "--level", "0", "--min-memory", "160GiB")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--level", "9"], "error: --level expects 0, 1, 2 or 3, got 9\n"),
        (["--level", "deep"], "error: invalid value for '--level': 'deep' is not an integer\n"),
        (["--min-memory", "16Gigs"],
         "error: --min-memory expects a size such as 16GiB, got '16Gigs'\nhint: units: B KB MB GB TB KiB MiB GiB TiB\n"),
        (["--device", "7"], "error: there is no GPU 7\nhint: the GPUs here are: 0\n"),
        (["--device", "cuda"], "error: --device expects a number or all, got 'cuda'\nhint: did you mean 0?\n"),
        (["--device", "CUDA:1"], "error: --device expects a number or all, got 'CUDA:1'\nhint: did you mean 1?\n"),
        (["--device", "foo"], "error: --device expects a number or all, got 'foo'\n"),
        (["--require", "0"], "error: --require expects 1 or more, got 0\n"),
        (["--min-tflops", "bf=3"],
         "error: --min-tflops expects one of bf16, bfloat16, fp16, float16, fp32, float32, tf32, got 'bf=3'\n"
         "hint: did you mean bf16?\n"),
        (["--from", "none.json"], "error: none.json does not exist\n"),
        (["--from", "none.json", "--level", "2"],
         "error: --level runs tests on this machine and --from reads a snapshot: give one of them\n"),
        (["-f", "xml"],
         "error: invalid value for '--format' / '-f': 'xml' is not one of 'table', 'plain', 'json', 'csv', 'markdown', 'github'\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_exit_2_and_nothing_on_stdout(arguments, message, tell, capsys):
    tell("ok", results())
    assert command(capsys, *arguments) == (2, "", message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "PATH has content that is not JSON"),
        ('{"schema": "layercli.gpu-check/1"}',
         "PATH: expects a snapshot with the schema layercli.gpu-snapshot/1, got layercli.gpu-check/1"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_snapshot_is_exit_2(content, message, tmp_path, capsys):
    path = tmp_path / "seen.json"
    path.write_text(content)
    code, out, err = command(capsys, "--from", path)
    assert (code, out, err.splitlines()[0]) == (2, "", f"error: {message.replace('PATH', str(path))}")


def test_what_was_seen_is_written_and_leads_to_the_same_findings_elsewhere(tell, capsys, tmp_path):
    tell("ok", results()[:1], ended="hang", during="exact GEMM on cuda:0")
    path = tmp_path / "seen.json"
    code, here, _ = command(capsys, "--timeout", 5, "--snapshot", path, "--format", "json")
    assert code == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["seen.json"]
    code, there, _ = command(capsys, "--from", path, "--format", "json")
    assert code == 1
    here, there = json.loads(here), json.loads(there)
    assert [finding["code"] for finding in here["findings"]] == ["hang"]
    assert (here["findings"], here["sentence"], here["devices"]) == (
        there["findings"],
        there["sentence"],
        there["devices"],
    )


def test_a_snapshot_that_cannot_be_written_is_exit_2(tell, capsys, tmp_path):
    tell("ok", results())
    code, out, err = command(capsys, "--snapshot", tmp_path / "none" / "seen.json")
    assert (code, out) == (2, "")
    assert err.endswith(f"error: cannot write {tmp_path}/none/seen.json: its folder does not exist\n")


@pytest.mark.parametrize("path", sorted(SNAPSHOTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_snapshot_can_be_drawn_in_every_format(path, capsys):
    codes = {
        command(capsys, "--from", path, "--format", format)[0]
        for format in ("table", "plain", "json", "csv", "markdown", "github")
    }
    assert codes in ({0}, {1})


def test_csv_has_one_fact_a_field(tell, capsys):
    seen = machine("mig-parent")
    seen = replace(seen, devices=[replace(seen.devices[0], name="a,\x1b[2J\nb", slowdowns=["software thermal", "x"])])
    tell(seen)
    [row] = csv.DictReader(io.StringIO(command(capsys, "--level", "0", "-f", "csv")[1]))
    assert (row["index"], row["usable"], row["mig"], row["torch"]) == ("0", "false", "true", "cuda:0")
    assert (row["name"], row["slowdowns"], row["memory_total"]) == (
        "a, [2J b",
        "software thermal x",
        "",
    )


def test_without_a_device_csv_is_a_header(tell, capsys):
    tell("no-hardware")
    code, out, err = command(capsys, "--format", "csv")
    assert (code, len(out.splitlines()), err) == (1, 1, "No: no GPU was found on this machine.\n")


def test_under_github_actions_annotations_come_by_themselves_and_a_summary_is_written(
    tell, capsys, monkeypatch, tmp_path
):
    tell("gpu-lost", results())
    path = tmp_path / "summary.md"
    path.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert command(capsys)[1] == (GOLDEN / "mixed.github").read_text()
    tell("gpu-lost", results())
    assert path.read_text() == f"# Before\n{(GOLDEN / 'mixed.markdown').read_text()}\n"
    assert command(capsys, "--format", "plain")[1] == (GOLDEN / "mixed.plain").read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "x"))
    code, _, err = command(capsys)
    assert code == 0
    assert err.endswith("warning: the job's summary cannot be written: No such file or directory\n")


@pytest.mark.parametrize(("name", "style"), [("unhealthy", "1;31"), ("unhealthy-warning", "33"), ("ok", "32")])
def test_an_error_is_red_a_warning_yellow_and_neither_is_dim(name, style):
    console = Console(force_terminal=True, color_system="standard", width=100, file=io.StringIO())
    [*_, drawn] = [each for each in gpu.tables(check(snapshot=SNAPSHOTS / f"{name}.json")) if each.styles]
    rich.draw(drawn, console)
    assert console.file.getvalue().startswith(f"\x1b[{style}m")


def test_github_escapes_what_would_end_an_annotation(tell, capsys):
    seen = machine("ok")
    tell(replace(seen, devices=[replace(seen.devices[0], name="100%\nGPU", repair_pending=True)]))
    out = command(capsys, "--level", "0", "--format", "github")[1]
    assert "::warning title=gpu-check unhealthy::GPU 0 (100%25 GPU) has bad memory" in out
    assert gpu.escaped("100%\r\nGPU") == "100%25%0D%0AGPU"


def test_a_demand_that_nobody_can_tell_of_is_inconclusive(tell, capsys):
    tell("memory-not-told")
    assert command(capsys, "--level", "0")[0] == 0
    assert command(capsys, "--level", "0", "--min-memory", "16GiB")[0] == 3


def test_a_note_of_a_snapshot_is_no_command_to_github(tell, capsys):
    tell(replace(machine("ok"), notes=["::error::forged", "::add-mask::yes"]))
    lines = command(capsys, "--level", "0", "-f", "github")[1].splitlines()
    assert " ::error::forged." in lines
    assert not any(line.startswith(("::error::", "::add-mask")) for line in lines)


def test_messages_go_to_stderr_and_q_silences_them(tell, capsys):
    tell("ok", results())
    assert command(capsys)[2] == "allocation on cuda:0 ...\n"
    code = run(["-q", "gpu-check"])
    assert (code, capsys.readouterr().err) == (0, "")


def run_here(*arguments, prelude="", **settings):
    code = f"import sys\n{prelude}\nfrom layercli.cli.main import run\nsys.exit(run(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), **settings}
    return subprocess.run(
        [sys.executable, "-c", code, "gpu-check", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["--level", "0"], ["--from", str(SNAPSHOTS / "eight-h100.json")]])
def test_looking_needs_no_torch(arguments):
    done = run_here(*arguments, "--format", "table", prelude="sys.modules['torch'] = None; sys.modules['numpy'] = None")
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith(("Yes: ", "No: "))
    assert done.stderr == ""


def test_a_real_snapshot_of_this_machine_holds_nothing_private(tmp_path):
    path = tmp_path / "seen.json"
    private = {"USER": "alice-in-private", "HOME": "/home/alice-in-private", "HOSTNAME": "alice-in-private"}
    run_here("--level", "0", "--snapshot", str(path), **private, CUDA_INJECTION64_PATH="/home/alice-in-private/x.so")
    text = path.read_text()
    assert "alice" not in text
    assert f'"{os.uname().nodename}"' not in text
    document = json.loads(text)
    assert set(document) == {"schema", "host", "driver", "wheel", "devices", "environment", "notes", "runtime"}
    assert document["environment"]["CUDA_INJECTION64_PATH"] == "(set)"


def test_a_report_is_the_answer_in_words():
    report = check(snapshot=SNAPSHOTS / "eight-h100.json")
    first, *rest = repr(report).splitlines()
    assert first == report.sentence
    assert rest[0].endswith(f": {report.devices[0].device.name}")
    assert len(rest) == len(report.devices) + len(report.findings)
