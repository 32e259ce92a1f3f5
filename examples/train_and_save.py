"""Train a small classifier, save it, load it, and see that it predicts the same.

python examples/train_and_save.py model.keras
layercli summary model.keras
"""

import sys

import numpy as np

import layercli
from layercli import layers


def data(examples=256, seed=0):
    """Return points of the plane and whether each lies inside the unit circle."""
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, (examples, 2)).astype("float32")
    return x, (np.square(x).sum(axis=1) < 1).astype("float32")


def main(path="model.keras"):
    layercli.utils.set_random_seed(0)
    model = layercli.Sequential(
        [layercli.Input((2,)), layers.Dense(16, activation="tanh"), layers.Dense(1, activation="sigmoid")]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    x, y = data()
    history = model.fit(x, y, epochs=5, batch_size=32, verbose=0)
    model.save(path)
    again = layercli.load_model(path)
    same = np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    losses = history.history["loss"]
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}; the loaded model predicts the same: {same}")
    return losses, same


if __name__ == "__main__":
    main(*sys.argv[1:])
