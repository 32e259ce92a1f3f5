"""layercli fit as one of several ranks."""

from __future__ import annotations

import json
import signal
import time

import numpy as np
import pytest

from tests.ranks import ranks_of

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
