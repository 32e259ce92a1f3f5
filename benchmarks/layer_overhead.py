"""One layer call on a small input, one thread: microseconds against torch's own layers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from benchmarks.harness import Result, microseconds, ratio, times
from layercli import layers

CALLS, ROUNDS = 1000, 15


def cases() -> Iterator[tuple[str, object, torch.Tensor, nn.Module, torch.Tensor]]:
    rows = torch.randn(8, 64)
    image = torch.randn(1, 8, 8, 16)
    last, first = image.permute(0, 3, 1, 2), image.permute(0, 3, 1, 2).contiguous()
    yield "Dense(64)", layers.Dense(64), rows, nn.Linear(64, 64), rows
    convolution = nn.Conv2d(16, 16, 3, padding=1)
    yield "Conv2D(16, 3), NCHW", layers.Conv2D(16, 3, padding="same"), image, convolution, first
    kept = nn.Conv2d(16, 16, 3, padding=1).to(memory_format=torch.channels_last)
    yield "Conv2D(16, 3), channels_last", layers.Conv2D(16, 3, padding="same"), image, kept, last
    yield "BatchNormalization", layers.BatchNormalization(), image, nn.BatchNorm2d(16).eval(), first


def results() -> Iterator[Result]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        for name, ours, x, peer, y in cases():
            found = times({"ours": lambda: ours(x), "theirs": lambda: peer(y)}, ROUNDS, CALLS)  # noqa: B023 - used at once
            shown = microseconds(found["ours"]), microseconds(found["theirs"])
            what = f"a call of {name.partition(',')[0] if 'Conv' not in name else name.rpartition(',')[0]}"
            peer_name = f"nn.{type(peer).__name__}{name.rpartition(',')[2] if ',' in name and 'Conv' in name else ''}"
            yield Result(what, peer_name, *shown, ratio(found["ours"], found["theirs"]), 1.5)
    torch.set_num_threads(threads)
