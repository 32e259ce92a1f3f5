"""Real data: a small CNN reads scikit-learn's handwritten digits, and the same script in Keras reads them as well."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from keras_parity import keras

import layercli
from layercli.cli.main import run

TRAINED = 1437
SCRIPT = """
from layercli import Model, layers


class CNN(Model):
    def setup(self):
        self.conv = layers.Conv2D(24, 3, padding="same", activation="relu")
        self.pool = layers.MaxPooling2D(2)
        self.flat = layers.Flatten()
        self.hidden = layers.Dense(48, activation="relu")
        self.head = layers.Dense(10, activation="softmax")

    def call(self, image):
        return self.head(self.hidden(self.flat(self.pool(self.conv(image)))))
"""


@pytest.fixture(autouse=True)
def alone():
    """One thread: so small a net has nothing for a second, which waits where the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images, labels = (found.images[order, :, :, None] / 16).astype("float32"), found.target[order]
    return images[:TRAINED], labels[:TRAINED], images[TRAINED:], labels[TRAINED:]


def cnn(api):
    layers = api.layers
    return api.Sequential(
        [
            api.Input((8, 8, 1)),
            layers.Conv2D(24, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(48, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("api", [layercli, keras], ids=["layercli", "keras"])
def test_a_small_cnn_reads_97_of_100(api, digits):
    x, y, held_x, held_y = digits
    setting = api.random.set_seed if api is layercli else api.utils.set_random_seed
    setting(1)
    model = cnn(api)
    model.compile(api.optimizers.Adam(0.006), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=10, verbose=0)
    _, accuracy = model.evaluate(held_x, held_y, verbose=0)
    assert float(accuracy) >= 0.97


def test_it_does_so_from_the_command_line(digits, tmp_path, monkeypatch, capsys):
    x, y, held_x, held_y = digits
    monkeypatch.chdir(tmp_path)
    np.savez("train.npz", x=x, y=y)
    np.savez("held.npz", x=held_x, y=held_y)
    (tmp_path / "net.py").write_text(SCRIPT)
    steps = "--optimizer adam:learning_rate=6e-3 --batch-size 64 --epochs 10 --seed 1"
    what = "net.py:CNN --loss sparse_categorical_crossentropy --metrics accuracy -f json"
    fit = f"fit {what} {steps} --data train.npz --save cnn.safetensors"
    assert run(fit.split()) == 0
    capsys.readouterr()
    assert run(f"evaluate {what} --data held.npz --weights cnn.safetensors".split()) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] >= 0.97
