"""An epoch of an MLP 784-128-10 and of a small CNN, batch 128: against a hand-written PyTorch loop and Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

import layercli
from benchmarks.harness import Result, milliseconds, ratio, times

FEATURES, HIDDEN, CLASSES, BATCH = 784, 128, 10, 128
SIDE, FILTERS = 28, 16
ROUNDS, KERAS_ROUNDS = 9, 5
AT_MOST, KERAS_AT_MOST = 1.1, 0.5


def results() -> Iterator[Result]:
    yield from beside(
        f"an epoch of an MLP {FEATURES}-{HIDDEN}-{CLASSES}, Adam, batch {BATCH}", mlp, plain_mlp, 60_000, (FEATURES,)
    )
    yield from beside(
        f"an epoch of a CNN on 6,000 images of {SIDE}x{SIDE}, Adam, batch {BATCH}",
        cnn,
        plain_cnn,
        6_000,
        (SIDE, SIDE, 1),
    )


def beside(
    what: str,
    make: Callable[[object], object],
    plain: Callable[[], nn.Module],
    samples: int,
    shape: tuple[int, ...],
) -> Iterator[Result]:
    """Time an epoch of layercli against the hand-written loop, then against Keras."""
    x, y = torch.randn(samples, *shape), torch.randint(0, CLASSES, (samples,))
    candidates = {"ours": fitting(layercli, make, x, y), "loop": looping(plain(), x, y)}
    found = times(candidates, ROUNDS, warmup=1)
    shown = milliseconds(found["ours"]), milliseconds(found["loop"])
    yield Result(what, "PyTorch, a loop by hand", *shown, ratio(found["ours"], found["loop"]), AT_MOST)

    import keras

    candidates["Keras"] = fitting(keras, make, x.numpy(), y.numpy())
    found = times({name: candidates[name] for name in ("ours", "Keras")}, KERAS_ROUNDS, warmup=1)
    shown = milliseconds(found["ours"]), milliseconds(found["Keras"])
    yield Result(what, "Keras on torch", *shown, ratio(found["ours"], found["Keras"]), KERAS_AT_MOST)


def mlp(api: object) -> object:
    layers = api.layers
    return api.Sequential([api.Input((FEATURES,)), layers.Dense(HIDDEN, activation="relu"), layers.Dense(CLASSES)])


def plain_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def cnn(api: object) -> object:
    layers = api.layers
    return api.Sequential(
        [
            api.Input((SIDE, SIDE, 1)),
            layers.Conv2D(FILTERS, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2 * FILTERS, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(CLASSES),
        ]
    )


class FirstChannels(nn.Module):
    """View (batch, height, width, channels) in the order of torch's convolutions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 1, 2)


def plain_cnn() -> nn.Module:
    """Return the CNN with channels-last kernels, the faster layout for this data."""
    return nn.Sequential(
        FirstChannels(),
        nn.Conv2d(1, FILTERS, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(FILTERS, 2 * FILTERS, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * FILTERS * 5 * 5, CLASSES),
    ).to(memory_format=torch.channels_last)


def fitting(api: object, make: Callable[[object], object], x: object, y: object) -> Callable[[], object]:
    """Return an epoch of ``fit``, which has the same arguments in layercli and Keras."""
    model = make(api)
    model.compile(api.optimizers.Adam(), api.losses.SparseCategoricalCrossentropy(from_logits=True))
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0)


def looping(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    """Return a hand-written epoch: a permutation, batches by it, forward, backward, step, mean loss."""
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        order, total = torch.randperm(len(x)), torch.zeros(())
        for chosen in order.split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(x.index_select(0, chosen)), y.index_select(0, chosen))
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(chosen)
        return float(total / len(x))

    return epoch
