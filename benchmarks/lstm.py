"""LSTM(256) on sequences of 100 steps of 128 features: against nn.LSTM and Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

from benchmarks.harness import Result, milliseconds, ratio, times
from layercli import Sequential, layers
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.inference.onednn_kernels import packed_gates
from layercli.runtime.inference.prepared_model import RunSettings, prepare

ROUNDS = 50
AT_MOST = {"a call": 1.1, "by run and predict": 1.0, "run --fuse": 0.9}
KERNEL = "oneDNN's kernel alone"
KERAS_AT_MOST = {1: 0.4, 8: 0.6, 32: 1.0}


def results() -> Iterator[Result]:
    import keras

    ours = layers.LSTM(256, return_sequences=True)
    theirs = nn.LSTM(128, 256, batch_first=True)
    oracle = keras.layers.LSTM(256, return_sequences=True)

    def forward(layer: Callable, x: torch.Tensor) -> None:
        with torch.no_grad():  # tensors that Keras creates in inference mode cannot be trained
            layer(x)

    def both(layer: Callable, x: torch.Tensor) -> None:
        y = layer(x)
        (y[0] if isinstance(y, tuple) else y).sum().backward()

    def compare(batch: int, what: str, how: Callable, sides: dict[str, Callable]) -> Iterator[Result]:
        x = torch.randn(batch, 100, 128)
        found = times({name: lambda side=side: how(side, x) for name, side in sides.items()}, ROUNDS)
        for name in [name for name in AT_MOST if name in sides]:
            for peer, bound in {"nn.LSTM": AT_MOST[name], "Keras on torch": KERAS_AT_MOST[batch]}.items():
                shown = milliseconds(found[name]), milliseconds(found[peer])
                title = f"LSTM(256) {what}, {name}, batch {batch}"
                yield Result(title, peer, *shown, ratio(found[name], found[peer]), bound)
        if KERNEL in sides:  # a lower bound for any caller
            shown = milliseconds(found[KERNEL]), milliseconds(found["nn.LSTM"])
            yield Result(f"{KERNEL}, batch {batch}", "nn.LSTM", *shown, ratio(found[KERNEL], found["nn.LSTM"]), None)

    def kernel(x: torch.Tensor) -> Callable:
        """Return a call of the kernel with operands in the order and layout it reads."""
        weights = [weight.detach() for weight in theirs.parameters()]
        steps, state = x.transpose(0, 1).contiguous(), torch.zeros(len(x), 256)
        given = (steps, *packed_gates(x, weights), *weights[2:], state, state)
        return lambda _: torch.ops.aten.mkldnn_rnn_layer(*given, False, [], 2, 256, 1, True, False, True, False)

    peers = {"nn.LSTM": theirs, "Keras on torch": oracle}
    for batch in (1, 8, 32):
        x = torch.randn(batch, 100, 128)
        subject = ModelSource(Sequential([ours]), "lstm", "")
        run, fused = (
            prepare(subject, x.numpy(), RunSettings("cpu", fuse=fuse), calls=1000).call for fuse in (False, True)
        )
        sides = {"a call": ours, "by run and predict": run, "run --fuse": fused, KERNEL: kernel(x), **peers}
        yield from compare(batch, "forward", forward, sides)
    yield from compare(32, "forward and backward", both, {"a call": ours, **peers})
