"""LSTM(256) on (32, 100, 128): the layer against nn.LSTM, forward and with the gradient, runs interleaved; the median ratio."""

import statistics
import sys
import time

import torch

from layercli.layers.recurrent import LSTM

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
x = torch.randn(32, 100, 128)
layer, plain = LSTM(256, return_sequences=True), torch.nn.LSTM(128, 256, batch_first=True)
layer(x)
layer.module.train()


def forward(call):
    with torch.no_grad():
        call(x)


def with_gradient(call):
    out = call(x)
    (out[0] if isinstance(out, tuple) else out).sum().backward()


def timed(run, call):
    start = time.perf_counter()
    run(call)
    return time.perf_counter() - start


for run in (forward, with_gradient):
    pairs = [(timed(run, layer), timed(run, plain)) for _ in range(12)][2:]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    print(f"{run.__name__}: {ours:.1f} ms, nn.LSTM {theirs:.1f} ms, ratio {ratio:.2f}")
