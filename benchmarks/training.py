"""An epoch of an MLP 784-128-10 on 60,000 samples, batch 128: against a loop by hand in PyTorch and Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

import layercli
from benchmarks.paired import Result, milliseconds, ratio, times

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH = 60_000, 784, 128, 10, 128
ROUNDS, KERAS_ROUNDS = 7, 3
AT_MOST, KERAS_AT_MOST = 1.1, 0.5


def results() -> Iterator[Result]:
    x, y = torch.randn(SAMPLES, FEATURES), torch.randint(0, CLASSES, (SAMPLES,))
    ours, plain = ours_on(layercli, x, y), plain_on(x, y)
    found = times({"ours": ours, "loop": plain}, ROUNDS, warmup=1)
    shown = milliseconds(found["ours"]), milliseconds(found["loop"])
    what = f"an epoch of an MLP {FEATURES}-{HIDDEN}-{CLASSES}, Adam, batch {BATCH}"
    yield Result(what, "PyTorch, a loop by hand", *shown, ratio(found["ours"], found["loop"]), AT_MOST)

    import keras

    theirs = ours_on(keras, x.numpy(), y.numpy())
    found = times({"ours": ours, "Keras": theirs}, KERAS_ROUNDS, warmup=1)
    shown = milliseconds(found["ours"]), milliseconds(found["Keras"])
    yield Result(what, "Keras on torch", *shown, ratio(found["ours"], found["Keras"]), KERAS_AT_MOST)


def ours_on(api: object, x: object, y: object) -> Callable[[], object]:
    """Return an epoch of ``fit``, which layercli and Keras spell alike."""
    layers = api.layers
    model = api.Sequential([api.Input((FEATURES,)), layers.Dense(HIDDEN, activation="relu"), layers.Dense(CLASSES)])
    model.compile(api.optimizers.Adam(), api.losses.SparseCategoricalCrossentropy(from_logits=True))
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0)


def plain_on(x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    """Return an epoch as one writes it by hand: a permutation, slices of it, forward, backward, step, mean loss."""
    model = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    optimizer = torch.optim.Adam(model.parameters())
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        order, total = torch.randperm(SAMPLES), 0.0
        for start in range(0, SAMPLES, BATCH):
            chosen = order[start : start + BATCH]
            optimizer.zero_grad()
            loss = criterion(model(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(chosen)
        return float(total / SAMPLES)

    return epoch
