"""Callbacks: told the same logs, they decide as Keras's do; and what they leave behind."""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from keras_parity import real_keras as keras

import layercli
from layercli import Input, Sequential, callbacks, layers
from layercli.errors import LayercliError

X = np.random.default_rng(1).standard_normal((16, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def line(rate=0.05):
    layercli.random.set_seed(0)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(layercli.optimizers.SGD(rate), "mse")
    return model


def trace(callback, values, monitor, adapt):
    """Tell ``callback`` of epochs that came to ``values``; return the rates, and the epoch it stopped in."""
    weights = {"now": [0.0]}
    model = SimpleNamespace(
        optimizer=SimpleNamespace(learning_rate=1.0),
        stop_training=False,
        get_weights=lambda: weights["now"],
        set_weights=lambda found: weights.update(now=found),
    )
    adapt(callback, model)
    rates, stopped = [], None
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        weights["now"] = [float(epoch)]
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {monitor: value})
        rates.append(round(float(model.optimizer.learning_rate), 12))
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end()
    return rates, stopped, weights["now"]


def keras_model(callback, model):
    callback._model = model


def our_model(callback, model):
    callback.set_model(model)


FALLING = [5.0, 4.0, 4.0, 4.1, 3.0, 3.0, 3.0, 3.0, 2.99999, 2.99999, 2.9, 3.0, 3.0, 3.0]
SETTINGS = [
    ("EarlyStopping", {"monitor": "loss"}),
    ("EarlyStopping", {"monitor": "loss", "patience": 2}),
    ("EarlyStopping", {"monitor": "loss", "patience": 3, "min_delta": 0.5, "restore_best_weights": True}),
    ("EarlyStopping", {"monitor": "loss", "patience": 2, "start_from_epoch": 5, "restore_best_weights": True}),
    ("EarlyStopping", {"monitor": "loss", "patience": 2, "baseline": 3.5}),
    ("EarlyStopping", {"monitor": "loss", "patience": 2, "mode": "max"}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 2, "factor": 0.5, "cooldown": 2}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1, "factor": 0.5, "min_lr": 0.2, "min_delta": 0.0}),
    ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1, "mode": "max"}),
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
@pytest.mark.parametrize("values", [FALLING, FALLING[::-1]], ids=["falling", "rising"])
def test_decides_as_keras_does(name, settings, values):
    ours = trace(getattr(callbacks, name)(**settings), values, "loss", our_model)
    theirs = trace(getattr(keras.callbacks, name)(**settings), values, "loss", keras_model)
    assert ours == theirs


def test_accuracies_are_better_when_higher():
    _, stopped, _ = trace(
        callbacks.EarlyStopping("val_accuracy", patience=2), [0.1, 0.2, 0.3, 0.2, 0.3], "val_accuracy", our_model
    )
    assert stopped == 4


def test_early_stopping_ends_fit_and_brings_the_best_weights_back():
    model = line(rate=3.0)
    kept = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stopping = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = model.fit(X, Y, epochs=20, callbacks=[keep, stopping], verbose=0)
    assert len(history.epoch) == stopping.stopped_epoch + 1 < 20
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), kept[stopping.best_epoch], strict=True))


def test_nan_ends_the_epoch_at_once():
    seen = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: seen.append(step))
    x = X.copy()
    x[4] = math.nan
    line().fit(x, Y, epochs=5, batch_size=4, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(), watch])
    assert seen == [0, 1]
    with pytest.raises(LayercliError) as raised:
        line().fit(x, Y, batch_size=4, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])
    assert str(raised.value) == "the loss is nan after batch 1"


def test_the_rate_follows_a_schedule():
    model, rates = line(), []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate)))
    model.fit(
        X, Y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), note]
    )
    assert rates == pytest.approx([0.025, 0.0125, 0.00625])
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.5), note])
    assert rates[-1] == 0.5


