"""What a notebook shows: well-formed, escaped, with the figures; and one live line of ``fit``."""

from __future__ import annotations

import sys
import types
import xml.etree.ElementTree as ET

import numpy as np
import torch

import layercli
from layercli import layers
from layercli.gpu.report import GpuReport
from layercli.gpu.snapshot import Snapshot, Wheel
from layercli.render import notebook, progress

HOSTILE = "<script>alert(1)</script>\x1b[2J"


def parsed(shown):
    """The HTML of an object, which is XML too."""
    html = shown._repr_html_()
    assert "<script" not in html
    assert "\x1b" not in html
    return ET.fromstring(f"<body>{html}</body>")


def rows_of(tree):
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


def test_a_model_shows_its_summary():
    model = layercli.Sequential([layercli.Input((3,)), layers.Dense(2, name="head<b>")], name="<b>&amp;")
    tree = parsed(model)
    assert ["head<b> (Dense)", "(None, 2)", "8"] in rows_of(tree)
    assert next(tree.iter("div")).find("div").text == "<b>&amp; (Sequential)"
    assert "".join(parsed(layers.Dense(2)).itertext()).startswith("<Dense name=dense")  # its inputs are not known


def test_a_variable_shows_its_values_shortened():
    layer = layers.Dense(300)
    layer(np.ones((1, 4), np.float32))
    values = layer.kernel.numpy()
    text = "".join(parsed(layer.kernel).itertext())
    assert f"{values[0, 0]:.8f}".rstrip("0")[:6] in text
    assert "..." in text
    assert len(text) < 1000  # of 1,200 values, which would be 14,000 characters


def test_a_variable_of_a_model_that_was_not_called_shows_its_initial_values(monkeypatch):
    made = [layercli.Sequential([layercli.Input((3,)), layers.Dense(2)]) for _ in range(2)]
    large, small = (model.layers[-1].kernel for model in made)
    monkeypatch.setattr(notebook, "DRAWN", 7)  # and the bias: 8
    assert "".join(parsed(large).itertext()) == repr(large)
    monkeypatch.setattr(notebook, "DRAWN", 8)
    text = "".join(parsed(small).itertext())
    assert f"{small.numpy()[0, 0]:.8f}"[:8] in text
    assert "float32[3, 2]" in text
    assert "".join(parsed(layercli.Variable(np.array([2, 3]))).itertext()).endswith("[2 3]")
    optimizer = layercli.optimizers.Adam(0.25)
    optimizer.build([small])
    shown = ["".join(parsed(each).itertext()) for each in optimizer.variables]
    assert shown[:2] == ["adam/iteration: int32[]0", "adam/learning_rate: float32[]0.25"]
    assert all(text.endswith("[[0. 0.]\n [0. 0.]\n [0. 0.]]") for text in shown[2:])


def test_a_history_shows_figures_and_curves():
    history = layercli.callbacks.History()
    history.on_train_begin()
    for epoch in range(3):
        history.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1), "val_loss": 2.0, "<i>": 0.5})
    tree = parsed(history)
    assert rows_of(tree)[:2] == [["Epoch", "loss", "val_loss", "<i>"], ["1", "1", "2", "0.5"]]
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 1


def test_a_diff_and_a_gpu_report_are_tables():
    text = "".join(parsed(layercli.diff("mlp", "lenet")).itertext())
    assert text.startswith("different: ")
    snapshot = Snapshot(wheel=Wheel(version="2.13"))
    report = GpuReport(False, f"No {HOSTILE}", [], [], [], [], snapshot)
    assert "".join(parsed(report).itertext()).startswith("No <script>alert(1)</script>\\x1b[2J")


def test_summary_of_any_model():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    found = layercli.summary(net, torch.ones(2, 3))
    assert (found.totals.parameters, found.totals.macs) == (16, 24)
    assert [row.cls for row in found.rows] == ["Linear", "ReLU"]
    assert "0 (Linear)" in str(found).splitlines()[3]
    assert layercli.summary(net, {"input": (5, 3)}).totals.macs == 60
    assert layercli.summary("my-dense", np.ones((7, 5), np.float32)).outputs[0][1].shape == (7, 10)
    assert layercli.summary("mlp", hidden=[8]).totals.parameters == 784 * 8 + 8 + 8 * 10 + 10
    assert "expects 3 features, got 4" in layercli.summary(net, (2, 4)).failure


def test_fit_draws_one_line_in_a_notebook(monkeypatch, capsys):
    drawn = []
    output = types.SimpleNamespace(update=lambda shown, raw: drawn.append(shown["text/plain"]))
    fake = types.ModuleType("IPython.display")
    fake.display = lambda shown, raw, display_id: drawn.append(shown["text/plain"]) or output
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    monkeypatch.setitem(
        sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=1), display=fake)
    )
    monkeypatch.setattr(progress, "REFRESH", 0)
    shown = progress.of_fit(1)
    shown.set_params({"epochs": 2, "steps": 4})
    for epoch in range(2):
        shown.on_epoch_begin(epoch)
        shown.on_train_batch_end(1, {"loss": 0.5})
        shown.on_epoch_end(epoch, {"loss": 0.25})
    assert [line.split("  ")[0] for line in drawn] == ["epoch 1/2"] * 3 + ["epoch 2/2"] * 3
    assert "████████         2/4" in drawn[1]
    assert drawn[1].endswith("loss 0.5")
    assert "loss 0.25" in drawn[2]
    assert capsys.readouterr() == ("", "")


def test_variables_show_the_table_of_vars():
    found = layercli.open("lenet").variables()
    assert ["c1/kernel", "(5, 5, 1, 6)", "float32", "yes", "150", "600", "glorot_uniform"] in rows_of(parsed(found))
    assert str(found).splitlines()[-1] == "Parameters:  61,706 (241.0 KiB)"
