"""The graph that a cost is computed from: with the batch as an open size, in the dtype asked for, with a decoder's cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from layercli.core import dims, dtypes, tree
from layercli.core.dims import Dim
from layercli.core.dtypes import DTypePolicy
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import LayercliError, UsageError
from layercli.inspect.cost import CACHE, STATES, Cost, cost
from layercli.inspect.decoding import CACHE_ARGUMENT
from layercli.inspect.layer_call import default_inputs
from layercli.inspect.layer_graph import layer_graph
from layercli.inspect.model_graph import ModelGraph, Value, ValueKind

if TYPE_CHECKING:
    from layercli.inspect.training_run import TrainingRun
    from layercli.inspect.weight_placement import SharesOf


@dataclass(frozen=True)
class CostGraph:
    """A graph with the values that a decoder keeps for the next token, and the values of sizes that were opened.

    ``run`` gives the memory of a training step of what is more than its graph, in a dtype and with layers that run again.
    """

    graph: ModelGraph
    cache: tuple[int, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)
    run: Callable[[str | None, tuple[str, ...]], TrainingRun] | None = None
    dtype: str | None = None
    """The dtype that ``run`` is in, None for that of the parameters."""
    cache_name: str = CACHE
    runs: dict[Any, TrainingRun] = field(default_factory=dict, compare=False)
    """The training steps that were asked for, by the layers that run again and the sizes."""
    packed: frozenset[int] = frozenset()
    """The indices of the matrices that are stored in few bits and restored while an operation takes them."""
    shares_of: SharesOf | None = None
    """The shares of its weights among ranks, of a folder: only its weights can be shared, or stay in their file."""
    offloaded: bool = False
    """Whether the weights stay in their file until they are used."""
    ranks: int = 1
    """How many ranks share the weights."""
    narrower: dict[str, CostGraph] = field(default_factory=dict, compare=False)
    """The same in other dtypes that were asked for."""

    def training_run(self, checkpointed: tuple[str, ...], at: Mapping[str, int]) -> TrainingRun:
        """Return the memory of a training step, with modules like ``checkpointed`` that run again, for sizes ``at``."""
        from layercli.inspect.training_memory import training_run

        key = checkpointed, tuple(at.items())
        if key not in self.runs:
            self.runs[key] = (
                training_run(self.graph, checkpointed, at) if self.run is None else self.run(self.dtype, checkpointed)
            )
        return self.runs[key]

    def narrowed(self, dtype: str) -> CostGraph:
        """Return the same with floating values in ``dtype``."""
        if dtype not in self.narrower:
            graph = in_dtype(self.graph, dtype)
            self.narrower[dtype] = replace(self, graph=graph, dtype=dtype, runs={}, narrower={})
        return self.narrower[dtype]

    def with_weights(self, bits: int | None) -> CostGraph:
        """Return the same with its matrices stored as integers of so many bits, and a scale for each group of ``GROUP``.

        With None the weights stay as they are.
        """
        if bits is None:
            return self
        found = {
            index: replace(value, stored_bytes=packed_bytes(value.spec, bits))
            for index, value in enumerate(self.graph.values)
            if is_matrix(value)
        }
        values = tuple(found.get(index, value) for index, value in enumerate(self.graph.values))
        return replace(self, graph=replace(self.graph, values=values), packed=frozenset(found), runs={}, narrower={})

    def placed(self, offloaded: bool, ranks: int) -> CostGraph:
        """Return the same with the weights of a folder in their file, or shared among ranks; UsageError for another model."""
        for name in (name for name, used in {"--offload": offloaded, "--ranks": ranks > 1}.items() if used):
            if self.shares_of is None:
                raise UsageError(f"{name} in inference is for Hugging Face folders, which {self.graph.name} is not")
        return replace(self, offloaded=offloaded, ranks=ranks)

    def cost(self, at: Mapping[str, int], dtype: str | None = None) -> Cost:
        """Return what a call in inference costs at the sizes ``at``."""
        shares = self.shares_of(self.ranks) if self.shares_of is not None and self.ranks > 1 else None
        found = cost(
            self.graph, at=at, dtype=dtype, cache=self.cache, cache_name=self.cache_name, packed=self.packed,
            offloaded=self.offloaded, shares=shares,
        )  # fmt: skip
        notes = {BITS: bool(self.packed), OFFLOADED: self.offloaded, SHARED: shares is not None}
        found.notes += [note for note, used in notes.items() if used]
        return found


BITS = (
    "weights of few bits: a scale for every 128 of a matrix; counted is also the matrix that an operation takes in its own "
    "dtype, which fused kernels do without"
)
OFFLOADED = "weights stay in their file (run --offload): those of one operation are in memory at a time"
SHARED = "each rank has its share of the weights (run --shard); activations and cache are counted whole, of which it has less"
GROUP = 128
"""How many integers share a scale."""


def is_matrix(value: Value) -> bool:
    """Whether a value is a parameter of two axes or more, of a known size, that is stored as floating-point numbers."""
    spec = value.spec
    return (
        value.kind is ValueKind.PARAMETER
        and spec.rank is not None
        and spec.rank > 1
        and dtypes.is_floating(spec.dtype)
        and value.stored_bytes is None
        and isinstance(spec.size, int)
    )


def packed_bytes(spec: Spec, bits: int) -> int:
    """Return the bytes of a matrix of integers of ``bits`` and their scales, which have the dtype of the matrix."""
    size = int(spec.size)
    return -(-size * bits // 8) + -(-size // GROUP) * dtypes.BYTES[spec.dtype]


def layer_cost_graph(
    model: Layer, inputs: object, dtype: str | None, *, training: bool = False, name: str, source: str
) -> CostGraph:
    """Return the graph of a Layer; where the batch is a number, it is opened, so that other batches follow by formula."""
    given = default_inputs(model) if inputs is None else inputs
    converted = dtype is not None and not set_policy(model, dtype)
    cached = CACHE_ARGUMENT in model.call_names() and not training
    arguments: dict[str, Any] = {CACHE_ARGUMENT: []} if cached else {"training": True} if training else {}
    opened, at = with_open_batch(given)
    try:
        graph = layer_graph(model, opened, name=name, source=source, arguments=arguments)
    except LayercliError:
        if not at:
            raise
        graph, at = layer_graph(model, given, name=name, source=source, arguments=arguments), {}
    if converted:
        graph = in_dtype(graph, str(dtype))
    kept = tuple(index for _, index in graph.outputs[1:]) if cached else ()
    return CostGraph(graph, kept, at, cache_name=STATES if getattr(model, "recurrent", False) else CACHE)


def set_policy(model: Layer, dtype: str) -> bool:
    """Let a model that is not built compute in ``dtype`` (a policy); False where it holds variables already."""
    if any(layer.own_variables for layer in model.layers_below()):
        return False
    policy = DTypePolicy.named(dtype)
    for layer in model.layers_below():
        layer._policy = policy
    return True


def with_open_batch(inputs: object) -> tuple[object, dict[str, int]]:
    """Return the inputs with their first size, where it is one number for all, as the batch B, and the value it had."""
    specs = [spec for spec in tree.flatten(inputs) if isinstance(spec, Spec)]
    batches = {spec.shape[0] if spec.shape else None for spec in specs}
    [batch, *others] = batches or {None}
    if others or not isinstance(batch, int):
        return inputs, {}
    opened = tree.map_structure(
        lambda spec: replace(spec, shape=(Dim.named(dims.BATCH), *spec.shape[1:])) if isinstance(spec, Spec) else spec,
        inputs,
    )
    return opened, {dims.BATCH: batch}


def in_dtype(graph: ModelGraph, dtype: str) -> ModelGraph:
    """Return the graph with its floating values in ``dtype``: those of the dtype that most of its parameters have."""
    if dtype.startswith("mixed_"):
        raise UsageError(f"{dtype} is a policy of layers, and {graph.name} holds its variables already")
    wanted, usual = dtypes.name_of(dtype), floating_dtype(graph)
    values = tuple(
        Value(Spec(x.spec.shape, wanted), x.kind, x.storage, x.path, x.trainable, x.stored_bytes)
        if x.spec.dtype == usual
        else x
        for x in graph.values
    )
    return replace(graph, values=values)


def floating_dtype(graph: ModelGraph) -> str | None:
    """Return the floating dtype that most bytes of the parameters have; None where there are no such parameters."""
    totals: dict[str, int] = {}
    for value in graph.variables_below():
        if dtypes.is_floating(value.spec.dtype) and isinstance(value.bytes, int):
            totals[value.spec.dtype] = totals.get(value.spec.dtype, 0) + value.bytes
    return max(totals, key=lambda name: totals[name]) if totals else None
