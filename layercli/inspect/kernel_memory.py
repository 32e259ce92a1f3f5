"""What the kernel of an operation allocates beside its results: while it runs, and for the backward pass.

The rules are those of torch's kernels on the CPU in eager mode. An operation without a rule allocates nothing but its results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Container, Mapping

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.backward_memory import BACKWARD
from layercli.inspect.indexed_inputs import READ_ROWS
from layercli.inspect.memory_order import RECURRENCE
from layercli.inspect.model_graph import ModelGraph, OperationCall
from layercli.inspect.recurrence_memory import recurrence, recurrence_backward, recurrence_forward, sequence_bytes
from layercli.inspect.rule_input import (
    Given,
    GivenGradient,
    every_feature,
    factors_copied,
    has_inner_scale,
    rows_copied,
    several_rows,
)
from layercli.ops.nn.convolution import FEW
from layercli.ops.nn.window_geometry import windows

Rule = Callable[[Given], Size]


def workspace_of(graph: ModelGraph, call: OperationCall) -> Size:
    """Return the bytes that the kernel of a call takes beside its results and frees before it returns."""
    rule = WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call))


def kept_workspace_of(
    graph: ModelGraph, call: OperationCall, wanted: Container[int] = (), at: Mapping[str, int] | None = None
) -> Size:
    """Return the bytes that the kernel of a call takes in training beside its results and what it keeps."""
    rule = KEPT_WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call, wanted, at))


def backward_workspace_of(
    graph: ModelGraph,
    call: OperationCall,
    wanted: Container[int],
    at: Mapping[str, int] | None,
    gradient: GivenGradient,
) -> Size:
    """Return the bytes that the backward pass of a call takes beside the gradients and frees before it is over."""
    rule = BACKWARD_WORKSPACES.get(call.operation)
    return 0 if rule is None else rule(Given.of(graph, call, wanted, at, gradient))


def allocated_by(graph: ModelGraph) -> dict[int, Size]:
    """Return the bytes of the storages that are larger than their value, by index: a view of a larger result."""
    found = {}
    for call in graph.calls:
        rule = ALLOCATIONS.get(call.operation)
        if rule is not None and call.outputs:
            found[call.outputs[0]] = rule(Given.of(graph, call))
    return found


def restored_bytes(graph: ModelGraph, packed: Collection[int]) -> list[Size]:
    """Return the bytes of the packed matrices, or views of them, that each call takes, in the dtype that it takes them in.

    Of a table only the rows that are looked up are restored, which are the result.
    """
    whole = {graph.values[index].storage: graph.values[index].spec.bytes for index in packed}
    return [
        0
        if call.operation in READ_ROWS
        else dims.total(whole[each] for each in {graph.values[index].storage for index in call.inputs} & whole.keys())
        for call in graph.calls
    ]


def rows(x: Spec) -> Size:
    """Return the bytes of one float32 for each vector along the last axis."""
    return dims.product(x.shape[:-1]) * 4


def unbiased(given: Given) -> Size:
    """Return the product before its bias is added, where the inputs are copied for it."""
    biased = len(given.taken) > 2 and given.steps_first and given.taken[0].rank == 3
    return given.gave[0].bytes * several_rows(given) if biased else 0


def factors_not_kept(given: Given) -> Size:
    """Return the copies of the factors of a product that the gradient of the other one does not need."""
    copies = zip(factors_copied(given), reversed(given.wants[:2]), strict=False)
    return dims.total(copy for copy, other_wants in copies if not other_wants)


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


def attention(given: Given) -> Size:
    """Return the sum of the exponentials of the scores that the fused attention keeps of each query."""
    query = given.taken[0]
    return dims.product(query.shape[:-1]) * 4


def rescaled(given: Given) -> Size:
    """Return the product before the offset is added."""
    return given.gave[0].bytes


def additive_scores(given: Given) -> Size:
    """Return the sums of queries and keys, one for each feature of each score, and what two steps make of them."""
    return every_feature(given) * (3 if has_inner_scale(given) else 2)


WORKSPACES: dict[str, Rule] = {
    "AdditiveScores": additive_scores,
    "Convolution": padded_input,
    "DepthwiseConvolution": padded_input,
    RECURRENCE: recurrence,
    "Linear": lambda given: rows_copied(given) + unbiased(given),
    "LayerNorm": layer_norm,
    "MatMul": lambda given: dims.total(factors_copied(given)),
    "Logsumexp": lambda given: given.taken[0].bytes,
    "Pool": pool,
    "PRelu": lambda given: 2 * given.gave[0].bytes,
    "Rescale": rescaled,
    "RmsNorm": rms_norm,
    "Rotate": rotation,
    "ScaledDotProductAttention": attention,
}
"""What each operation takes while it runs, by name."""

ALLOCATIONS: dict[str, Rule] = {
    RECURRENCE: lambda given: given.gave[0].bytes if given.call.arguments.get("sequences") else sequence_bytes(given),
}
"""The bytes of the storage of the first result, where that is a view of something larger."""

KEPT_WORKSPACES: dict[str, Rule] = {
    "AdditiveScores": every_feature,
    RECURRENCE: recurrence_forward,
    "Linear": unbiased,
    "MatMul": factors_not_kept,
    "PRelu": lambda given: given.gave[0].bytes,
}
"""What each operation takes in a forward pass that keeps something of its kernel, beside that."""

BACKWARD_WORKSPACES: dict[str, Rule] = {
    **BACKWARD,
    "Convolution": padded_input,
    "DepthwiseConvolution": padded_input,
    RECURRENCE: recurrence_backward,
    "ReluInPlace": lambda given: 2 * given.taken[0].bytes if given.taken[0].rank > 2 else 0,
}
"""What each operation takes in its backward pass. What is written over a view is copied twice: torch's CopySlices."""
