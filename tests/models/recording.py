"""Asks transformers what it computes with a tiny model, and writes that down: ``python -m tests.models.recording NAME``.

The name ``generated`` stands for what all decoders decode.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.models.cases import CASES

FAMILIES = Path(__file__).parent.parent / "reference" / "families"
GENERATED = FAMILIES.parent / "generated.npz"
CACHES = FAMILIES.parent / "kv_cache_bytes.json"
"""The size of each decoder's cache after two texts of 11 tokens."""
STEPS = 8
"""How many tokens are decoded."""


def recorded(name: str) -> Path:
    """Return the folder of a case; one that is missing is made, for which transformers is asked."""
    folder = FAMILIES / name
    if not (folder / "expected.npz").exists():
        record(name, folder)
    return folder


def record(name: str, folder: Path) -> None:
    """Make the model with values drawn by the case's name, save it as transformers does, and what it gives of the inputs."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    import transformers

    case = CASES[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    model = getattr(transformers, case.cls)(getattr(transformers, case.config)(**case.settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
        for key, buffer in model.named_buffers():
            if key.endswith("e_score_correction_bias"):
                buffer.normal_(0, 0.1)
    model.save_pretrained(folder)
    model = getattr(transformers, case.cls).from_pretrained(folder, dtype=torch.float32).eval()
    arrays = case.arrays()
    with torch.no_grad():
        given = model(**{key: torch.tensor(value) for key, value in arrays.items()}, **case.call).to_tuple()
    outputs = [x.numpy() for x in given if isinstance(x, torch.Tensor)]
    count = sum(parameter.numel() for parameter in model.parameters())
    np.savez_compressed(
        folder / "expected.npz",
        parameters=count,
        **{f"input_{key}": value for key, value in arrays.items()},
        **{f"output_{i}": value for i, value in enumerate(outputs)},
    )
    for extra in folder.glob("generation_config.json"):
        extra.unlink()


def decoders() -> list[str]:
    """Return the cases that decode tokens."""
    heads = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
    return [name for name, case in CASES.items() if case.cached and case.cls.endswith(heads)]


def record_generated() -> None:
    """Write down the tokens that transformers' greedy decoding gives of each decoder's inputs, padded in front."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    import transformers

    found, caches = {}, {}
    for name in decoders():
        with np.load(recorded(name) / "expected.npz") as held:
            inputs = {key.removeprefix("input_"): torch.tensor(held[key]) for key in held if key.startswith("input_")}
        model = getattr(transformers, CASES[name].cls).from_pretrained(FAMILIES / name, dtype=torch.float32).eval()
        given = model(**{key: x for key, x in inputs.items() if key != "attention_mask"}, use_cache=True)
        caches[name] = sum(x.nbytes for x in tensors_in(given.cache if "cache" in given else given.past_key_values))
        mask, decoded = inputs.pop("attention_mask", None), inputs.pop("decoder_input_ids", None)
        if mask is not None and decoded is None:
            mask = torch.ones_like(mask) if not mask[:, -1].all() else mask
        inputs["use_cache"] = decoded is None  # generate makes a cache for a decoder as deep as the encoder
        tokens = model.generate(**inputs, attention_mask=mask, max_new_tokens=STEPS, do_sample=False)
        found[name] = tokens[:, -STEPS:].numpy().astype(np.int16)
    np.savez_compressed(GENERATED, **found)
    CACHES.write_text(json.dumps(caches, indent=1) + "\n")


def tensors_in(cache: object) -> list[Any]:
    """Return the tensors of a cache of transformers: keys and values, or states."""
    parts = [getattr(cache, name, None) for name in ("self_attention_cache", "cross_attention_cache")]
    if any(parts):
        return [x for part in parts for x in tensors_in(part)]
    found: list[Any] = []
    for layer in cache.layers:  # type: ignore[attr-defined]  # transformers' own class
        names = ("keys", "values") if hasattr(layer, "keys") else ("conv_states", "recurrent_states")
        for held in (getattr(layer, name) for name in names):
            found += held.values() if isinstance(held, dict) else [held]
    return found


if __name__ == "__main__":
    for each in sys.argv[1:] or CASES:
        if each != "generated":
            record(each, FAMILIES / each)
    if not sys.argv[1:] or "generated" in sys.argv:
        record_generated()
