"""layercli fit and layercli evaluate, from the command line."""

from __future__ import annotations

import json
import math
import signal
import time
import xml.etree.ElementTree as ET

import h5py
import numpy as np
import pytest

from layercli.formats.safetensors import SafetensorsFile
from layercli.render.fit import table
from layercli.runtime.training.fit_command import FitReport
from layercli.runtime.training.signal_handling import Interruption

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a noisy line, y = 3x + 2, and labelled points, to be in."""
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-2, 2, 201)[:, None]
    np.savez("line.npz", x=x, y=3 * x + 2 + RNG.standard_normal(x.shape))
    np.savez("nan.npz", x=x * np.nan, y=x)
    np.savez("points.npz", x=RNG.standard_normal((60, 4)), y=RNG.integers(0, 3, 60))
    np.savez("none.npz", x=x[:0], y=x[:0])
    np.savez("short.npz", x=x, y=x[:5])
    np.savez("other.npz", a=x)
    np.savez("hundred.npz", **{f"a{i}": x for i in range(100)})
    np.savez("several.npz", **{"x/left": x, "x/right": 2 * x, "y": 3 * x})
    return tmp_path


LINE = "fit linear-regression --data line.npz --loss mse --optimizer sgd:learning_rate=0.05 --batch-size 20 -f json"
POINTS = "mlp --set features=4 --set units=3 --data points.npz --loss sparse_categorical_crossentropy:from_logits=true"


def test_the_tutorials_line_is_recovered(cli, folder):
    done = cli(f"{LINE} --epochs 15 --save line.safetensors")
    assert (done.code, len(done.err.splitlines())) == (0, 15)
    report = json.loads(done.out)
    assert report["schema"] == "layercli.fit/1"
    assert [row["epoch"] for row in report["epochs"]] == list(range(1, 16))
    assert report["epochs"][-1]["loss"] == pytest.approx(1, abs=0.25)
    file = SafetensorsFile("line.safetensors")
    assert float(file.read("w")) == pytest.approx(3, abs=0.25)
    assert float(file.read("b")) == pytest.approx(2, abs=0.25)
    found = cli(
        "evaluate linear-regression --data line.npz --loss mse --metrics mae --weights line.safetensors -f json"
    )
    measured = json.loads(found.out)
    assert (found.code, measured["schema"], sorted(measured)) == (
        0, "layercli.evaluate/1", ["device", "finite", "loss", "mae", "model", "parameters", "schema"],
    )  # fmt: skip
    x = np.load("line.npz")
    error = float(file.read("w")) * x["x"] + float(file.read("b")) - x["y"]
    assert measured["loss"] == pytest.approx(float((error**2).mean()), rel=1e-5)
    assert measured["mae"] == pytest.approx(float(abs(error).mean()), rel=1e-5)


def test_the_table_of_a_fit(cli, folder):
    done = cli(
        f"-q fit {POINTS} --metrics accuracy --validation points.npz --epochs 2 --save m.weights.h5 --device cpu "
        "--plot m.svg"
    )
    head, blank, titles, first, second, _, *facts = done.out.splitlines()
    assert (done.code, done.err, head, blank) == (0, "", "mlp", "")
    assert titles.split() == ["Epoch", "Loss", "Accuracy", "Val", "loss", "Val", "accuracy"]
    assert (first.split()[0], second.split()[0]) == ("1", "2")
    assert facts == ["Parameters:  1,027", "Device:      cpu", "Saved:       m.weights.h5"]
    texts = ["".join(each.itertext()) for each in ET.parse("m.svg").getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if "loss" in text or "acc" in text] == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
    ]
    done = cli(f"fit {POINTS} --plot m.png")
    assert (done.code, done.err) == (2, "error: --plot draws a .svg, not 'm.png'\n")


def test_the_curves_after_lines_of_epochs():
    logs = [{"epoch": i + 1, "val_loss": 2.0 - i, "loss": 3.0 - i, "accuracy": i / 2} for i in range(3)]
    report = FitReport("fit", "m", "cpu", 3, [*logs[:2], {**logs[2], "loss": math.nan}])
    found = table(report, last=True)
    assert [[cell for cell in row if not isinstance(cell, float)] for row in found.rows] == [
        ["Loss", "█▁ "], ["Accuracy", "▁▅█"], ["Val loss", "█▅▁"],
    ]  # fmt: skip
    assert found.facts == [("Epochs", "3"), ("Parameters", "3"), ("Device", "cpu")]


@pytest.mark.parametrize("file", ["m.weights.h5", "stack.keras"])
def test_resuming_goes_on_as_if_it_had_not_stopped(cli, folder, file):
    (folder / "net.py").write_text(
        "from layercli import Input, Sequential, layers\n"
        "def net():\n"
        "    return Sequential([Input((4,)), layers.Dense(8, activation='relu'), layers.Dropout(0.5), layers.Dense(3)],"
        " name='net')\n"
    )
    fit = f"fit net.py:net --data points.npz --loss {POINTS.split()[-1]} --batch-size 16 -f json"
    whole = json.loads(cli(f"{fit} --epochs 4 --save whole.safetensors").out)["epochs"]
    assert json.loads(cli(f"{fit} --epochs 2 --save {file} --resume").out)["epochs"] == whole[:2]
    assert json.loads(cli(f"{fit} --epochs 4 --save {file} --resume").out)["epochs"] == whole[2:]
    again = cli(f"{fit} --epochs 4 --save {file} --resume")
    assert (json.loads(again.out)["epochs"], again.err) == (
        [],
        f"nothing to do: {file} has had 4 epochs, and --epochs is 4\n",
    )


def test_inputs_by_name(cli, folder):
    (folder / "two.py").write_text(
        "from layercli import Input, Model, layers\n"
        "def two():\n"
        "    ends = {name: Input((1,), name=name) for name in ('left', 'right')}\n"
        "    return Model(ends, layers.Dense(1)(layers.Add()(list(ends.values()))))\n"
    )
    done = cli("fit two.py:two --data several.npz --loss mse --epochs 30 --optimizer sgd:learning_rate=0.05 -f json")
    assert done.code == 0
    assert json.loads(done.out)["epochs"][-1]["loss"] < 1e-3


def test_a_loss_that_is_no_number_is_a_no(cli, folder):
    done = cli(f"{LINE.replace('line.npz', 'nan.npz')} --epochs 5 --save line.safetensors")
    report = json.loads(done.out)
    assert (done.code, report["finite"], report["saved"], len(report["epochs"])) == (1, False, None, 1)
    assert done.err.endswith("the loss is not finite\n")
    assert report["epochs"] == [{"epoch": 1, "loss": "NaN"}]
    assert not (folder / "line.safetensors").exists()
    evaluated = cli("evaluate linear-regression --data nan.npz --loss mse")
    assert (evaluated.code, evaluated.err) == (1, "the loss is not finite\n")


WRONG = [
    ("fit mlp --data line.npz", "fit needs a loss", "--loss mse"),
    (f"{LINE} --validation 0.2", "--validation takes a file of data, not a share of --data, got '0.2'", None),
    (f"{LINE} --optimizer adamm", "there is no optimizer 'adamm'", "did you mean adam or nadam or adamax?"),
    (LINE.replace("mse", "msee"), "there is no loss 'msee'", "did you mean mse or msle or mae?"),
    (LINE.replace("mse", "Loss"), "there is no loss 'Loss'", "did you mean poisson?"),
    (
        f"{LINE} --optimizer optimizer",
        "there is no optimizer 'optimizer'",
        "did you mean optimizer_map or multi_optimizer or loss_scale_optimizer?",
    ),
    (f"{LINE} --metrics acuracy", "there is no metric 'acuracy'", "did you mean accuracy or binary_accuracy or auc?"),
    (
        LINE.replace("mse", "huber:detla=1"),
        "huber has no argument 'detla'",
        "did you mean delta?",
    ),
    (LINE.replace("mse", "mse:delta=1"), "mse has no argument 'delta'", "arguments: reduction, name, dtype"),
    (
        LINE.replace("line.npz", "lime.npz"),
        "lime.npz does not exist",
        "did you mean line.npz or none.npz or other.npz?",
    ),
    (LINE.replace("line.npz", "none.npz"), "fit got no data: x has 0 samples", None),
    (LINE.replace("line.npz", "short.npz"), "fit expects as many samples everywhere, got x 201, y 5", None),
    (
        LINE.replace("line.npz", "other.npz"),
        "other.npz holds a, not x",
        "np.savez(file, x=..., y=...), or --data x.npy,y.npy",
    ),
    (
        LINE.replace("line.npz", "hundred.npz"),
        f"hundred.npz holds {', '.join(f'a{i}' for i in range(20))} and 80 more, not x",
        "np.savez(file, x=..., y=...), or --data x.npy,y.npy",
    ),
    (f"{LINE} --epochs 0", "invalid value for '--epochs': 0 is less than 1", None),
    (f"{LINE} --resume", "--resume goes on from the file that --save names: give both", None),
    (
        f"{LINE} --save m.pt",
        "a model is saved to .keras, .weights.h5 or .safetensors, not 'm.pt'",
        "a name that ends in / is a folder, which ranks write together",
    ),
    (f"{LINE} --save line.npz/", "line.npz is a file, not a folder", None),
    (f"{LINE} --save there/out/", "there is no folder {folder}/there to write out in", None),
    (
        f"{LINE} --save m.safetensors --resume",
        "cannot resume from m.safetensors: it holds no optimizer",
        "save to .weights.h5 or .keras",
    ),
    (
        "fit my-dense --data line.npz --loss mse",
        "my-dense is a layer, and fit takes a model",
        "Sequential([layer]) is one",
    ),
    (
        f"fit {POINTS.replace('units=3', 'units=2')}",
        "labels must be from 0 to 1, the 2 classes predicted, got 2",
        None,
    ),
]


@pytest.mark.parametrize(("command", "sentence", "hint"), WRONG, ids=[sentence for _, sentence, _ in WRONG])
def test_wrong_use_is_one_sentence(cli, folder, command, sentence, hint):
    before = sorted(folder.iterdir())
    done = cli(command)
    said = f"error: {sentence.format(folder=folder)}\n" + (f"hint: {hint}\n" if hint else "")
    assert (done.code, done.out, done.err) == (2, "", said)
    assert sorted(folder.iterdir()) == before


def test_control_c_saves_and_leaves_with_130_again_and_again(cli, folder, monkeypatch, warm):
    """Broken off twice in the middle of an epoch, the run ends with the weights of one that was not."""
    fit = f"{LINE.replace('--batch-size 20', '--batch-size 3')} --save line.weights.h5 --resume --epochs"
    child = warm.start([*fit.split(), "1500"])
    while "\n" not in child.stderr() and child.poll() is None:
        time.sleep(0.01)
    assert child.stderr().startswith("epoch 1/1500  loss ")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    steps, wanted = iter(range(100)), Interruption.wanted

    def press(interruption):
        if next(steps, None) == 99:
            signal.raise_signal(signal.SIGINT)
        return wanted(interruption)

    monkeypatch.setattr(Interruption, "wanted", press)
    again = cli(f"{fit} 1500")
    for code, printed, said in ((child.returncode, out, err), (again.code, again.out, again.err)):
        report = json.loads(printed)
        assert (code, report["interrupted"], report["saved"]) == (130, True, "line.weights.h5")
        assert said.endswith("interrupted\nhint: the same command with --resume goes on\n")
    with h5py.File("line.weights.h5") as file:
        epochs = int(file["optimizer/vars/0"][()]) // 67 + 1
    assert cli(f"{fit} {epochs}").code == 0
    assert cli(f"{fit.replace('line.weights', 'whole.weights')} {epochs}").code == 0
    with h5py.File("line.weights.h5") as file, h5py.File("whole.weights.h5") as whole:
        assert all(np.array_equal(file[f"vars/{i}"], whole[f"vars/{i}"]) for i in range(2))
