"""The logs of training: names and order of metrics, and the progress that is printed, as in Keras."""

from __future__ import annotations

import io
import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import layercli
from layercli import Input, Sequential, callbacks, layers
from layercli.callbacks import progbar
from layercli.core import interactive_logging
from layercli.errors import UsageError
from layercli.render import progress
from layercli.runtime.distributed import collectives
from layercli.runtime.training.batch_sharding import BatchShard

X = np.random.default_rng(1).standard_normal((16, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def line(**compiled):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", **compiled)
    return model


class Extremes(layercli.metrics.Metric):
    """A metric whose result is a dict."""

    def __init__(self, name="extremes"):
        super().__init__(name=name)
        self.largest = self.add_weight(shape=(), initializer="zeros", name="largest")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(self.largest + 1)

    def result(self):
        return {"z_largest": self.largest, "a_smallest": -self.largest}


class Distance:
    def __call__(self, y_true, y_pred):
        return layercli.ops.abs(y_true - y_pred)


def test_the_logs_name_and_order_metrics_as_keras():
    def MyDistance(y_true, y_pred, scale=1):
        return layercli.ops.abs(y_true - y_pred) * scale

    extremes = Extremes()
    extremes.update_state(None, None)  # fit begins anew
    model = line(
        metrics=[extremes, MyDistance, partial(MyDistance, scale=2), Distance(), lambda a, b: a - b, "MSE"],
        weighted_metrics=[MyDistance],
    )  # fmt: skip
    history = model.fit(X, Y, batch_size=len(X), verbose=0, validation_data=(X, Y)).history
    names = ["distance", "a_smallest", "z_largest", "lambda", "loss", "my_distance", "partial"]
    validated = [f"val_{name}" for name in sorted([*names, "MSE", "weighted_my_distance"])]
    assert list(history) == ["MSE", *names, *validated, "weighted_my_distance"]
    assert (history["z_largest"], history["a_smallest"]) == ([1.0], [-1.0])


def test_compile_keeps_what_it_is_not_given():
    model = line(metrics=["mae"])
    model.compile("sgd")
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss", "mae"]
    model.compile("sgd", "mae", metrics=[])
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss"]


def numbered(count, read=None):
    """Yield batches whose loss, of a model that returns zeros, is their number."""
    for number in range(count):
        if read is not None:
            read.append(number)
        yield np.ones((2, 1), "float32"), np.full((2, 1), number, "float32")


def zeros():
    model = layercli.Sequential([layercli.Input((1,)), layercli.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(layercli.optimizers.SGD(0.0), "mae")
    return model


@pytest.mark.parametrize(
    ("count", "steps", "losses"),
    [
        (1, None, [0.0, 0.0, 0.0]), (2, None, [0.5, 0.5, 0.5]), (4, None, [1.5, 0.5, 0.5]), (9, 2, [0.5, 2.5, 4.5]),
        (1, 2, [0.0, 0.0, 0.0]), (2, 2, [0.5, 0.5]), (4, 2, [0.5, 2.5]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:fit got too few batches")
def test_epochs_of_a_generator_are_those_of_keras(count, steps, losses):
    assert zeros().fit(numbered(count), epochs=3, steps_per_epoch=steps, verbose=0).history["loss"] == losses


@pytest.mark.parametrize(
    ("steps", "losses", "read"),
    [(1, [0.0] * 3, 2), (2, [0.5] * 3, 2), (3, [1.0, 4 / 3, 5 / 3], 5), (None, [4.0, 0.5, 0.5], 9)],
)
def test_each_validation_by_a_generator_begins_with_its_first_two_batches_as_in_keras(steps, losses, read):
    seen = []
    x = np.zeros((4, 1), "float32")
    data = {"validation_data": numbered(9, seen), "validation_steps": steps}
    assert zeros().fit(x, x, epochs=3, verbose=0, **data).history["val_loss"] == pytest.approx(losses)
    assert seen == list(range(read))


def test_a_generator_that_ends_is_said():
    with pytest.warns(UserWarning, match="^fit got too few batches for an epoch: the generator ended$") as warned:
        history = line().fit(((X[:2], Y[:2]) for _ in range(3)), epochs=2, verbose=0)
    assert warned[0].filename == __file__
    assert history.epoch == [0, 1]
    with pytest.raises(UsageError, match="there is no data"):
        line().fit(iter(()), verbose=0)


def test_the_epochs_of_validation_may_be_listed():
    history = line().fit(X, Y, epochs=3, verbose=0, validation_data=(X, Y), validation_freq=[1, 3])
    assert {name: len(values) for name, values in history.history.items()} == {"loss": 3, "val_loss": 2}


def without_times(text):
    return re.sub(r"\b\d+(s|ms|us)\b", "T", text)


@pytest.mark.parametrize("verbose", [1, 2])
def test_off_a_terminal_progress_is_keras_s_text(capsys, verbose):
    model = line()
    model.fit(X, Y, epochs=2, batch_size=4, validation_data=(X, Y), verbose=verbose)
    model.fit(((X[:2], Y[:2]) for _ in range(3)), verbose=verbose)
    model.evaluate(X, Y, batch_size=4, verbose=verbose)
    model.predict(X, batch_size=4, verbose=verbose)
    head = "{0}/{0} - T - " if verbose == 2 else "{0}/{0} " + 20 * "━" + " T "
    logs = model.history.history
    out, err = capsys.readouterr()
    steps = -(-len(X) // 4)
    first, one, second, _, generated, evaluated, predicted = without_times(out).splitlines()
    assert (first, second, err) == ("Epoch 1/2", "Epoch 2/2", "")
    assert re.fullmatch(re.escape(head.format(steps)) + r"T/step - loss: [\d.]{6} - val_loss: [\d.]{6}", one)
    assert generated == f"{head.format(3)}T/step - loss: {logs['loss'][0]:.4f}"
    assert re.fullmatch(re.escape(head.format(steps)) + r"T/step - loss: [\d.]{6}", evaluated)
    assert predicted == f"{head.format(steps)}T/step"


def test_on_a_terminal_the_bar_is_drawn_again(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", stream := Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    speak = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: interactive_logging.say(1, "spoken"))
    monkeypatch.setattr(progbar.Progbar, "is_due", lambda self: True)
    line().fit(X, Y, epochs=2, batch_size=-(-len(X) // 2), callbacks=[speak])
    drawn = without_times(stream.getvalue())
    assert drawn.startswith(f"Epoch 1/2\n\r1/2 {'━' * 10}{'─' * 10} T T/step - loss: ")
    assert drawn.count("\nspoken\n\r2/2 " + "━" * 20) == 2


def test_ranks_exchange_no_logs_of_batches_for_progress():
    def exchanges(*given):
        part = BatchShard(SimpleNamespace(first=True))
        collectives.callbacks_for_rank(SimpleNamespace(part=part), given)
        return part.per_batch_logs

    reads = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: logs)
    assert not exchanges(progress.BarProgress(), callbacks.ProgbarLogger())
    assert exchanges(progress.BarProgress(), reads)


@pytest.mark.parametrize(
    ("columns", "shown"), [(60, "loss 2.797"), (80, "loss 2.797"), (120, "loss 2.797  accuracy 0.09188")]
)
def test_the_bar_of_a_command_shows_whole_figures(monkeypatch, columns, shown):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream := Terminal())
    monkeypatch.setattr(progress, "REFRESH", 0)
    reporter = progress.of_command(lines=False)
    reporter.set_params({"epochs": 3, "steps": 1875})
    logs = {"accuracy": 0.09188, "loss": 2.797}
    monkeypatch.setattr(progress, "time", clock := SimpleNamespace(now=1000.0, perf_counter=lambda: clock.now))
    reporter.on_epoch_begin(0)
    clock.now += 30
    reporter.on_train_batch_end(137, logs)
    reporter._bar.refresh()
    with interactive_logging.messages_on_stderr():
        reporter.on_epoch_end(0, {**logs, "val_accuracy": 0.54, "val_loss": 1.57})
    drawn = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", each) for each in re.split(r"[\r\n]+", stream.getvalue())]
    bars = [each.rstrip() for each in drawn if "138/1875" in each]
    assert re.fullmatch(rf"epoch 1/3 [━╸╺ ]+ +138/1875 6m18s left 217ms/step  {shown}", bars[-1])
    assert len(bars[-1]) <= columns
    ends = [each for each in drawn if each.startswith(("epoch 1/3  ", 11 * " "))]
    assert all(len(each) <= columns for each in ends)
    assert " ".join(" ".join(ends).split()).startswith(
        "epoch 1/3 loss 2.797 accuracy 0.09188 val_loss 1.57 val_accuracy"
    )
