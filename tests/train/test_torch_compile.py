"""compile(jit_compile=True): the same numbers through torch.compile, and a sentence where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import UsageError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def trained(jit_compile):
    layercli.random.set_seed(0)
    stack = [Input((3,)), layers.Dense(4, activation="relu", kernel_regularizer="l2"), layers.BatchNormalization()]
    model = Sequential([*stack, layers.Dropout(0.0), layers.Dense(1)], name="net")
    model.compile("adam", "mse", metrics=["mae"], jit_compile=jit_compile)
    history = model.fit(X, Y, batch_size=8, epochs=2, verbose=0, validation_data=(X[:8], Y[:8])).history
    logs = np.array([history[name] for name in sorted(history)])
    return model, [*model.get_weights(), logs, model.evaluate(X, Y, batch_size=8), model.predict(X, batch_size=8)]


@pytest.fixture
def eager(monkeypatch):
    """Traces as torch.compile does, and notes each; what it traced runs as it is, so that no compiler is needed."""
    traced = []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call, **_: whole(call, backend=backend))
    torch._dynamo.reset()
    return traced


def test_compiled_it_comes_to_the_same(eager):
    model, found = trained(True)
    assert eager
    assert model._trainer.get_config()["jit_compile"] is True
    _, expected = trained("auto")
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_auto_and_false_compile_nothing(eager):
    assert not eager
    for jit_compile in ("auto", False):
        assert trained(jit_compile)[0]._trainer.get_config()["jit_compile"] is False
    assert not eager


def test_to_run_eagerly_comes_before_it(eager):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=True)
    model.fit(X, Y, verbose=0)
    assert eager == []


def test_without_a_compiler_it_says_so(monkeypatch):
    def backend(graph, inputs):
        raise RuntimeError("no C++ compiler was found")

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call, **_: whole(call, backend=backend))
    torch._dynamo.reset()
    with pytest.raises(UsageError) as caught:
        trained(True)
    assert caught.value.message == (
        "torch.compile cannot compile net: backend='backend' raised: RuntimeError: no C++ compiler was found"
    )
    assert caught.value.hint == "jit_compile=False trains it as it is"


def test_another_word_is_refused():
    with pytest.raises(UsageError, match=r"^jit_compile is True, False or auto, got 'yes'$"):
        trained("yes")


def test_from_the_command_line(eager, tmp_path):
    from layercli.runtime.training.fit_command import FitArguments, fit_file
    from layercli.sources.resolve import resolve

    np.savez(tmp_path / "line.npz", x=X[:, :1], y=Y)
    logs = []
    for jit_compile in (False, True):
        assert bool(eager) is False
        settings = FitArguments("sgd", "mse", batch_size=8, device="cpu", jit_compile=jit_compile)
        logs.append(
            fit_file(
                resolve("linear-regression").trained(), settings, str(tmp_path / "line.npz"), epochs=2, verbose=0
            ).logs
        )
    assert eager
    assert logs[1] == [pytest.approx(row, rel=1e-5) for row in logs[0]]


@pytest.mark.parametrize(("precision", "older"), [("tf32", "high"), ("ieee", "highest")])
def test_a_precision_set_by_the_newer_setting_can_be_read_while_compiling(monkeypatch, precision, older):
    read = []

    def backend(graph, inputs):
        read.append(
            (torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32)
        )  # as torch before 2.13
        return graph.forward

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call, **_: whole(call, backend=backend))
    torch._dynamo.reset()
    try:
        torch.backends.cuda.matmul.fp32_precision = precision
        trained(True)
        assert set(read) == {(older, precision == "tf32")}
        assert torch.backends.cuda.matmul.fp32_precision == precision
    finally:
        torch.set_float32_matmul_precision("highest")
