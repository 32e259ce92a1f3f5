"""A Hugging Face folder of 1.1B random values in bfloat16 against transformers: loading and one forward pass, as whole
processes; the first pass over a text of 128 tokens with 135M values; and the summaries of folders of up to 671B, of files without
data.
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.harness import Process, Result, process, ratio, times
from benchmarks.summary_cli import bounded, layercli

ROUNDS = 3
TOKENS = 128
PUBLISHED = Path(__file__).parent.parent / "tests" / "reference" / "published.json"
RUN = "TinyLlama-1.1B"
FIRST_PASS = "SmolLM2-135M"
"""A pass of 1.1B over 128 tokens takes ten seconds on two cores, and sixteen of them are timed."""
SHOWN = {"8B": "Llama-3.1-8B", "70B": "Llama-3.1-70B", "405B": "Llama-3.1-405B", "671B": "DeepSeek-V3"}
MAKE = """
import sys, pathlib, benchmarks.folders as b
b.written(pathlib.Path(sys.argv[1]), sys.argv[2], values=sys.argv[3] == "values")
"""
"""A process of its own: the peak memory of a process counts that of the one that started it."""
PEER = """
import sys, numpy as np, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
with torch.inference_mode():
    logits = model(torch.from_numpy(np.load(sys.argv[2]))).logits
np.save(sys.argv[3], logits.float().numpy())
"""
OFFLINE = {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": ""}


def results() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        for size, name in SHOWN.items():
            place = Path(folder) / size
            process([sys.executable, "-c", MAKE, str(place), name, "holes"])
            runs = [process(layercli("summary", str(place))) for _ in range(ROUNDS)]
            yield bounded(f"summary of {size}: time", statistics.median(r.seconds for r in runs), 0.5, milliseconds)
            yield bounded(f"summary of {size}: memory", max(r.memory for r in runs), 100e6, megabytes)
        place = Path(folder) / "values"
        process([sys.executable, "-c", MAKE, str(place), RUN, "values"])
        yield from passes(place)
        small = Path(folder) / "small"
        process([sys.executable, "-c", MAKE, str(small), FIRST_PASS, "values"])
        yield first_pass(small)


def passes(place: Path) -> Iterator[Result]:
    """Yield time and memory of loading the folder and one forward pass over a few tokens."""
    ids, ours, theirs = (str(place / name) for name in ("ids.npy", "ours.npy", "theirs.npy"))
    np.save(ids, np.arange(8)[None] + 5)
    run = layercli("--quiet", "run", str(place), "--input", ids, "--output", ours, "--force")
    peer = [sys.executable, "-c", PEER, str(place), ids, theirs]
    pairs = [(process(run, OFFLINE), process(peer, OFFLINE)) for _ in range(ROUNDS)]
    apart = np.abs(np.load(ours) - np.load(theirs)).max() / np.abs(np.load(theirs)).max()
    if apart > 0.05:
        raise RuntimeError(f"the logits differ by {apart:.3g} of their scale")
    yield against("load and run 1.1B: time", pairs, lambda p: p.seconds, lambda v: f"{v:.2f} s")
    yield against("load and run 1.1B: memory", pairs, lambda p: p.memory, megabytes)


def first_pass(place: Path) -> Result:
    """Return the time of the first pass over a text, which fills the cache."""
    import torch
    from transformers import AutoModelForCausalLM

    from layercli.inspect.input_names import NamedInputs
    from layercli.sources.resolve import resolve

    os.environ.update(OFFLINE)
    ids = np.arange(TOKENS)[None] + 5
    program = resolve(str(place)).prepare(ids)
    placed = program.place(ids)
    peer = AutoModelForCausalLM.from_pretrained(place).eval()
    tokens = torch.from_numpy(ids)
    candidates = {
        "ours": lambda: program.call(NamedInputs(placed, {"cache": ()})),
        "theirs": lambda: peer(tokens, use_cache=True),
    }
    with torch.inference_mode():
        found = times(candidates, 2 * ROUNDS + 1, warmup=1)
    ours, theirs = found["ours"], found["theirs"]
    shown = [f"{statistics.median(each) * 1e3:.0f} ms" for each in (ours, theirs)]
    return Result(f"prefill of {TOKENS} tokens, 135M", "transformers", *shown, ratio(ours, theirs), 1.0)


def against(what: str, pairs: list[tuple[Process, Process]], figure, show) -> Result:
    ours, theirs = ([figure(side) for side in column] for column in zip(*pairs, strict=True))
    shown = (show(statistics.median(ours)), show(statistics.median(theirs)))
    return Result(what, "transformers", *shown, ratio(ours, theirs), 1.0)


def written(place: Path, name: str, *, values: bool) -> None:
    """Write the folder of a published model in bfloat16, with random values, or with files that are all holes."""
    from layercli.inspect.layer_call import described
    from layercli.models.families import describe
    from layercli.models.pretrained import checkpoint_names

    published = json.loads(PUBLISHED.read_text())
    config = next(each["config"] for each in published if f"/{name}" in each["source"])
    place.mkdir()
    (place / "config.json").write_text(json.dumps({**config, "torch_dtype": "bfloat16"}))
    model = describe(config)
    described(model)
    variables, shapes = model.named_variables(), {}
    for path, stored in checkpoint_names(model).items():
        shapes |= dict.fromkeys(stored.names, stored.shape(variables[path]))
    shards = max(len(shapes) // 250, 1)
    named = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    index = {tensor: named[i * shards // len(shapes)] for i, tensor in enumerate(shapes)}
    for file in named:
        shard(place / file, {tensor: shapes[tensor] for tensor, held in index.items() if held == file}, values=values)
    (place / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def shard(file: Path, shapes: Mapping[str, tuple[int, ...]], *, values: bool) -> None:
    """Write one file of tensors of these shapes."""
    end, header = 0, {}
    for tensor, shape in shapes.items():
        start, end = end, end + 2 * int(np.prod(shape, dtype=np.int64))
        header[tensor] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()  # as the package writes it
    rng = np.random.default_rng(0)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        if not values:
            stream.truncate(8 + len(text) + end)
            return
        for tensor, shape in shapes.items():
            drawn = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
            drawn = drawn + 1 if "norm" in tensor else drawn
            stream.write((drawn.view(np.uint32) >> 16).astype(np.uint16).tobytes())


def milliseconds(value: float) -> str:
    return f"{value * 1e3:.0f} ms"


def megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"
