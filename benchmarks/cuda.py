"""Training on a CUDA device, alternating with plain PyTorch: ResNet-50, a transformer encoder, an LSTM and an MLP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import torch
from torch import nn

from benchmarks.harness import Result, milliseconds, ratio, times
from benchmarks.torch_models import ResNet50 as PlainResNet50
from layercli import Input, Model, Sequential, layers
from layercli.models.resnet import ResNet50

ROUNDS, STEPS = 9, 5
AT_MOST = 1.1


def results() -> Iterator[Result]:
    if not torch.cuda.is_available():
        print("cuda is left out: torch has no CUDA device here", file=sys.stderr)
        return
    for what, peer, ours, theirs, inputs, peers_inputs in (resnet(), encoder(), lstm(), mlp()):
        sides = {"ours": step(ours, inputs), "theirs": step(theirs, peers_inputs)}
        found = times({name: synchronized(run) for name, run in sides.items()}, ROUNDS, STEPS)
        shown = milliseconds(found["ours"]), milliseconds(found["theirs"])
        yield Result(f"a step of {what}", peer, *shown, ratio(found["ours"], found["theirs"]), AT_MOST)


def step(model: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """Return a training step: forward, the sum of squares, backward, fused Adam."""
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    model.train()

    def run() -> None:
        optimizer.zero_grad()
        y = model(x)
        (y[0] if isinstance(y, tuple) else y).square().mean().backward()
        optimizer.step()

    return run


def synchronized(run: Callable[[], object]) -> Callable[[], object]:
    """Return a step that waits for the device."""

    def done() -> None:
        run()
        torch.cuda.synchronize()

    return done


def module_of(model: Model | layers.Layer, x: torch.Tensor) -> nn.Module:
    """Return the module of a layer, built for a tensor and on the device."""
    model(x[:1].cpu())
    module: nn.Module = model.module
    return module.cuda()


def resnet() -> tuple:
    x = torch.randn(64, 224, 224, 3, device="cuda")
    plain = PlainResNet50().cuda().to(memory_format=torch.channels_last)
    ours = module_of(ResNet50(), x)
    return "ResNet-50, batch 64", "PyTorch, channels_last", ours, plain, x, x.permute(0, 3, 1, 2)


def encoder() -> tuple:
    x = torch.randn(32, 256, 512, device="cuda")
    tokens = Input((256, 512))
    y = tokens
    for _ in range(6):
        y = layers.LayerNormalization()(y + layers.MultiHeadAttention(8, 64)(y, y))
        y = layers.LayerNormalization()(y + layers.Dense(512)(layers.Dense(2048, activation="relu")(y)))
    plain = nn.TransformerEncoder(nn.TransformerEncoderLayer(512, 8, 2048, dropout=0.0, batch_first=True), 6).cuda()
    ours = module_of(Model(tokens, y), x)
    return "six encoder layers, (32, 256, 512)", "nn.TransformerEncoder", ours, plain, x, x


def lstm() -> tuple:
    x = torch.randn(32, 100, 128, device="cuda")
    plain = nn.LSTM(128, 256, batch_first=True).cuda()
    return "LSTM(256), (32, 100, 128)", "nn.LSTM", module_of(layers.LSTM(256, return_sequences=True), x), plain, x, x


def mlp() -> tuple:
    x = torch.randn(4096, 1024, device="cuda")
    sizes = (4096, 4096, 1024)
    ours = module_of(Sequential([layers.Dense(size, activation="relu") for size in sizes]), x)
    pairs = zip((1024, *sizes), sizes, strict=False)
    plain = nn.Sequential(*(part for a, b in pairs for part in (nn.Linear(a, b), nn.ReLU()))).cuda()
    return "an MLP 1024-4096-4096-1024, batch 4096", "PyTorch", ours, plain, x, x
