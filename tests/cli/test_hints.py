"""What is said of a word that nobody knows: the nearest of its kind, or where to look."""

from __future__ import annotations

import numpy as np
import pytest

HUB = (
    "nothing is downloaded: of a model of the Hugging Face hub, name its folder ({0}/ with config.json) on this machine"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with data, a notebook and a file of Python with two models, to be in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("points.npz", x=rng.standard_normal((60, 4)).astype("f"), y=rng.integers(0, 3, 60))
    (tmp_path / "nb.ipynb").write_text('{"cells": []}')
    (tmp_path / "two.py").write_text("from layercli import Model\nclass A(Model): pass\nclass B(Model): pass\n")
    return tmp_path


FIT = "fit mlp --set features=4 --set units=3 --data points.npz"
HINTS = [
    (f"{FIT} --loss sparse_crossentropy", "did you mean binary_crossentropy or sparse_categorical_crossentropy"),
    (f"{FIT} --loss mse --optimizer adam:lr=1", "did you mean learning_rate?"),
    (f"{FIT} --loss huber:dleta=1", "did you mean delta?"),
    (f"{FIT} --loss mse --optimizer admw", "did you mean adam"),
    (f"{FIT} --loss mse --metrics acuracy", "did you mean accuracy"),
    (f"{FIT} --loss mse --device gpu", "did you mean cuda or"),
    ("run mlp --device cudo", "did you mean cuda"),
    ("run mlp --precision hi", "did you mean high?"),
    ("run mlp --fill zero", "did you mean zeros?"),
    ("run mlp --dtype bf16x", "did you mean"),
    ("run mlp --layers heed", "did you mean head?"),
    ("profile mlp --sort tme", "did you mean time?"),
    ("summary MLP", "did you mean mlp?"),
    ("summary mlp --set hiden=3", "did you mean hidden?"),
    ("summary mlp --columns +paramters", "did you mean parameters"),
    ("run mlp --input points.npz", "an entry is named after a colon: points.npz:x"),
    ("summary bert-base-uncased", HUB.format("bert-base-uncased")),
    ("summary meta-llama/Llama-3.1-8B", HUB.format("meta-llama/Llama-3.1-8B")),
    ("summary https://huggingface.co/gpt2", "nothing is downloaded: name a file on this machine"),
    ("vars nb.ipynb", "save its model, or its classes to a file: net.py:Net"),
    ("summary two.py", "as in two.py:B"),
    ("summary torchvisionx.models:resnet18", "pip install torchvisionx, or a file is named as net.py:Net"),
]


@pytest.mark.parametrize(("words", "hint"), HINTS, ids=[words for words, _ in HINTS])
def test_the_hint(cli, folder, words, hint):
    done = cli(words)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith(f"hint: {hint}")


def test_files_of_another_kind_are_not_what_was_meant(cli, folder):
    assert cli("run mlp --input points.npy").err == "error: points.npy does not exist\n"  # not points.npz
    np.save("net.npy", np.zeros(2))
    assert cli("run mlp --input nte.npy").err == "error: nte.npy does not exist\nhint: did you mean net.npy?\n"


def test_a_list_of_all_where_none_is_like_it(cli, folder):
    said = cli(f"{FIT} --loss qqq").err.splitlines()
    assert said[0] == "error: there is no loss 'qqq'"
    assert said[1].startswith("hint: losses: bce, binary_crossentropy, ")
    assert said[1].endswith(" more")


def test_a_crossentropy_of_logits_is_warned_of(cli, folder):
    warning = (
        "warning: sparse_categorical_crossentropy takes probabilities, and mlp gives numbers below 0 or above 1: "
        "if they are logits, use sparse_categorical_crossentropy:from_logits=true"
    )
    for loss in ("crossentropy", "sparse_categorical_crossentropy", "sparse_categorical_crossentropy:axis=-1"):
        for command in (FIT, FIT.replace("fit", "evaluate", 1)):
            assert warning in cli(f"{command} --loss {loss}").err
    assert "warning" not in cli(f"{FIT} --loss sparse_categorical_crossentropy:from_logits=true").err
    assert "warning" not in cli(f"{FIT} --loss crossentropy -q").err


def test_probabilities_are_not_warned_of(cli, folder):
    (folder / "net.py").write_text(
        "from layercli import Sequential, layers\nnet = Sequential([layers.Dense(3, activation='softmax')])\n"
    )
    assert "warning" not in cli("fit net.py:net --data points.npz --loss crossentropy").err


def test_what_is_not_saved_is_said(cli, folder):
    loss = "--loss sparse_categorical_crossentropy:from_logits=true"
    assert cli(f"{FIT} {loss}").err.endswith("\nnothing is saved: --save FILE keeps the weights\n")
    assert "nothing is saved" not in cli(f"{FIT} {loss} --save out.keras").err


def test_threads_of_fit(cli, folder):
    import torch

    before = torch.get_num_threads()
    loss = "--loss sparse_categorical_crossentropy:from_logits=true --threads 1"
    try:
        assert cli(f"{FIT} {loss}").code == 0
        assert cli(f"{FIT.replace('fit', 'evaluate', 1)} {loss}").code == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
