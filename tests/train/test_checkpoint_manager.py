"""BackupAndRestore: broken off anywhere, a run goes on to the same weights, bit for bit."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import layercli
from layercli import Input, Sequential, callbacks, layers
from layercli.errors import FileError, FormatError, LayercliError
from layercli.formats.locks import lock_of, taken

X = np.random.default_rng(1).standard_normal((40, 6)).astype("float32")
Y = X[:, :2] * 3


def net(optimizer=None):
    layercli.random.set_seed(4)
    model = Sequential([Input((6,)), layers.Dense(16, "relu"), layers.Dropout(0.5), layers.Dense(2)], name="net")
    model.compile(optimizer or layercli.optimizers.Adam(0.01), "mse")
    return model


def fitted(*given, model=None, epochs=4):
    model = model or net()
    history = model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0, callbacks=list(given)).history.get("loss", [])
    return model.get_weights(), history


def broken_off(backup, after, model=None):
    """Fit until so many steps were taken, and stop there as a killed process does."""
    steps = iter(range(after))

    def count(batch, logs):
        if next(steps, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(backup, callbacks.LambdaCallback(on_train_batch_begin=count), model=model)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(("save_freq", "after"), [("epoch", 12), (3, 8), (3, 15), (5, 11)])
def test_it_ends_where_it_would_have(tmp_path, save_freq, after):
    whole, losses = fitted()
    broken_off(callbacks.BackupAndRestore(tmp_path / "kept", save_freq), after)
    assert (tmp_path / "kept" / "backups.json").exists()
    weights, rest = fitted(callbacks.BackupAndRestore(tmp_path / "kept", save_freq))
    assert same(weights, whole)
    assert rest[1:] == losses[-len(rest) :][1:]
    assert not (tmp_path / "kept").exists()


def test_accumulated_gradients_and_a_scaled_loss_are_part_of_it(tmp_path):
    def model():
        inner = layercli.optimizers.Adam(0.01, gradient_accumulation_steps=2)
        return net(layercli.optimizers.LossScaleOptimizer(inner, initial_scale=4.0))

    whole, _ = fitted(model=model())
    broken_off(callbacks.BackupAndRestore(tmp_path, 1), 8, model())
    assert same(fitted(callbacks.BackupAndRestore(tmp_path, 1), model=model())[0], whole)


def test_where_the_last_backup_is_damaged_the_one_before_serves(tmp_path):
    whole, _ = fitted()
    broken_off(callbacks.BackupAndRestore(tmp_path, double_checkpoint=True), 17)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2-0.weights.h5", "3-0.weights.h5", "backups.json"]
    (tmp_path / "3-0.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    backup = callbacks.BackupAndRestore(tmp_path, double_checkpoint=True, delete_checkpoint=False)
    assert same(fitted(backup)[0], whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3-0.weights.h5", "4-0.weights.h5", "backups.json"]
    weights, none = fitted(callbacks.BackupAndRestore(tmp_path))  # what is done is not done again
    assert (same(weights, whole), none) == (True, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "FOLDER/backups.json is not a list of backups"),
        ('{"schema": "layercli.backups/2", "backups": [3]}', "FOLDER/backups.json is not a list of backups"),
        ('{"schema": "layercli.backups/1", "backups": []}', "FOLDER/backups.json is not a list of backups"),
        ("no", "FOLDER/backups.json has content that is not JSON"),
        *(
            (
                f'{{"schema": "layercli.backups/2", "backups": [["a.weights.h5", {rest}]]}}',
                "FOLDER/backups.json is not a list of backups",
            )
            for rest in (
                '[1, 0, 1e999], 8, "0"',
                '[1, 0, -1], 8, "0"',
                '[1, true, 0], 8, "0"',
                '[1, 0], 8, "0"',
                '[1, 0, 0], "8", "0"',
            )
        ),
        (
            '{"schema": "layercli.backups/2", "backups": [["a.weights.h5", [1, 0, 0], 8, "0"]]}',
            "FOLDER/a.weights.h5 does not exist",
        ),
    ],
)
def test_a_damaged_list_is_said(tmp_path, content, message):
    (tmp_path / "backups.json").write_text(content)
    with pytest.raises(LayercliError) as raised:
        fitted(callbacks.BackupAndRestore(tmp_path))
    assert str(raised.value).replace(str(tmp_path), "FOLDER") == message


@pytest.mark.parametrize("name", ["backups.json", "1-0.weights.h5"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    held = [["1-0.weights.h5", [1, 0, 5], 8, "0"]]
    (tmp_path / "backups.json").write_text(json.dumps({"schema": "layercli.backups/2", "backups": held}))
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(FileError, match=f"{name} is not a regular file"):
        fitted(callbacks.BackupAndRestore(tmp_path))


def test_the_backup_of_another_model_is_refused(tmp_path):
    fitted(callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    other = Sequential([Input((6,)), layers.Dense(2)], name="other")
    other.compile("sgd", "mse")
    with pytest.raises(FormatError) as raised:
        fitted(callbacks.BackupAndRestore(tmp_path), model=other)
    said = str(raised.value).replace(str(tmp_path), "FOLDER")
    assert said == "layers/dense/vars/0 in FOLDER/4-0.weights.h5 has the shape (6, 16), the model's is (6, 2)"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backup_dir": ""}, "BackupAndRestore expects backup_dir to name a folder, got ''"),
        ({"backup_dir": "b", "save_freq": "day"}, "save_freq is epoch or a number of batches, got 'day'"),
    ],
)
def test_what_cannot_be_meant(settings, message):
    with pytest.raises(LayercliError) as raised:
        callbacks.BackupAndRestore(**settings)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "name", ["../victim.weights.h5", "victim", "/victim.weights.h5", "", "..", 3, "a\0.weights.h5"]
)
def test_a_list_that_names_other_files_removes_none(tmp_path, name):
    folder = tmp_path / "kept"
    fitted(callbacks.BackupAndRestore(folder, delete_checkpoint=False))
    for victim in ("victim.weights.h5", "kept/victim"):
        (tmp_path / victim).write_bytes(b"mine")
    document = json.loads((folder / "backups.json").read_text())
    document["backups"].append([name, *document["backups"][0][1:]])
    (folder / "backups.json").write_text(json.dumps(document))
    for settings in ({}, {"double_checkpoint": True}):
        with pytest.raises(FormatError) as raised:
            fitted(callbacks.BackupAndRestore(folder, **settings))
        said = str(raised.value).replace(str(folder), "FOLDER")
        assert said == f"FOLDER/backups.json names the backup {name!r}, which is not a file of weights beside it"
    assert (tmp_path / "victim.weights.h5").read_bytes() == (folder / "victim").read_bytes() == b"mine"


def test_a_backup_that_was_changed_is_not_taken(tmp_path):
    fitted(callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    file = tmp_path / "4-0.weights.h5"
    whole = file.read_bytes()
    half = len(whole) // 2
    for content, fault in [
        (whole[:-1], f"of {len(whole) - 1:,} bytes, and there it has {len(whole):,}"),
        (whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :], "damaged"),
    ]:
        file.write_bytes(content)
        with pytest.raises(FormatError) as raised:
            fitted(callbacks.BackupAndRestore(tmp_path))
        assert str(raised.value) == f"{file} is not what {tmp_path / 'backups.json'} says: it is {fault}"
    file.write_bytes(whole)
    (tmp_path / "outside").write_bytes(whole)
    file.unlink()
    file.symlink_to("outside")
    with pytest.raises(FormatError, match="is a symbolic link, which no backup is"):
        fitted(callbacks.BackupAndRestore(tmp_path))


def test_a_folder_is_of_one_process_at_a_time(tmp_path):
    folder = tmp_path / "runs" / "kept"
    folder.parent.mkdir()
    descriptor = taken(lock_of(folder), str(folder))  # a lock is of an open file: in another process it is the same
    os.pwrite(descriptor, b"4242\n", 0)
    with pytest.raises(FileError) as refused:
        fitted(callbacks.BackupAndRestore(folder), epochs=1)
    assert str(refused.value) == f"{folder} is being written by process 4242"
    os.close(descriptor)
    broken_off(callbacks.BackupAndRestore(folder), 6)
    held = []
    seen = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: held.append(lock_of(folder).exists()))
    fitted(callbacks.BackupAndRestore(folder, delete_checkpoint=False), seen)
    assert all(held)
    assert not lock_of(folder).exists()
