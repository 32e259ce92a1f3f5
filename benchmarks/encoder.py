"""A transformer encoder forward: against nn.TransformerEncoder with the same shapes, its fast path included, and Keras on torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn

from benchmarks.harness import Result, milliseconds, ratio, times
from layercli.inspect.model_loader import ModelSource
from layercli.models.transformer import TransformerEncoder
from layercli.runtime.inference import onednn_kernels
from layercli.runtime.inference.large_products import multiplied, packed_matrix
from layercli.runtime.inference.prepared_model import RunSettings, prepare

ROUNDS = 25
STEPS = 128
AT_MOST = {"a call": 1.0, "by run and predict": 1.0, "run --fuse": 0.9}
KERAS_AT_MOST = {1: 0.4, 8: 0.6}
PRODUCTS = "its products with weights alone"


def results() -> Iterator[Result]:
    ours = TransformerEncoder(blocks=6, width=512, heads=8, hidden=2048)
    layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    plain = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).eval()
    oracle = keras_encoder(6, 512, 8, 2048)
    for batch in (1, 8):
        x = torch.randn(batch, STEPS, 512)
        subject = ModelSource(ours, "transformer-encoder", "")
        run, fused = (
            prepare(subject, x.numpy(), RunSettings("cpu", fuse=fuse), calls=1000).call for fuse in (False, True)
        )
        candidates = {
            "a call": ours, "by run and predict": run, "run --fuse": fused, "nn.TransformerEncoder": plain,
            "Keras on torch": partial(oracle, training=False), PRODUCTS: products(plain, batch),
        }  # fmt: skip
        with torch.inference_mode():
            found = times({name: partial(call, x) for name, call in candidates.items()}, ROUNDS)
        for name in AT_MOST:
            for peer, bound in {"nn.TransformerEncoder": AT_MOST[name], "Keras on torch": KERAS_AT_MOST[batch]}.items():
                shown = milliseconds(found[name]), milliseconds(found[peer])
                title = f"transformer encoder forward, {name}, batch {batch}"
                yield Result(title, peer, *shown, ratio(found[name], found[peer]), bound)
        if onednn_kernels.has_amx():
            yield in_bfloat16(x)
        for peer in ("nn.TransformerEncoder", "Keras on torch"):  # a lower bound for any float32 encoder
            shown = milliseconds(found[PRODUCTS]), milliseconds(found[peer])
            yield Result(f"{PRODUCTS}, batch {batch}", peer, *shown, ratio(found[PRODUCTS], found[peer]), None)


def in_bfloat16(x: torch.Tensor) -> Result:
    """Return the time of ``run --dtype bfloat16`` against that of ``run``."""
    calls = {}
    for dtype in ("float32", "bfloat16"):
        model = TransformerEncoder(blocks=6, width=512, heads=8, hidden=2048)
        ready = prepare(
            ModelSource(model, "transformer-encoder", ""), x.numpy(), RunSettings("cpu", dtype=dtype), calls=1000
        )
        calls[dtype] = partial(ready.call, ready.place(x.numpy()))
    with torch.inference_mode():
        found = times(calls, ROUNDS)
    ours, theirs = found["bfloat16"], found["float32"]
    title = f"transformer encoder forward by run, bfloat16 on AMX, batch {len(x)}"
    return Result(title, "run in float32", milliseconds(ours), milliseconds(theirs), ratio(ours, theirs), 0.5)


def products(encoder: nn.Module, batch: int) -> Callable[[Any], None]:
    """Return a call of the packed products of the encoder's number and sizes, and nothing else."""
    rows = batch * STEPS
    weights = [weight.detach() for weight in encoder.parameters() if weight.ndim == 2]
    given = [(torch.randn(rows, weight.shape[1]), packed_matrix(weight, rows), weight) for weight in weights]

    def multiply(_: Any) -> None:
        for x, packed, weight in given:
            multiplied(x, packed, weight, None, rows)

    return multiply


def keras_encoder(blocks: int, width: int, heads: int, hidden: int) -> Any:
    """Return the same encoder built from Keras layers."""
    import keras
    from keras import layers

    x = inputs = keras.Input((STEPS, width))
    for _ in range(blocks):
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.MultiHeadAttention(heads, width // heads)(x, x))
        inner = layers.Dense(width)(layers.Dense(hidden, activation="relu")(x))
        x = layers.LayerNormalization(epsilon=1e-5)(x + inner)
    return keras.Model(inputs, x)
