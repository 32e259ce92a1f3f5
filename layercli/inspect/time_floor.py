"""The roofline of a call: the least time that each operation takes on a device, by its arithmetic and by its traffic.

The floor is not a prediction: it counts each tensor read and written once, at the greatest bandwidth and rate.
"""

from __future__ import annotations

from collections.abc import Mapping

from layercli.core import dims
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.cost import Cost
from layercli.inspect.cost_graph import floating_dtype
from layercli.inspect.devices import DeviceLimits
from layercli.inspect.indexed_inputs import LOOKUPS, READ_ROWS
from layercli.inspect.model_graph import ModelGraph, OperationCall, ValueKind

FREE = frozenset({ValueKind.CONSTANT})
"""The kinds of values whose reading is not counted."""


@dataclass(frozen=True)
class Floor:
    """The least time of some calls: ``seconds`` is the sum over them of what bounds each; None where a size is unknown."""

    flops: int
    traffic: int
    compute_seconds: float
    memory_seconds: float
    seconds: float

    @property
    def bound(self) -> str:
        """What takes the greater part: ``compute`` or ``memory``."""
        return "compute" if self.compute_seconds > self.memory_seconds else "memory"

    @property
    def intensity(self) -> float:
        """The operations for each byte of traffic."""
        return self.flops / self.traffic if self.traffic else 0.0


@dataclass(frozen=True)
class TimeFloor:
    """The floor of a whole call on a device, and of each module by its path; ``dtype`` is that of the matrices."""

    device: str
    dtype: str
    total: Floor
    modules: Mapping[str, Floor]
    token: Floor | None = None
    """The next token of a decoder: all weights and its cache are read."""


def time_floor(cost: Cost, device: DeviceLimits) -> TimeFloor | None:
    """Return the least time of one call in inference; None where sizes are unknown, or the device's rate is."""
    graph, at = cost.graph, cost.at
    dtype = floating_dtype(graph) or "float32"
    rate = device.rate(dtype)
    if rate is None or graph.incomplete:
        return None
    floors = [call_floor(graph, call, rate, device.bandwidth, at) for call in graph.calls]
    known = [each for each in floors if each is not None]
    if len(known) < len(floors):
        return None
    modules = {
        path: summed([known[i] for call in calls for i in range(call.start, call.stop)])
        for path, calls in graph.calls_of.items()
        if path
    }
    token = None if cost.cache is None else token_floor(cost, rate, device.bandwidth)
    return TimeFloor(device.title, dtype, summed(known), modules, token)


def token_floor(cost: Cost, rate: float, bandwidth: float) -> Floor | None:
    """Return the least time of one more token behind those in the cache; the embedding is looked up, not read."""
    looked_up = {call.inputs[LOOKUPS[call.operation][1]] for call in cost.graph.calls if call.operation in LOOKUPS}
    others = {index for call in cost.graph.calls if call.operation not in LOOKUPS for index in call.inputs}
    weights = dims.total(
        value.bytes
        for i, value in enumerate(cost.graph.values)
        if value.kind is ValueKind.PARAMETER and not (i in looked_up and i not in others)
    )
    macs = dims.at(cost.graph.macs(), {**cost.at, "T": 1})
    moved = dims.at(weights + (cost.cache or 0), cost.at)
    if not isinstance(macs, int) or not isinstance(moved, int):
        return None
    arithmetic, transfer = 2 * macs / rate, moved / bandwidth
    return Floor(2 * macs, moved, arithmetic, transfer, max(arithmetic, transfer))


def call_floor(
    graph: ModelGraph, call: OperationCall, rate: float, bandwidth: float, at: Mapping[str, int]
) -> Floor | None:
    """Return the floor of one call; None where its cost or a size is unknown."""
    macs, moved = dims.at(0 if call.macs is None else call.macs, at), dims.at(traffic_of(graph, call), at)
    if call.macs is None or not isinstance(macs, int) or not isinstance(moved, int):
        return None
    arithmetic, transfer = 2 * macs / rate, moved / bandwidth
    return Floor(2 * macs, moved, arithmetic, transfer, max(arithmetic, transfer))


def traffic_of(graph: ModelGraph, call: OperationCall) -> Size:
    """Return the bytes that a call reads and writes at least: nothing for a view, the rows that are looked up of a table."""
    made = [index for index in call.outputs if graph.values[index].storage == index]
    if not made and all(
        graph.values[i].storage in {graph.values[j].storage for j in call.inputs} for i in call.outputs
    ):
        return 0
    written = dims.total(graph.values[index].bytes for index in call.outputs)
    if call.operation in READ_ROWS:
        return 2 * written
    read = dims.total(
        graph.values[index].bytes for index in dict.fromkeys(call.inputs) if graph.values[index].kind not in FREE
    )
    return read + written


def summed(floors: list[Floor]) -> Floor:
    """Return the sum of several floors."""
    return Floor(
        sum(each.flops for each in floors),
        sum(each.traffic for each in floors),
        sum(each.compute_seconds for each in floors),
        sum(each.memory_seconds for each in floors),
        sum(each.seconds for each in floors),
    )
