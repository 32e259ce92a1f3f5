"""The real thing, where there is one: ``pytest -m gpu`` runs all of it. Needs torch, and neither JAX nor Keras."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from layercli import Sequential, layers
from layercli.cli.main import run as command
from layercli.gpu import check
from layercli.gpu.selftest import gemm, memory_test, op_parity, stress_test
from layercli.gpu.selftest.test_result import FAILED, PASSED
from layercli.runtime.analysis import comparison, latency, profile
from layercli.runtime.inference import model_inputs
from layercli.runtime.inference.prepared_model import RunSettings, prepare
from layercli.sources.resolve import resolve

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch has no CUDA device here"),
]

MODELS = (
    "resnet-block",
    "sequential",
    "my-dense",
    "mlp",
    "lenet",
    "lstm",
    "transformer-encoder",
    "decoder",
    "resnet50",
)


SHAPES = {
    "sequential": ["2,6,6,3"],
    "transformer-encoder": ["2,32,512"],
    "decoder": ["2,16"],
}
"""The inputs of models that leave a size open."""


@pytest.fixture(scope="module")
def report():
    return check(level=1, min_tflops={"fp32": 0.1}, min_bandwidth={"device": 1, "h2d": 0.1, "d2h": 0.1})


def document(capsys, *arguments):
    code = command([str(each) for each in arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def program_of(name, **settings):
    """Return a named model ready to run, and inputs for it."""
    subject = resolve(name).subject
    inputs = model_inputs.inputs_for(subject, model_inputs.Request(shapes=SHAPES.get(name, ()), seed=3))
    return prepare(subject, inputs, RunSettings(seed=3, **settings)), inputs


# gpu-check


def test_the_answer_is_yes(report):
    assert report.answer, report.sentence
    assert all(test.verdict != FAILED for test in report.tests)
    assert {test.name: test.verdict for test in report.tests}["exact GEMM float32"] == PASSED


def test_the_driver_describes_the_device(report):
    pytest.importorskip("pynvml", reason="without nvidia-ml-py the driver is not asked")
    device = report.devices[0].device
    assert device.name == torch.cuda.get_device_name(0)
    assert device.capability == "{}.{}".format(*torch.cuda.get_device_capability(0))
    assert device.memory_total >= device.memory_free > 0
    assert 0 < device.temperature < 100
    assert [note for note in report.snapshot.notes if not note.startswith("nvmlDeviceGet")] == []


def test_demands_are_measured(report):
    assert len(report.demands) == 4 * len(report.devices)
    assert all(demand.met for demand in report.demands)


def test_level_0_says_the_same_without_torch(report):
    pytest.importorskip("pynvml", reason="without nvidia-ml-py nothing shows before torch is asked")
    seen = check(level=0)
    assert seen.answer, seen.sentence
    assert [card.torch for card in seen.devices] == [card.torch for card in report.devices]


def test_level_2_passes_and_its_json_says_so(capsys):
    found = document(capsys, "gpu-check", "--level", "2", "--device", "0", "--format", "json")
    assert (found["schema"], found["answer"]) == ("layercli.gpu-check/1", True)
    assert [test for test in found["tests"] if test["verdict"] == FAILED] == []
    names = {test["name"] for test in found["tests"]}
    assert names >= {
        "allocation",
        "kernels",
        "memory patterns",
        "copy there and back",
        "bandwidth device",
        "rate float32",
    }


def test_a_short_run_of_level_3_is_steady():
    device = torch.device("cuda:0")
    found = {each.name: each for each in stress_test.sustained([device], 3.0, dict, size=4096)}
    assert found["sustained load"].verdict == PASSED
    assert found["sustained rate"].figure > 1


@pytest.mark.parametrize("precision", gemm.PRECISIONS, ids=lambda precision: precision.name)
def test_every_product_is_right_and_runs_in_its_precision(precision):
    device = torch.device("cuda:0")
    if precision not in gemm.precisions(device):
        pytest.skip(f"{torch.cuda.get_device_name(0)} has no {precision.name}")
    assert gemm.exact(device, precision).verdict == PASSED
    near = gemm.random(device, precision)
    assert (near.verdict, near.detail) == (PASSED, f"ran as {precision.name}")
    assert gemm.repeatable(device, precision).verdict == PASSED


def test_every_operation_agrees_with_the_cpu():
    found = list(op_parity.parity(torch.device("cuda:0")))
    assert [each for each in found if each.verdict != PASSED] == []


def test_memory_keeps_what_is_written():
    device = torch.device("cuda:0")
    assert memory_test.patterns(device, 1 << 28).verdict == PASSED
    assert memory_test.round_trip(device).verdict == PASSED


def test_a_hang_ends_at_its_timeout():
    found = check(level=1, timeout=0.5)
    assert [finding.code for finding in found.findings if finding.severity == "error"] == ["hang"]


# run


@pytest.mark.parametrize("name", MODELS)
def test_a_model_on_the_gpu_agrees_with_the_cpu_in_float64(name):
    program, inputs = program_of(name, device="cuda")
    ours = comparison.record(program, inputs)
    program.module.to("cpu")
    theirs = comparison.in_another_way(replace(program, device=torch.device("cpu")), "float64", inputs)
    found = comparison.compare(ours, theirs, "CPU, float64")
    assert found.first_divergence is None
    assert found.only_here == []


@pytest.mark.parametrize("name", ["lenet", "transformer-encoder"])
def test_a_compiled_model_agrees_with_itself(name):
    program, inputs = program_of(name, device="cuda")
    ours = comparison.in_another_way(program, "compile", inputs)
    assert comparison.compare(ours, comparison.record(program, inputs, layers=False), "eager").first_divergence is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_runs(dtype, capsys):
    found = document(capsys, "run", "lenet", "--device", "cuda", "--dtype", dtype, "--format", "json")
    assert (found["device"], found["outputs"][0]["dtype"], found["outputs"][0]["finite"]) == ("cuda:0", dtype, True)


def test_the_other_device_is_compared(capsys):
    assert command(["compare", "lenet", "--device", "cpu", "--with", "cuda"]) == 0
    assert command(["compare", "lenet", "--device", "cuda", "--with", "cpu"]) == 0
    assert "cuda:0" in capsys.readouterr().out


def test_times_are_those_of_the_gpu():
    here, inputs = program_of("resnet50", device="cuda")
    found = latency.measure(here, inputs, latency.Repeat(10), 3)
    assert 0 < found.samples.quantile(0.5) < 1
    assert 0 < found.share < 1.2
    assert found.peak_memory > 90e6  # its weights alone


def test_a_profile_adds_up():
    here, inputs = program_of("lenet", device="cuda")
    found = profile.profile(here, inputs)
    assert 0 < sum(cost.own for cost in found.costs) <= found.seconds * 1.01


def test_a_trace_has_kernels(tmp_path):
    here, inputs = program_of("lenet", device="cuda")
    profile.trace(here, inputs, tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert any(event.get("cat") == "kernel" for event in events)


def test_a_file_is_streamed(tmp_path, capsys):
    x = np.random.default_rng(1).normal(size=(300, 32, 32, 1)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    for device, out in (("cuda", "there.npy"), ("cpu", "here.npy")):
        arguments = [
            "--input",
            tmp_path / "x.npy",
            "--output",
            tmp_path / out,
            "--batch-size",
            "64",
            "--device",
            device,
        ]
        assert command(["run", "lenet", *map(str, arguments)]) == 0, capsys.readouterr().err
    there, here = np.load(tmp_path / "there.npy"), np.load(tmp_path / "here.npy")
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5)


# fit


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "lion", "muon", "nadam"])
def test_training_on_the_gpu_is_training_on_the_cpu(optimizer):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(96, 8, 6)).astype("float32"), rng.integers(0, 3, 96)
    losses, start = [], None
    for device in ("cpu", "cuda"):
        model = Sequential([layers.Conv1D(16, 3), layers.LSTM(8), layers.Dense(3, activation="softmax")])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        model(x[:2])
        start = start or model.get_weights()
        model.set_weights(start)
        model.module.to(device)
        losses.append(model.fit(x, y, batch_size=32, epochs=3, verbose=0).history["loss"])
        assert model.predict(x).shape == (96, 3)
        assert next(model.module.parameters()).device.type == device
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)


def test_fit_in_float16_scales_its_loss():
    rng = np.random.default_rng(2)
    model = Sequential([layers.Dense(16, activation="relu", dtype="mixed_float16"), layers.Dense(1)])
    model.compile("adam", "mse")
    x = rng.normal(size=(64, 8)).astype("float32")
    model(x[:2])
    model.module.to("cuda")
    found = model.fit(x, x.sum(1, keepdims=True), epochs=5, verbose=0).history["loss"]
    assert found[-1] < found[0]


def test_fit_on_the_command_line(tmp_path, capsys):
    rng = np.random.default_rng(2)
    np.savez(tmp_path / "data.npz", x=rng.normal(size=(64, 32, 32, 1)).astype("float32"), y=rng.integers(0, 10, 64))
    made = [tmp_path / "data.npz", "--loss", "crossentropy", "--epochs", 2, "--device", "cuda", "--format", "json"]
    found = document(capsys, "fit", "lenet", "--data", *made)
    assert (found["device"], found["finite"], len(found["epochs"])) == ("cuda:0", True, 2)


def test_a_dropout_with_a_seed_draws_the_same_on_both_devices():
    x = torch.ones(64, 64)
    drawn = []
    for device in ("cpu", "cuda"):
        layer = layers.Dropout(0.5, seed=4)
        layer(x)
        if layer._module is not None:
            layer.module.to(device)
        drawn.append(layer(x.to(device), training=True).cpu())
    assert torch.equal(*drawn)
