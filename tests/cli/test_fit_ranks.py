"""layercli fit as one of several ranks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.torchrun import ONE_THREAD, ranks_of

RNG = np.random.default_rng(0)
LINE = "mlp --set features=3 --set units=2 --data points.npz --loss sparse_categorical_crossentropy:from_logits=true"


@pytest.fixture
def points(tmp_path, monkeypatch):
    """A folder with labelled points, to be in."""
    monkeypatch.chdir(tmp_path)
    np.savez("points.npz", x=RNG.standard_normal((41, 3)), y=RNG.integers(0, 2, 41))
    return tmp_path


def test_a_rank_that_is_killed_ends_the_job_which_goes_on_later(cli, points):
    command = f"-m layercli fit {LINE} --batch-size 8 --epochs 1000000 --save out/"
    first, second = ranks_of(command.split(), points)
    assert first.stderr.readline().startswith("epoch 1/1000000  loss ")
    assert first.stderr.readline().startswith("epoch 2/1000000  loss ")
    second.send_signal(signal.SIGKILL)
    out, err = first.communicate(timeout=200)
    second.communicate()
    *_, said, hint = err.splitlines()
    assert (first.returncode, out) == (2, "")
    assert said == "error: another rank exited, so this one cannot continue"
    assert hint == "hint: start it again; --resume continues a fit with --save and a run with --batch-size"
    [checkpoint] = [path.name for path in (points / "out").iterdir() if path.name.isdigit()]
    epochs = int(checkpoint) + 2
    fit = f"fit {LINE} --batch-size 8 --epochs {epochs} -f json"
    resumed = json.loads(cli(f"{fit} --save out/ --resume").out)["epochs"]
    unbroken = json.loads(cli(fit).out)["epochs"]
    assert [row["epoch"] for row in resumed] == [epochs - 1, epochs]
    np.testing.assert_allclose([r["loss"] for r in resumed], [r["loss"] for r in unbroken[-2:]], rtol=1e-5)


def ended(processes):
    """Return the report of the first rank, once both have come to an end, and the exit code that both have."""
    told = [each.communicate(timeout=200) for each in processes]
    [code] = {each.returncode for each in processes}
    assert told[1][0] == ""
    return json.loads(told[0][0]), code


@pytest.mark.parametrize("save", ["out.weights.h5", "out/ --shard"])
def test_control_c_stops_all_ranks_at_one_step_and_saves(cli, points, save):
    """Broken off in the middle of an epoch, two ranks end with the losses of one process that was not."""
    command = f"-m layercli fit {LINE} --batch-size 8 -f json --epochs"
    ranks = ranks_of([*command.split(), "1000000", "--save", *save.split()], points)
    assert ranks[0].stderr.readline().startswith("epoch 1/1000000  loss ")
    for each in ranks:
        each.send_signal(signal.SIGINT)
    report, code = ended(ranks)
    assert (code, report["interrupted"], report["saved"]) == (130, True, save.split()[0])
    command = f"{command} {len(report['epochs']) + 2}"
    resumed, code = ended(ranks_of([*command.split(), "--resume", "--save", *save.split()], points))
    assert (code, [row["epoch"] for row in resumed["epochs"]][-1]) == (0, len(report["epochs"]) + 2)
    unbroken = json.loads(cli(command.removeprefix("-m layercli ")).out)
    np.testing.assert_allclose(resumed["epochs"][-1]["loss"], unbroken["epochs"][-1]["loss"], rtol=1e-5)


def test_torchrun_starts_two_ranks_and_hands_control_c_on(points):
    torchrun = "-m torch.distributed.run --standalone --nproc-per-node 2"
    command = f"{torchrun} -m layercli fit {LINE} --batch-size 8 --epochs 1000000 --save out/ -f json"
    with subprocess.Popen(
        [sys.executable, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ONE_THREAD},
    ) as job:  # fmt: skip
        assert any(line.startswith("epoch 2/1000000  loss ") for line in job.stderr)
        job.send_signal(signal.SIGINT)
        out, _ = job.communicate(timeout=200)
    report = json.loads(out)
    assert (report["interrupted"], report["saved"], len(report["epochs"]) > 1) == (True, "out/", True)
    assert [path.name.isdigit() for path in (points / "out").iterdir()] == [True]


def test_shard_needs_ranks(cli, points):
    done = cli(f"fit {LINE} --shard")
    assert (done.code, done.out, done.err) == (
        2, "",
        "error: --shard shares a model out among ranks, and there is only this process\n"
        "hint: torchrun --nproc-per-node 2 -m layercli fit ... --shard\n",
    )  # fmt: skip
