"""A transformer encoder forward: against nn.TransformerEncoder with the same shapes, its fast path included."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from layercli.models.transformer import TransformerEncoder
from torch import nn

from benchmarks.paired import Result, milliseconds, ratio, times

ROUNDS = 9
STEPS = 128


def results() -> Iterator[Result]:
    ours = TransformerEncoder(blocks=6, width=512, heads=8, hidden=2048)
    layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    plain = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).eval()
    with torch.inference_mode():
        for batch in (1, 8):
            x = torch.randn(batch, STEPS, 512)
            found = times({"ours": lambda x=x: ours(x), "plain": lambda x=x: plain(x)}, ROUNDS)
            yield Result(
                f"transformer encoder forward, batch {batch}", "nn.TransformerEncoder",
                milliseconds(found["ours"]), milliseconds(found["plain"]), ratio(found["ours"], found["plain"]), 1.0,
            )  # fmt: skip
