"""What a decoder costs per token: the KV cache, the multiply-accumulates of one step with it, and active parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from layercli.core import dims, graph, tree
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.inspect.cost_graph import CACHE_ARGUMENT
from layercli.inspect.summary import calls_by_layer, described

STEPS = "T"
"""The number of tokens in the cache."""


@dataclass(frozen=True)
class DecodingStep:
    """One more token for each of B texts with T tokens in the cache: its MACs, and the bytes of the cache."""

    macs: Size
    cache: Size

    def at(self, values: Mapping[str, Size]) -> DecodingStep:
        """Return the step at given sizes."""
        return DecodingStep(dims.at(self.macs, values), dims.at(self.cache, values))

    def to_json(self) -> dict[str, Any]:
        """Return numbers, or null, and beside them the formulas of those that depend on sizes."""
        found: dict[str, Any] = {}
        for name, size in (("macs", self.macs), ("kv_cache_bytes", self.cache)):
            known = isinstance(size, int)
            found |= {name: size if known else None, f"{name}_formula": None if known else str(size)}
        return found


def decoding_step(model: Layer) -> DecodingStep | None:
    """Return the cost of one step of a built decoder in formulas of B and T; None for a model without a cache.

    Blocks that are alike are described once.
    """
    if CACHE_ARGUMENT not in model.call_names() or not getattr(model, "blocks", None):
        return None
    counts = Counter(kind_of(block) for block in model.blocks)  # type: ignore[attr-defined]  # checked above
    first = {kind_of(block): block for block in reversed(model.blocks)}  # type: ignore[attr-defined]
    times = [counts[kind] for kind in first]
    batch = dims.Dim.named(dims.BATCH)
    text, token = (Spec((batch, steps), "int32") for steps in (dims.Dim.named(STEPS), 1))
    with only(model, list(first.values())):
        node, _ = described(model, text, **{CACHE_ARGUMENT: []})
        cache = tree.map_structure(spec_of, node.outputs[1])
        with graph.fresh_trace():
            ids, positions, past = graph.placeholders((token, token, cache))
            outputs = model(*model.unpack_inputs(ids), position_ids=positions, **{CACHE_ARGUMENT: past})
    step: Node = outputs[0].node
    calls = calls_by_layer(step)
    blocks = [dims.total(call.macs for call in calls[id(block)]) for block in first.values()]
    rest = step.macs - dims.total(blocks)
    macs = rest + dims.total(count * cost for count, cost in zip(times, blocks, strict=True))
    sizes = [dims.total(spec.bytes for spec in tree.flatten(entries)) for entries in cache]
    return DecodingStep(macs, dims.total(count * size for count, size in zip(times, sizes, strict=True)))


def step_sizes(tokens: Spec) -> dict[str, Size]:
    """Return the values of B and T that the token ids (batch, steps) of a call have."""
    return dict(zip((dims.BATCH, STEPS), tokens.shape, strict=True))


def spec_of(x: SymbolicTensor) -> Spec:
    """Return the Spec of a symbolic tensor."""
    return x.spec


def kind_of(block: Layer) -> Any:
    """Return what decides the cost of a block: its class, its window, its experts."""
    decoder, place = getattr(block, "decoder", None), getattr(block, "place", 0)
    if decoder is None:
        return type(block)
    return type(block), decoder.window(place), decoder.experts[place] if decoder.experts else None


@contextmanager
def only(model: Layer, blocks: list[Layer]) -> Iterator[None]:
    """Let the model call no blocks but these."""
    held = model.__dict__["blocks"]
    model.__dict__["blocks"] = blocks
    try:
        yield
    finally:
        model.__dict__["blocks"] = held


def active_parameters(model: Layer) -> int | None:
    """Return how many parameters each token uses; None for a model without experts, which uses all."""
    unused = [layer.unused_parameters for _, layer in model.named_layers() if hasattr(layer, "unused_parameters")]
    return sum(int(variable.size) for variable in model.variables) - sum(unused) if unused else None
