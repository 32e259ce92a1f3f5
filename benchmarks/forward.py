"""A forward pass of ResNet-50: against plain PyTorch, NCHW and channels_last, and against Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch
from layercli.models.resnet import ResNet50

from benchmarks.paired import Result, milliseconds, ratio, times
from benchmarks.plain import ResNet50 as PlainResNet50

ROUNDS = 9
KERAS_AT_MOST = {1: 0.4, 8: 0.6}


def results() -> Iterator[Result]:
    import keras

    ours = ResNet50()
    plain = PlainResNet50().eval()
    kept = PlainResNet50().eval().to(memory_format=torch.channels_last)
    theirs = keras.applications.ResNet50(weights=None)
    with torch.inference_mode():
        for batch, at_most in KERAS_AT_MOST.items():
            last = torch.randn(batch, 224, 224, 3)
            first = last.permute(0, 3, 1, 2)
            contiguous = first.contiguous()
            found = times(
                {
                    "ours": lambda x=last: ours(x),
                    "NCHW": lambda x=contiguous: plain(x),
                    "channels_last": lambda x=first: kept(x),
                    "Keras on torch": lambda x=last: theirs(x),
                },
                ROUNDS,
            )
            for peer, bound in (("NCHW", 1.0), ("channels_last", 1.0), ("Keras on torch", at_most)):
                name = peer if "Keras" in peer else f"PyTorch, {peer}"
                shown = milliseconds(found["ours"]), milliseconds(found[peer])
                yield Result(
                    f"ResNet-50 forward, batch {batch}", name, *shown, ratio(found["ours"], found[peer]), bound
                )
