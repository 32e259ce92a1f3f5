"""A transformer encoder forward: against nn.TransformerEncoder with the same shapes, its fast path included."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from layercli.models.transformer import TransformerEncoder
from torch import nn

from benchmarks.paired import Result, milliseconds, ratio, times
from layercli.inspect.reference import Subject
from layercli.runtime.program import Settings, prepare

ROUNDS = 25
STEPS = 128


def results() -> Iterator[Result]:
    ours = TransformerEncoder(blocks=6, width=512, heads=8, hidden=2048)
    layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    plain = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).eval()
    for batch in (1, 8):
        x = torch.randn(batch, STEPS, 512)
        subject = Subject(ours, "transformer-encoder", "")
        run, fused = (prepare(subject, x.numpy(), Settings("cpu", fuse=fuse)).call for fuse in (False, True))
        candidates = {"a call": ours, "by run and predict": run, "run --fuse": fused, "plain": plain}
        with torch.inference_mode():
            found = times({name: partial(call, x) for name, call in candidates.items()}, ROUNDS)
        for name, at_most in {"a call": 1.0, "by run and predict": 1.0, "run --fuse": 0.9}.items():
            yield Result(
                f"transformer encoder forward, {name}, batch {batch}", "nn.TransformerEncoder",
                milliseconds(found[name]), milliseconds(found["plain"]), ratio(found[name], found["plain"]), at_most,
            )  # fmt: skip
