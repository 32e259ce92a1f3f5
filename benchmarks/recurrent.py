"""LSTM(256) on (32, 100, 128): against nn.LSTM and Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

from benchmarks.paired import Result, milliseconds, ratio, times
from layercli import layers

ROUNDS = 15


def results() -> Iterator[Result]:
    import keras

    x = torch.randn(32, 100, 128)
    ours = layers.LSTM(256, return_sequences=True)
    theirs = nn.LSTM(128, 256, batch_first=True)
    oracle = keras.layers.LSTM(256, return_sequences=True)

    def forward(layer):
        with torch.no_grad():  # what Keras makes in inference mode can never be trained
            return layer(x)

    def both(layer):
        y = layer(x)
        (y[0] if isinstance(y, tuple) else y).sum().backward()

    for what, run, bound in (("forward", forward, 1.1), ("forward and backward", both, 1.1)):
        sides = {"ours": ours, "nn.LSTM": theirs, "Keras on torch": oracle}
        found = times({name: lambda layer=layer, run=run: run(layer) for name, layer in sides.items()}, ROUNDS)
        for peer in ("nn.LSTM", "Keras on torch"):
            shown = milliseconds(found["ours"]), milliseconds(found[peer])
            yield Result(
                f"LSTM(256) {what}", peer, *shown, ratio(found["ours"], found[peer]), bound if "nn" in peer else 1.0
            )