def test_a_csv_file_has_a_row_per_epoch(tmp_path):
    path = tmp_path / "log.csv"
    model = line()
    history = model.fit(X, Y, epochs=2, validation_split=0.5, verbose=0, callbacks=[callbacks.CSVLogger(path)]).history
    rows = [f"{e},{history['loss'][e]},{history['val_loss'][e]}" for e in range(2)]
    assert path.read_text().splitlines() == ["epoch,loss,val_loss", *rows]
    model.fit(X, Y, epochs=1, validation_split=0.5, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    assert len(path.read_text().splitlines()) == 4
    assert path.read_text().count("epoch") == 1


def test_a_csv_file_has_columns_for_a_later_validation(tmp_path):
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    model = line()
    model.fit(X, Y, epochs=2, validation_split=0.5, validation_freq=2, verbose=0, callbacks=[logger])
    titles, first, second = (row.split(",") for row in path.read_text().splitlines())
    assert titles == ["epoch", "loss", "val_loss"]
    assert first[2] == "NA"
    assert float(second[2]) > 0


def test_a_callback_list_calls_the_hooks_of_a_loop_of_ones_own():
    model, seen = line(), []
    note = callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append(("train", logs)),
        on_epoch_begin=lambda epoch, logs: seen.append(("epoch", epoch, logs)),
        on_train_batch_end=lambda batch, logs: seen.append(("batch", batch, logs)),
    )
    listed = callbacks.CallbackList([], add_history=True, model=model, epochs=1, steps=2)
    listed.append(note)
    listed.on_train_begin()
    listed.on_epoch_begin(0)
    for batch in range(2):
        listed.on_batch_begin(batch)
        listed.on_batch_end(batch, {"loss": batch})
    listed.on_epoch_end(0, {"loss": 1.0})
    listed.on_train_end()
    batches = [("batch", batch, {"loss": batch}) for batch in range(2)]
    assert seen == [("train", {}), ("epoch", 0, {}), *batches]
    assert model.history.history == {"loss": [1.0]}
    assert listed.params == {"epochs": 1, "steps": 2}
    assert model.fit(X, Y, verbose=0, callbacks=callbacks.CallbackList(note)).epoch == [0]
    with pytest.raises(LayercliError, match="callbacks are Callback objects, got 3"):
        callbacks.CallbackList([3])


def test_asked_to_they_say_what_they_do(capsys, tmp_path):
    model = line()
    verbose = {"monitor": "loss", "verbose": 1, "min_delta": 100.0}
    model.fit(
        X, Y, epochs=5, batch_size=16, verbose=0,
        callbacks=[
            callbacks.LearningRateScheduler(lambda epoch: 0.25, verbose=1),
            callbacks.ReduceLROnPlateau(patience=1, **verbose),
            callbacks.EarlyStopping(patience=1, restore_best_weights=True, **verbose),
            callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", verbose=1),
        ],
    )  # fmt: skip
    best = model.history.history["loss"][0]
    assert capsys.readouterr().out.replace(str(tmp_path), "FOLDER").splitlines() == [
        "Epoch 1: learning_rate is 0.25",
        "Epoch 1: saved FOLDER/1.keras",
        "Epoch 2: learning_rate is 0.25",
        "Epoch 2: learning_rate becomes 0.025",
        "Epoch 2: saved FOLDER/2.keras",
        f"Epoch 2: loss is no better than {best:.4g}, which ends fit",
        "The weights of epoch 1 are put back",
    ]


@pytest.mark.parametrize("send_as_json", [False, True])
def test_a_server_is_sent_the_logs(send_as_json):
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(
                (self.path, self.headers["X-Run"], self.rfile.read(int(self.headers["Content-Length"])).decode())
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *what):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    remote = callbacks.RemoteMonitor(root, "/here/", headers={"X-Run": "7"}, send_as_json=send_as_json)
    history = line().fit(X, Y, epochs=2, verbose=0, callbacks=[remote]).history
    server.shutdown()
    bodies = [body if send_as_json else urllib.parse.parse_qs(body)["data"][0] for _, _, body in got]
    assert [json.loads(body) for body in bodies] == [{"epoch": i, "loss": history["loss"][i]} for i in range(2)]
    assert {(path, run) for path, run, _ in got} == {("/here/", "7")}


def test_a_server_that_is_not_there_stops_nothing():
    remote = callbacks.RemoteMonitor("http://127.0.0.1:9")
    said = r"^http://127.0.0.1:9/publish/epoch/end/ does not answer: \[Errno 111\] Connection refused$"
    with pytest.warns(UserWarning, match=said):
        assert len(line().fit(X, Y, epochs=1, verbose=0, callbacks=[remote]).epoch) == 1


@pytest.mark.parametrize("verbose", [0, 1])
def test_the_progress_callback_takes_the_place_of_fit_s_own(capsys, verbose):
    line().fit(X, Y, epochs=2, verbose=verbose, callbacks=[callbacks.ProgbarLogger()])
    assert capsys.readouterr().out.count("Epoch ") == 2 * verbose


