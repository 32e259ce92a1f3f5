"""``layercli cost``: its answers, its exit codes, and what it says of bad input."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from layercli.formats.safetensors import save


def test_parts_of_the_memory(cli):
    done = cli("cost mlp --at B=2 --format plain")
    assert done.code == 0
    assert done.out.startswith(
        "mlp: memory of inference\n\n"
        "Part            Memory   Share\n"
        "weights      397.5 KiB   98.2%\n"
        "inputs         6.1 KiB    1.5%\n"
        "activations    1.1 KiB    0.3%\n"
        "total        404.7 KiB  100.0%\n\n"
        "At:          B = 2\n"
        "Peak:        in head Linear\n"
    )


def test_json_has_numbers_and_formulas(cli):
    document = json.loads(cli("cost transformer-encoder --at T=8 --format json").out)
    assert document["schema"] == "layercli.cost/1"
    assert document["totals"]["macs"] is None
    assert document["formulas"]["macs"] == "6144*B*T^2 + 18874368*B*T"
    assert document["open_sizes"] == ["B"]
    rows = [row for row in document["modules"] if row["path"] == "stack/0"]
    assert rows[0]["formulas"]["macs"] == "1024*B*T^2 + 3145728*B*T"


def test_it_fits_or_not(cli):
    yes = cli("cost resnet50 --on l4 --format plain")
    assert yes.code == 0
    assert "Fits:        yes, 22.2 GiB are left: NVIDIA L4 has 22.4 GiB\n" in yes.out
    no = cli("cost resnet50 --memory 64MiB --format plain")
    assert no.code == 1
    facts = dict(line.split(":", 1) for line in no.out.splitlines() if ": " in line)
    assert facts["Fits"].strip() == "no, 44.3 MiB are missing: there are 64.0 MiB"
    assert facts["Largest B"].strip() == "none fits"
    assert facts["With --dtype bfloat16"].strip() == "54.2 MiB: fits"


@pytest.mark.parametrize("memory", ["700KiB", "2MiB"])
def test_what_is_said_to_fit_does(cli, memory):
    fit = json.loads(cli(f"cost decoder --at B=8 --at T=64 --memory {memory} --format json").out)["fit"]
    fitting = [each for each in fit["remedies"] if each["fits"]]
    assert fitting
    for each in fitting:
        sizes = {"B": "8", "T": "64"} | dict(re.findall(r"--at (\w)=(\d+)", each["change"]))
        options = re.sub(r"--at \S+", "", each["change"]) + "".join(f" --at {name}={n}" for name, n in sizes.items())
        done = cli(f"cost decoder {options} --memory {memory} --format json")
        assert (done.code, json.loads(done.out)["totals"]["memory"]) == (0, each["bytes"]), each["change"]


def test_weights_of_few_bits_are_for_inference(cli):
    done = cli("cost mlp --weights int4 --training adam --at B=1")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: --weights is for inference: what is trained is no integer",
    )


def test_activations_are_no_integers(cli):
    done = cli("cost mlp --dtype int8 --at B=1")
    said = "error: --dtype is that of activations too: a floating-point dtype, got 'int8'"
    assert (done.code, done.err.splitlines()) == (2, [said, "hint: --weights int8 stores the weights so"])
    assert cli("cost mlp --dtype mixed_int8 --at B=1").code == cli("cost mlp --dtype int32 --at B=1").code == 2


def test_values_that_a_torch_module_depends_on(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "branching.py").write_text(
        "from torch import nn\n\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 3)\n\n"
        "    def forward(self, x, twice: bool = False):\n        y = super().forward(x)\n"
        "        return super().forward(y) if twice else y\n"
    )
    given = "cost branching.py:Net --input-shape 2,3 --format json"
    assert json.loads(cli(given).out)["totals"]["macs"] == 18
    assert json.loads(cli(f"{given} --arg twice=true").out)["totals"]["macs"] == 36
    fit = json.loads(cli(f"{given} --memory 1000B").out)["fit"]  # 48 bytes of weights, and 12 each of x and y of a row
    assert (fit["fits"], fit["largest"]) == (True, {"B": 39})
    asked = cli("cost branching.py:Net --input-shape B,3 --memory 1000B")
    assert (asked.code, asked.err.splitlines()[0]) == (2, "error: whether it fits depends on B")
    assert json.loads(cli(given.replace("2,3", "B,3")).out)["formulas"]["memory"] == "24*B + 48"
    sizes = "cost branching.py:Net --input-shape B,T,3 --at B=2 --at T=4 --arg twice=true --memory 1000B --format json"
    assert json.loads(cli(sizes).out)["fit"]["largest"] == {"B": 6, "T": 13}


def test_budgets(cli):
    done = cli("cost mlp --at B=1 --max parameters=100K --max memory=1GiB")
    assert done.code == 1
    assert done.err == "over budget: parameters 101,770 is over the budget of 100,000 by 1,770 (+1.8%)\n"
    unknown = cli("cost mlp --max memory=1GiB")
    assert (unknown.code, unknown.err) == (3, "not known: memory is not known, the budget is 1.0 GiB\n")
    assert cli("cost mlp --at B=1 --max memory=1GiB").code == 0


def test_budgets_of_the_project(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.layercli.budgets]\nparameters = "100K"\n')
    assert cli("cost mlp --at B=1").code == 1
    assert cli("cost mlp --at B=1 --max parameters=1M").code == 0
    (tmp_path / "pyproject.toml").write_text('[tool.layercli.budgets]\nparameter = "100K"\n')
    done = cli("cost mlp --at B=1")
    assert (done.code, done.err) == (
        2, "error: there is no figure 'parameter' to limit\nhint: did you mean parameters?\n",
    )  # fmt: skip


def test_a_baseline(cli, tmp_path):
    file = tmp_path / "cost.json"
    file.write_text(cli("cost mlp --at B=1 --format json").out)
    assert cli(f"cost mlp --at B=1 --baseline {file}").code == 0
    grown = cli(f"cost mlp --set hidden=130 --at B=1 --baseline {file} --allow 1%")
    assert grown.code == 1
    assert grown.err.splitlines()[0] == (
        "over budget: parameters grew from 101,770 to 103,360 (+1.6%, 1.0% allowed): hidden_layers/0 +1,570, head +20"
    )
    assert cli(f"cost mlp --set hidden=129 --at B=1 --baseline {file} --allow 1%").code == 0


def test_github_annotations_and_the_summary_of_a_job(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = cli("cost mlp --at B=1 --max parameters=100K --memory 1KiB --format github")
    assert done.code == 1
    assert done.out.splitlines()[:3] == [
        "::error title=layercli cost mlp::parameters 101,770 is over the budget of 100,000 by 1,770 (+1.8%25)",
        "::error title=layercli cost mlp::does not fit: no, 400.1 KiB are missing: there are 1.0 KiB",
        "::group::layercli cost mlp",
    ]
    assert "| weights |" in (tmp_path / "summary.md").read_text()


def test_bad_input_is_one_sentence(cli, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    texts = {"schema": "layercli.cost/1", "totals": {"macs": "1.2M"}, "modules": []}
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    (tmp_path / "later.json").write_text('{"schema": "layercli.cost/2"}')
    (tmp_path / "deep.json").write_text("[" * 4000 + "]" * 4000)
    later = f"{tmp_path}/later.json is a report in the form layercli.cost/2"
    whole = "which is not an integer"
    messages = {
        "cost mlp --on h10": "there is no device 'h10'",
        "cost mlp --max flops=3": "there is no figure 'flops' to limit",
        "cost mlp --max parameters": "--max expects FIGURE=LIMIT, got 'parameters'",
        "cost mlp --max parameters=-3": "--max parameters expects a number such as 30M, got '-3'",
        "cost mlp --memory 0GiB": "--memory expects a size such as 24GiB, got '0GiB'",
        "cost mlp --memory 1GiB": "whether it fits depends on B",
        "cost mlp --at B=0": "a size is at least 1, got 'B=0'",
        "cost mlp --at Q=3": "the input has no size named 'Q'",
        "cost mlp --memory 1GiB --on l4": "--memory and --on both say how much memory there is: give one of them",
        "cost mlp --allow 3": "--allow expects a percentage such as 1%, got '3'",
        "cost mlp --dtype float23": "there is no dtype 'float23'",
        f"cost mlp --baseline {tmp_path}/later.json": f"{later}, and this version of layercli compares layercli.cost/1",
        f"cost mlp --baseline {tmp_path}/texts.json": f"{tmp_path}/texts.json has macs '1.2M' among its totals, {whole}",
        f"cost mlp --baseline {tmp_path}/x.json": f"{tmp_path}/x.json is no report of layercli cost",
        f"cost mlp --baseline {tmp_path}/deep.json": f"{tmp_path}/deep.json is no JSON",
        f"cost mlp --baseline {tmp_path}/y.json": f"cannot open {tmp_path}/y.json: No such file or directory",
    }
    for command, message in messages.items():
        done = cli(command)
        assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}"), command


def test_training(cli):
    done = cli("cost mlp --at B=2 --training adam --format plain")
    assert done.code == 0
    assert done.out.startswith(
        "mlp: memory of training (adam)\n\n"
        "Part                         Memory   Share\n"
        "weights                   397.5 KiB   24.9%\n"
        "optimizer state           795.1 KiB   49.8%\n"
        "inputs                      6.1 KiB    0.4%\n"
        "gradients                 397.5 KiB   24.9%\n"
    )
    assert "\nPeak:        in backward: hidden_layers/0 Linear\n" in done.out


def test_training_that_is_refused(cli, tmp_path):
    messages = {
        "cost mlp --training adem": "there is no optimizer 'adem'",
        "cost mlp --ranks 2": "--ranks in inference is for Hugging Face folders, which mlp is not",
        "cost mlp --allow 5%": "--allow is how much a figure may exceed a --baseline",
        "cost mlp --training adam --parallel fsdp": "--parallel is how several ranks train: --ranks says how many",
        "cost mlp --checkpointing x": "--checkpointing is for training",
        "cost mlp --at B=1 --training sgd --checkpointing x": "no layer that is called has a path like 'x'",
        "cost mlp --ranks 0 --training sgd": "invalid value for '--ranks': 0 is less than 1",
    }
    for command, message in messages.items():
        done = cli(command)
        assert (done.code, done.err.splitlines()[0]) == (2, f"error: {message}"), command


def test_time_on_a_device(cli):
    done = cli("cost mlp --at B=2 --on h100 --format plain")
    assert "Time floor:  124 ns, bound by memory (1.0 FLOP/byte), on NVIDIA H100 SXM in float32\n" in done.out
    document = json.loads(cli("cost mlp --at B=2 --on h100 --format json").out)
    assert document["time"]["total"]["flops"] == 2 * 2 * 101632
    assert document["time"]["device"] == "NVIDIA H100 SXM"


def test_devices_with_the_sources_of_their_figures(cli):
    said = cli("cost mlp --at B=2 --on l4 --format plain").out
    assert "Device:      NVIDIA L4 has 22.4 GiB, 300 GB/s, 60 TFLOP/s in float32 (NVIDIA L4 data sheet, 2023)\n" in said
    rows = cli("cost mlp --on list --format csv").out.splitlines()
    assert (
        rows[0]
        == "name,memory,bandwidth,flops_float32,flops_bfloat16,flops_float16,flops_float8_e4m3fn,flops_float64,source"
    )
    assert all(row.partition(",")[2].rpartition('"')[0] for row in rows[1:])


def test_json_has_layers_of_any_depth(cli):
    all_depths, one = (json.loads(cli(f"cost transformer-encoder {d} --format json").out) for d in ("", "--depth 1"))
    assert {row["depth"] for row in one["modules"]} == {1}
    assert len(one["modules"]) < len(all_depths["modules"])


def test_a_note_on_a_hidden_column_is_hidden(cli, monkeypatch):
    command = "cost transformer-encoder --at B=1 --at T=8 --training adam --on h100 --format table"
    for width, shown in ((200, True), (60, False)):
        monkeypatch.setenv("COLUMNS", str(width))
        assert ("Allocates: what" in cli(command).out) == shown


def test_on_this_machine(cli):
    done = cli("cost lenet --at B=2 --on here --format json")
    document = json.loads(done.out)
    assert (done.code, document["fit"]["fits"]) == (0, True)
    assert document["time"]["total"]["seconds"] > 0


def test_torch_is_not_imported():
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from layercli.cli.main import run\n"
        "sys.exit(run('cost decoder --at B=1 --at T=8 --on h100 --training adamw'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_file_of_weights_takes_in_a_call_is_unknown(cli, tmp_path):
    """A figure that is not known is exit 3 and no pass; that it does not fit may be known all the same."""
    file = str(tmp_path / "w.safetensors")
    save(file, {"w": np.ones((3, 20), "float32")})
    done = cli("cost", file, "--max", "memory=1KiB")
    assert (done.code, done.err) == (3, "not known: memory is not known, the budget is 1.0 KiB\n")
    assert cli("cost", file, "--max", "weights=1KiB").code == 0
    assert "total             ?\n" in cli("cost", file).out
    done = cli("cost", file, "--memory", "1KiB")
    reason = "a weight file does not describe a computation"
    error = f"error: whether w.safetensors fits is not known: {reason}\nhint: its weights and inputs take 240 B\n"
    assert (done.code, done.err) == (2, error)
    done = cli("cost", file, "--memory", "100B")
    assert done.code == 1
    assert "no, 140 B are missing" in done.out
