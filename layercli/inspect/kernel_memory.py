"""What the kernel of an operation allocates beside its results: while it runs, and for the backward pass.

The rules are those of torch's kernels on the CPU in eager mode. An operation without a rule allocates nothing but its results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import field

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.model_graph import ModelGraph, OperationCall
from layercli.ops.nn.convolution import FEW
from layercli.ops.nn.window_geometry import windows


@dataclass(frozen=True)
class Given:
    """A call as a rule sees it: the Specs of what it takes and gives, and its arguments."""

    call: OperationCall
    taken: tuple[Spec, ...]
    gave: tuple[Spec, ...]
    wanted: bool = False
    """Whether the gradient of the first input is computed."""
    at: Mapping[str, int] = field(default_factory=dict)
    """The values of named sizes that tell which kernel runs."""
    steps_first: bool = False
    """Whether the first input lies in memory with its steps first, as the outputs of a recurrence do."""

    @staticmethod
    def of(
        graph: ModelGraph, call: OperationCall, wanted: Container[int] = (), at: Mapping[str, int] | None = None
    ) -> Given:
        """Return what a rule sees of a call; ``wanted`` are the values that a gradient is computed for."""
        taken, gave = (tuple(graph.values[index].spec for index in side) for side in (call.inputs, call.outputs))
        first = call.inputs[0] if call.inputs else None
        maker = None if first is None else graph.made_by.get(first)
        by_steps = maker is not None and maker.operation == RECURRENCE and maker.outputs[0] == first
        return Given(call, taken, gave, first in wanted, at or {}, by_steps)


Rule = Callable[[Given], Size]
RECURRENCE = "FusedRecurrence"


def workspace_of(graph: ModelGraph, call: OperationCall) -> Size:
    """Return the bytes that the kernel of a call takes beside its results and frees before it returns."""
    rule = WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call))


def kept_workspace_of(graph: ModelGraph, call: OperationCall, wanted: Container[int] = ()) -> Size:
    """Return the bytes that the kernel of a call takes in training beside its results and what it keeps."""
    rule = KEPT_WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call, wanted))


def backward_workspace_of(
    graph: ModelGraph, call: OperationCall, wanted: Container[int] = (), at: Mapping[str, int] | None = None
) -> Size:
    """Return the bytes that the backward pass of a call takes beside the gradients and frees before it is over."""
    rule = BACKWARD_WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call, wanted, at))


def allocated_by(graph: ModelGraph) -> dict[int, Size]:
    """Return the bytes of the storages that are larger than their value, by index: a view of a larger result."""
    found = {}
    for call in graph.calls:
        rule = ALLOCATIONS.get(call.operation)
        if rule is not None and call.outputs:
            found[call.outputs[0]] = rule(Given.of(graph, call))
    return found


def rows(x: Spec) -> Size:
    """Return the bytes of one float32 for each vector along the last axis."""
    return dims.product(x.shape[:-1]) * 4


def rms_norm(given: Given) -> Size:
    """Return the normalized values before they are scaled; in float32 where the inputs have less."""
    x = given.taken[0]
    wide = max(dtypes.BYTES[x.dtype], 4)
    scaled = len(given.taken) > 1
    narrow = wide > dtypes.BYTES[x.dtype]
    return (x.size * wide * (1 + narrow) if scaled or narrow else 0) + rows(x)


def layer_norm(given: Given) -> Size:
    """Return mean and deviation."""
    return 2 * rows(given.taken[0])


def pool(given: Given) -> Size:
    """Return the indices of a max pooling, eight bytes for each value."""
    arguments = given.call.arguments
    kind = arguments.get("kind", arguments.get("function", ""))
    return 8 * given.gave[0].size if kind == "max" else 0


def padded_input(given: Given) -> Size:
    """Return the copy of the inputs that a convolution makes where it pads one end of an axis more than the other."""
    arguments, x = given.call.arguments, given.taken[0]
    batch, *rest = x.shape
    channels, spatial = (rest[0], rest[1:]) if arguments.get("channels_first") else (rest[-1], rest[:-1])
    along = windows(arguments["size"], arguments["strides"], arguments["padding"], arguments.get("dilation"))
    if not all(isinstance(size, int) for size in spatial):
        return 0
    pads = [window.pads(int(size)) for window, size in zip(along, spatial, strict=True)]
    if all(before == after for before, after in pads):
        return 0
    sizes = [size + before + after for size, (before, after) in zip(spatial, pads, strict=True)]
    return batch * dims.product(sizes) * channels * dtypes.BYTES[x.dtype]


def strided_copy(given: Given) -> Size:
    """Return the copy of the strided positions that a pointwise convolution makes where it is a matrix product."""
    strides = given.call.arguments.get("strides", ())
    if {*given.call.arguments["size"]} != {1} or {*strides} == {1} or given.call.arguments.get("channels_first"):
        return 0
    if given.call.arguments.get("groups", 1) != 1:
        return 0
    x, kernel, out = given.taken[0], given.taken[1], given.gave[0]
    positions = dims.at(dims.product(x.shape[:-1]), given.at)
    if not isinstance(positions, int) or positions > FEW * math.prod(strides):
        return 0
    return dims.product(out.shape[:-1]) * kernel.shape[-2] * dtypes.BYTES[x.dtype]


def rotation(given: Given) -> Size:
    """Return two parts of each half of the features that are turned."""
    x, cosine = given.taken[:2]
    return dims.product(x.shape[:-1]) * 2 * cosine.shape[-1] * dtypes.BYTES[x.dtype]


def sequence_bytes(given: Given) -> Size:
    """Return the bytes of the outputs of all steps of a recurrence."""
    x, units = given.taken[0], given.taken[2].shape[0]
    return dims.product(x.shape[:2]) * units * dtypes.BYTES[x.dtype]


def states_of(given: Given) -> list[Spec]:
    """Return the initial states among what a recurrence takes."""
    units = given.taken[2].shape[0]
    return [each for each in given.taken[3:] if each.rank == 2 and each.shape[1] == units]


def bias_bytes(given: Given) -> Size:
    """Return the bytes of the biases of a recurrence: what it takes beside inputs, kernels and states."""
    return dims.total(each.bytes for each in given.taken[3:]) - dims.total(each.bytes for each in states_of(given))


def turned_bytes(given: Given) -> Size:
    """Return the bytes of the inputs with their steps in the other order, which a recurrence that goes backwards makes first."""
    return given.taken[0].bytes if given.call.arguments.get("backwards") else 0


def recurrence(given: Given) -> Size:
    """Return what a recurrence takes at its peak.

    The fused LSTM: the inputs with the steps first, the second bias, the states before they are stacked; without a bias a copy of
    the weights. A GRU: its weights in another order, and the gates of all inputs without and with their bias. A plain one: the
    inputs with the steps first, or the outputs of all steps before they are stacked.
    """
    x, kernel, recurrent = given.taken[:3]
    state = x.shape[0] * recurrent.shape[0] * dtypes.BYTES[x.dtype]
    weights, bias, states = kernel.bytes + recurrent.bytes, bias_bytes(given), len(states_of(given))
    kind = given.call.arguments.get("kind")
    turned, ordered = turned_bytes(given), given.steps_first or 1 in x.shape[:2]
    if kind == "lstm":
        copied = 0 if ordered else x.bytes
        return turned + copied + (2 * state + bias if bias != 0 else weights) + (state if states < 2 else 0)
    started = state if states else 0
    if kind == "gru":
        steps, each = x.shape[1], 5 if bias != 0 and not ordered else 4
        held = max(each * steps, 3 * steps + 4) if isinstance(steps, int) else each * steps
        return turned + weights + bias + held * state - started
    features, units = x.shape[2], recurrent.shape[0]
    widest = max(features, 2 * units) if isinstance(features, int) and isinstance(units, int) else features + 2 * units
    return turned + dims.product(x.shape[:2]) * widest * dtypes.BYTES[x.dtype] + bias - started


def recurrence_backward(given: Given) -> Size:
    """Return the gradients of all outputs where one is given, and those of the inputs and the states that are not wanted.

    A recurrence that runs step by step is live in moments, of which the largest counts.
    """
    x, _, recurrent = given.taken[:3]
    arguments = given.call.arguments
    state = x.shape[0] * recurrent.shape[0] * dtypes.BYTES[x.dtype]
    outputs = (0 if arguments.get("sequences") else sequence_bytes(given) - state) + given.wanted * turned_bytes(given)
    if arguments.get("kind") == "lstm":
        bias = (
            bias_bytes(given) or 2 * recurrent.shape[1] * dtypes.BYTES[x.dtype]
        )  # the kernel makes the gradients of two
        return outputs + bias + 2 * state + (0 if given.wanted else x.bytes)
    moments = [outputs + each for each in moments_of_steps(given, state)]
    known = [each for each in (dims.at(moment, given.at) for moment in moments) if isinstance(each, int)]
    return max(known) if len(known) == len(moments) else moments[0]


def recurrence_forward(given: Given) -> Size:
    """Return what a recurrence holds beside what it keeps when its steps are done: the inputs in the other order where it goes
    backwards; one that runs step by step also its gates of all inputs, a GRU weights in another order as well.
    """
    turned, kind = turned_bytes(given), given.call.arguments.get("kind")
    if kind == "lstm":
        return turned
    if kind == "gru":
        return turned + 3 * sequence_bytes(given) + bias_bytes(given) + (0 if given.wanted else given.taken[1].bytes)
    x, units = given.taken[0], given.taken[2].shape[0]
    return turned + sequence_bytes(given) + bias_bytes(given) - x.shape[0] * units * dtypes.BYTES[x.dtype]


def moments_of_steps(given: Given, state: Size) -> list[Size]:
    """Return what the moments of a backward pass step by step hold, beside what is kept and all gradients of the call.

    First of them is the second step: the gradient of the recurrent kernel so far, that of the step, and their sum, while that of
    the kernel is not there. A GRU brings the gradients of its kernels into the order of its gates at the end.
    """
    x, kernel, recurrent = given.taken[:3]
    bias = bias_bytes(given)
    summed = 2 * recurrent.bytes - kernel.bytes - (x.bytes if given.wanted else 0)
    if given.call.arguments.get("kind") != "gru":
        return [summed + state - bias, 0]
    gates = 7 * state
    freed = recurrent.bytes if dims.known(x.shape[1]) and x.shape[1] < 4 else 0
    ordered = x.bytes + x.shape[1] * gates + state + (kernel.bytes if given.wanted else 0)
    ends = [each - ordered for each in (kernel.bytes - recurrent.bytes, 0)]
    return [summed - gates - dims.ceil_div(bias, 2) - freed, *ends, *([0] if given.wanted else [])]


def attention(given: Given) -> Size:
    """Return the sum of the exponentials of the scores that the fused attention keeps of each query."""
    query = given.taken[0]
    return dims.product(query.shape[:-1]) * 4


WORKSPACES: dict[str, Rule] = {
    "Convolution": padded_input,
    "DepthwiseConvolution": padded_input,
    RECURRENCE: recurrence,
    "LayerNorm": layer_norm,
    "Pool": pool,
    "RmsNorm": rms_norm,
    "Rotate": rotation,
    "ScaledDotProductAttention": attention,
}
"""What each operation takes while it runs, by name."""

ALLOCATIONS: dict[str, Rule] = {
    RECURRENCE: lambda given: given.gave[0].bytes if given.call.arguments.get("sequences") else sequence_bytes(given),
}
"""The bytes of the storage of the first result, where that is a view of something larger."""

KEPT_WORKSPACES: dict[str, Rule] = {RECURRENCE: recurrence_forward}
"""What each operation takes in a forward pass that keeps something of its kernel, beside that."""

BACKWARD_WORKSPACES: dict[str, Rule] = {
    "Convolution": padded_input,
    "DepthwiseConvolution": padded_input,
    RECURRENCE: recurrence_backward,
    "ReluInPlace": lambda given: 2 * given.taken[0].bytes if given.taken[0].rank > 2 else 0,
}
"""What each operation takes in its backward pass. What is written over a view is copied twice: torch's CopySlices."""