def test_after_an_interruption_the_progress_callback_shows_an_evaluation(capsys):
    def interrupt(step, logs):
        raise KeyboardInterrupt

    model, bar = line(), callbacks.ProgbarLogger()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, callbacks=[bar, callbacks.LambdaCallback(on_train_batch_end=interrupt)])
    model.evaluate(X, Y, callbacks=[bar])
    assert capsys.readouterr().out.startswith("1/1 ")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau expects factor to be below 1, got 1.0"),
        (lambda: callbacks.LambdaCallback(on_epoch=print), "a callback has no 'on_epoch'"),
        (
            lambda: line().fit(X, Y, callbacks=[callbacks.EarlyStopping("val_los")], verbose=0),
            "EarlyStopping watches 'val_los', which is not in the logs (loss)",
        ),
        (
            lambda: line().fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: None)]),
            "a learning-rate schedule gives a number, got None",
        ),
        (
            lambda: callbacks.ModelCheckpoint("model.pt"),
            "ModelCheckpoint expects filepath to end in .keras or .h5, got 'model.pt'",
        ),
        (
            lambda: callbacks.ModelCheckpoint("m.keras", save_freq="day"),
            "save_freq is epoch or a number of batches, got 'day'",
        ),
        (
            lambda: callbacks.TensorBoard(update_freq="day"),
            "update_freq is epoch, batch or a number of batches, got 'day'",
        ),
        (
            lambda: callbacks.TensorBoard(profile_batch="3,2"),
            "profile_batch is a batch from 1, or a first and a last one, got '3,2'",
        ),
    ],
)
def test_what_cannot_be_meant(act, message):
    with pytest.raises(LayercliError) as raised:
        act()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "kind",
    [
        lambda path: callbacks.EarlyStopping(restore_best_weights=True),
        lambda path: callbacks.ReduceLROnPlateau(patience=1, factor=0.1),
        lambda path: callbacks.ModelCheckpoint(path / "{epoch}.keras", save_best_only=True),
    ],
)
def test_epochs_without_the_monitored_value_do_not_count(kind, tmp_path):
    model, callback = line(), kind(tmp_path)
    with pytest.warns(UserWarning, match=r"watches 'val_loss', which is not in the logs \(loss"):
        history = model.fit(
            X, Y, epochs=4, verbose=0, callbacks=[callback], validation_data=(X, Y), validation_freq=2
        ).history
    assert (len(history["loss"]), len(history["val_loss"])) == (4, 2)
    assert callback.best == min(history["val_loss"])
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["2.keras", "4.keras"])


@pytest.mark.parametrize(("save_freq", "saved"), [(1, 4), (2, 2), (3, 1), (0, 4), (False, 4), (-1, 4)])
def test_checkpoints_by_batches(save_freq, saved, tmp_path, monkeypatch):
    model, folder = line(), tmp_path / "kept"
    backups = []
    callback = callbacks.ModelCheckpoint(tmp_path / "m.keras", save_freq=save_freq)
    backup = callbacks.BackupAndRestore(folder, save_freq)
    monkeypatch.setattr(callback, "_save", lambda logs: backups.append("model"))
    batches = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: monkeypatch.setattr(
        backup._backups, "add", lambda *position: backups.append("backup")
    ))  # fmt: skip
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[batches, callback, backup])
    assert (backups.count("model"), backups.count("backup")) == (saved, saved)


def test_a_notebook_shows_messages_on_stdout_and_the_history(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.0, verbose=1)
    history = model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, callbacks=[schedule])
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("Epoch 1: learning_rate is 0\n", "")
    assert repr(history).startswith("<History of 1 epochs, loss 1")


def test_without_interactive_logging_messages_are_logged(capsys, monkeypatch):
    logged = []
    monkeypatch.setattr(logging.getLogger("layercli"), "info", lambda form, text: logged.append(form % text))
    stopping = callbacks.EarlyStopping("loss", min_delta=100, patience=0, verbose=1)
    layercli.config.disable_interactive_logging()
    try:
        assert not layercli.utils.is_interactive_logging_enabled()
        line().fit(X, Y, epochs=2, callbacks=[stopping])
        layercli.utils.Progbar(2).update(2)
    finally:
        layercli.config.enable_interactive_logging()
    assert capsys.readouterr() == ("", "")
    assert [text[:9] for text in logged[::2]] == ["Epoch 1/2", "Epoch 2/2", "Epoch 2: "]
    assert [text[:5] for text in logged[1::2]] == ["1/1 ━", "1/1 ━", "2/2 ━"]


def test_another_mode_is_auto_with_a_warning():
    with pytest.warns(UserWarning, match="EarlyStopping takes the mode auto for 'up'"):
        assert callbacks.EarlyStopping("val_accuracy", mode="up").rising
