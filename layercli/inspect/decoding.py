"""What a decoder costs per token: the KV cache, the multiply-accumulates of one step with it, and active parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from layercli.core import call_context, dims, equal_calls, graph, tree
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.inspect.layer_call import described
from layercli.models.pretrained import Pretrained

CACHE_ARGUMENT = "cache"
"""The argument of ``call`` that makes a decoder return what the next call takes as its past."""

STEPS = "T"
"""The number of tokens in the cache of a decoder; beside an encoder the names are those of the example input."""


@dataclass(frozen=True)
class DecodingStep:
    """One more token for each of B texts with T tokens in the cache: its MACs, and the bytes of the cache.

    ``recurrent``: the cache are states, as large after any number of tokens.
    """

    macs: Size
    cache: Size
    recurrent: bool = False

    def at(self, values: Mapping[str, Size]) -> DecodingStep:
        """Return the step at given sizes."""
        return replace(self, macs=dims.at(self.macs, values), cache=dims.at(self.cache, values))

    def to_json(self) -> JSONObject:
        """Return numbers, or null, and beside them the formulas of those that depend on sizes."""
        found: dict[str, Any] = {}
        for name, size in (("macs", self.macs), ("kv_cache_bytes", self.cache)):
            known = isinstance(size, int)
            found |= {name: size if known else None, f"{name}_formula": None if known else str(size)}
        return found


def decoding_step(model: Layer) -> DecodingStep | None:
    """Return the cost of one step of a built decoder in formulas of B and T; None for a model without a cache."""
    if CACHE_ARGUMENT not in model.call_names() or not getattr(getattr(model, "cached", model), "blocks", None):
        return None
    token = Spec((dims.Dim.named(dims.BATCH), 1), "int32")
    with equal_calls.unchanging():
        node, _ = described(model, prompt_of(model), **{CACHE_ARGUMENT: []})
        cache = graph.specs_of(node.outputs[1])
        with call_context.fresh_trace():
            ids, positions, past = graph.placeholders((token, token, cache))
            given = model.continued(ids) if isinstance(model, Pretrained) else ids
            optional = {"position_ids": positions} if "position_ids" in model.call_names() else {}
            outputs = model(*model.unpack_inputs(given), **optional, **{CACHE_ARGUMENT: past})
    step: Node = outputs[0].node
    size = dims.total(spec.bytes for spec in tree.flatten(cache))
    return DecodingStep(step.macs, size, getattr(model, "recurrent", False))


def prompt_of(model: Layer) -> object:
    """Return the Specs of what comes before the next token: B texts of T tokens, or what an encoder and a decoder take."""
    if isinstance(model, Pretrained) and model.is_encoder_decoder:
        return model.example_input()
    return Spec((dims.Dim.named(dims.BATCH), dims.Dim.named(STEPS)), "int32")


def step_sizes(model: Layer, given: Iterable[Spec]) -> dict[str, Size]:
    """Return the values that the inputs ``given`` to a call have for the sizes of ``prompt_of``."""
    pairs = zip(tree.flatten(prompt_of(model)), given, strict=False)
    sizes = [pair for named, spec in pairs for pair in zip(named.shape, spec.shape, strict=True)]
    return {str(size): value for size, value in sizes if isinstance(size, dims.Dim)}


def active_parameters(model: Layer) -> int | None:
    """Return how many parameters each token uses; None for a model without experts, which uses all."""
    unused = [layer.unused_parameters for layer in model.layers_below() if hasattr(layer, "unused_parameters")]
    return sum(int(variable.size) for variable in model.variables) - sum(unused) if unused else None
