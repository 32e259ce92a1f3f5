"""Two ranks over gloo: the same result as one process on the same batches, and one sentence where a rank goes."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import cache

import numpy as np
import pytest

import layercli
from layercli import distributed
from layercli.errors import DeviceError, FormatError, UsageError
from layercli.runtime.group import Group
from layercli.runtime.parts import Part
from tests.train import jobs

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ranks_of(command, folder):
    """Return two processes in torchrun's environment, without torchrun itself."""
    place = {**os.environ, **ONE_THREAD, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        subprocess.Popen(
            [sys.executable, *command], cwd=folder, env={**place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which two ranks have done every job."""
    folder = tmp_path_factory.mktemp("ranks")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = f"import sys; sys.path.insert(0, {root!r}); from pathlib import Path; from tests.train import jobs; "
    both = ranks_of(["-c", f"{code}jobs.main(Path({str(folder)!r}))"], folder)
    ended = [each.communicate(timeout=200) for each in both]
    assert [(each.returncode, err) for each, (_, err) in zip(both, ended, strict=True)] == [(0, ""), (0, "")]
    return folder


@pytest.fixture(scope="module")
def found(done):
    """What each of the two ranks found."""
    return [np.load(done / f"rank{rank}.npz") for rank in range(2)]


@cache
def alone(name):
    return jobs.train(name)


@pytest.mark.parametrize(
    ("way", "name"), [("ddp", name) for name in jobs.TRAININGS] + [("fsdp", name) for name in jobs.SHARDED]
)
def test_two_ranks_come_to_what_one_process_does(found, name, way):
    for rank in found:
        for key, expected in alone(name).items():
            atol = 5e-5 if name == "bfloat16" else 2e-6  # sums of fewer samples are rounded otherwise, to 8 bits
            np.testing.assert_allclose(rank[f"{name}/{way}/{key}"], expected, rtol=2e-5, atol=atol, err_msg=key)


@pytest.mark.parametrize(("how", "name"), [("ddp", n) for n in jobs.WHOLE] + [("fsdp", n) for n in jobs.BY_LAYER])
def test_whole_models_in_plain_pytorch(found, how, name):
    for rank in found:
        assert rank[f"gradients/{how}/{name}"] < 1e-5


def test_ranks_stop_together_and_one_of_them_writes(found, done):
    first, second = found
    for key in ("epochs", "batches", "loss"):
        np.testing.assert_array_equal(first[f"stopped/{key}"], second[f"stopped/{key}"])
    assert first["stopped/epochs"].tolist() == [0, 1]
    assert len(first["stopped/batches"]) == 8
    with open(done / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [float(row["loss"]) for row in rows] == first["stopped/loss"].tolist()
    assert layercli.load_model(done / "best.keras").count_params() == 32


def test_what_callbacks_decide_is_what_they_decide_in_one_process(found):
    one = jobs.patient()
    assert len(one["epochs"]) < 12
    for rank in found:
        for key, expected in one.items():
            np.testing.assert_allclose(rank[f"patient/{key}"], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("file", ["shards", "whole.weights.h5"])
def test_what_two_ranks_saved_one_process_goes_on_from(found, done, file):
    layercli.random.set_seed(0)
    model = jobs.dense()
    model.compile("adam", jobs.sparse())
    model._trainer.prepare()
    (distributed.load if file == "shards" else model.__class__.load_weights)(model, done / file)
    np.testing.assert_array_equal(np.concatenate([w.ravel() for w in model.get_weights()]), found[0]["saved/weights"])
    assert model.optimizer.iterations == 6
    model.fit(jobs.X, jobs.LABELS, batch_size=8, initial_epoch=1, epochs=2, verbose=0)
    layercli.random.set_seed(0)
    unbroken = jobs.dense()
    unbroken.compile("adam", jobs.sparse())
    unbroken.fit(jobs.X, jobs.LABELS, batch_size=8, epochs=2, verbose=0)
    for got, expected in zip(model.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


LINE = "mlp --set features=3 --set units=2 --data points.npz --loss sparse_categorical_crossentropy:from_logits=true"


@pytest.fixture
def points(tmp_path, monkeypatch):
    """A folder with labelled points, to be in."""
    monkeypatch.chdir(tmp_path)
    np.savez("points.npz", x=jobs.X, y=jobs.LABELS)
    return tmp_path


def test_a_rank_that_is_killed_ends_the_job_which_goes_on_later(cli, points):
    command = f"-m layercli fit {LINE} --batch-size 8 --epochs 1000000 --save out/"
    first, second = ranks_of(command.split(), points)
    assert first.stderr.readline().startswith("epoch 1/1000000  loss ")
    assert first.stderr.readline().startswith("epoch 2/1000000  loss ")
    second.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    out, err = first.communicate(timeout=60)
    second.communicate()
    assert time.monotonic() - killed < 20
    *_, said, hint = err.splitlines()
    assert (first.returncode, out) == (2, "")
    assert said == "error: another rank of this job has gone, so that it cannot go on"
    assert hint == "hint: start it again with --resume: it goes on from what was last saved"
    [checkpoint] = [path.name for path in (points / "out").iterdir() if path.name.isdigit()]
    epochs = int(checkpoint) + 2
    fit = f"fit {LINE} --batch-size 8 --epochs {epochs} -f json"
    resumed = json.loads(cli(f"{fit} --save out/ --resume").out)["epochs"]
    unbroken = json.loads(cli(fit).out)["epochs"]
    assert [row["epoch"] for row in resumed] == [epochs - 1, epochs]
    np.testing.assert_allclose([r["loss"] for r in resumed], [r["loss"] for r in unbroken[-2:]], rtol=1e-5)


def test_shard_needs_ranks(cli, points):
    done = cli(f"fit {LINE} --shard")
    assert (done.code, done.out, done.err) == (
        2, "",
        "error: --shard shares a model out among ranks, and there is only this process\n"
        "hint: torchrun --nproc-per-node 2 -m layercli fit ... --shard\n",
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"^dense is sharded among ranks, and there is only this process$"):
        distributed.shard(jobs.dense(), jobs.X)
    with pytest.raises(UsageError, match=r"^there are no ranks to join: torchrun did not start this process$"):
        distributed.join()


def test_nccl_needs_a_gpu(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"^nccl needs a CUDA device, and there is none$"):
        distributed.join("nccl")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match=r"^rank 2 of this machine has no GPU: there are 2$"):
        distributed.join()


@pytest.mark.parametrize(
    ("size", "sentence", "hint"),
    [
        (30, "a batch of 30 does not divide among 4 ranks", "take 28 or 32"),
        (3, "a batch of 3 is smaller than the 4 ranks that share it", None),
    ],
)
def test_a_batch_is_shared_out_evenly(size, sentence, hint):
    with pytest.raises(UsageError) as caught:
        Part(Group(1, 4)).check(size)
    assert (caught.value.message, caught.value.hint) == (sentence, hint)


def test_every_sample_is_some_ranks():
    for samples in range(1, 9):
        parts = [Part(Group(rank, 3)) for rank in range(3)]
        taken = [list(range(samples))[part.take(samples)] for part in parts]
        assert [x for own, part in zip(taken, parts, strict=True) if part.own for x in own] == list(range(samples))
        assert [len(own) for own in taken] == [max(part.own, 1) for part in parts]


def test_a_checkpoint_that_does_not_fit(points):
    model = jobs.dense()
    model.compile("adam", "mse")
    model._trainer.prepare()
    (points / "out").mkdir()
    with pytest.raises(FormatError, match=r"^out holds no checkpoint$"):
        distributed.load(model, "out")
    distributed.save(model, "out")
    wider = jobs.masked()
    wider.compile("adam", "mse")
    with pytest.raises(FormatError, match=r"^out has no model.embedding.embeddings$"):
        distributed.load(wider, "out")
    file = next((points / "out" / "00000001").iterdir())
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"^out/00000001 is damaged: "):
        distributed.load(model, "out")
