"""A forward pass of ResNet-50: against plain PyTorch, NCHW and channels_last, and against Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "torch"

import torch

from benchmarks.harness import Result, milliseconds, ratio, times
from benchmarks.torch_models import ResNet50 as PlainResNet50
from layercli.inspect.model_loader import ModelSource
from layercli.models.resnet import ResNet50
from layercli.runtime.inference.prepared_model import RunSettings, prepare

ROUNDS = 9
OURS = {"call": "forward, a call", "run": "forward, by run and predict", "fuse": "forward, run --fuse"}
AT_MOST = {"call": 1.0, "run": 1.0, "fuse": 0.9}
KERAS_AT_MOST = {1: 0.4, 8: 0.6}


def results() -> Iterator[Result]:
    import keras

    model = ResNet50()
    plain = PlainResNet50().eval()
    kept = PlainResNet50().eval().to(memory_format=torch.channels_last)
    theirs = keras.applications.ResNet50(weights=None)
    for batch, keras_at_most in KERAS_AT_MOST.items():
        last = torch.randn(batch, 224, 224, 3)
        first = last.permute(0, 3, 1, 2)
        contiguous = first.contiguous()
        subject = ModelSource(model, "resnet50", "")
        run, fused = (
            prepare(subject, last.numpy(), RunSettings("cpu", fuse=fuse), calls=1000).call for fuse in (False, True)
        )
        candidates = {
            "call": lambda x=last: model(x),
            "run": lambda x=last, run=run: run(x),
            "fuse": lambda x=last, fused=fused: fused(x),
            "NCHW": lambda x=contiguous: plain(x),
            "channels_last": lambda x=first: kept(x),
            "Keras on torch": lambda x=last: theirs(x),
        }
        with torch.inference_mode():
            found = times(candidates, ROUNDS)
        for ours, what in OURS.items():
            for peer in ("NCHW", "channels_last", "Keras on torch"):
                at_most = keras_at_most if "Keras" in peer else AT_MOST[ours]
                yield Result(
                    f"ResNet-50 {what}, batch {batch}",
                    peer if "Keras" in peer else f"PyTorch, {peer}",
                    milliseconds(found[ours]),
                    milliseconds(found[peer]),
                    ratio(found[ours], found[peer]),
                    at_most,
                )
