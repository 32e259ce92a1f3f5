"""What autograd saves of each operation for its backward pass: inputs, outputs, and further results of the kernel.

The rules are those of torch's kernels on the CPU in eager mode. For an operation without a rule all inputs and outputs count
as saved, and a note names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.kernel_memory import padded_input, rows, strided_copy
from layercli.inspect.model_graph import ModelGraph, OperationCall
from layercli.inspect.recurrence_memory import inputs_kept, kept_by_recurrence
from layercli.inspect.rule_input import Given, every_feature, factors_copied, has_inner_scale, rows_copied


@dataclass(frozen=True)
class Saved:
    """What is kept of one call: values by their index, ``extra`` bytes beside them; ``known`` is False without a rule."""

    values: tuple[int, ...] = ()
    extra: Size = 0
    known: bool = True


Wanted = Callable[[int], bool]
"""Whether the gradient of the value at an index is wanted."""
SavedRule = Callable[[Given, OperationCall, Wanted], Saved]


def saved_by(graph: ModelGraph, call: OperationCall, wanted: Wanted, at: Mapping[str, int] | None = None) -> Saved:
    """Return what is kept of a call whose result wants a gradient; ``at`` are sizes that tell which kernel runs."""
    if call.operation in KEEP_NOTHING:
        return Saved()
    if call.operation in KEEP_INPUT:
        return Saved(call.inputs[:1])
    if call.operation in KEEP_OUTPUT:
        return Saved(call.outputs[:1])
    rule = RULES.get(call.operation)
    if rule is None:
        return Saved((*call.inputs, *call.outputs), known=False)
    return rule(Given.of(graph, call, at=at), call, wanted)


def of_product(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return each factor that the gradient of the other one needs; a number beside one factor needs nothing."""
    if len(call.inputs) < 2:
        return Saved()
    left, right = call.inputs[:2]
    return Saved((*([left] if wanted(right) else []), *([right] if wanted(left) else [])))


def of_convolution(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return inputs and kernel, as of a product; in the place of the inputs their padded or strided copy, where there is one."""
    found, padded = of_product(given, call, wanted), padded_input(given) or strided_copy(given)
    if padded == 0 or call.inputs[0] not in found.values:
        return found
    return Saved(tuple(index for index in found.values if index != call.inputs[0]), padded)


def of_linear(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return inputs and kernel, as of a product; in the place of inputs that lie with their steps first their copy."""
    found, copied = of_product(given, call, wanted), rows_copied(given)
    if dims.at(copied, given.at) == 0 or call.inputs[0] not in found.values:
        return found
    return Saved(tuple(index for index in found.values if index != call.inputs[0]), copied)


def of_matmul(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return each factor that the gradient of the other one needs, or its copy where one is made."""
    factors = zip(call.inputs, reversed(call.inputs), factors_copied(given), strict=True)
    kept = [(index, copy) for index, other, copy in factors if len(call.inputs) > 1 and wanted(other)]
    plain = tuple(index for index, copy in kept if dims.at(copy, given.at) == 0)
    return Saved(plain, dims.total(copy for index, copy in kept if index not in plain))


def of_relu(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the result; with a slope, a threshold or a greatest value there is no rule."""
    arguments = given.call.arguments
    usual = (
        not arguments.get("negative_slope") and not arguments.get("threshold") and arguments.get("max_value") is None
    )
    return Saved(call.outputs[:1]) if usual else Saved((*call.inputs[:1], call.outputs[0]), known=False)


def of_quotient(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the divisor, and the dividend where the divisor wants a gradient."""
    if len(call.inputs) < 2:
        return Saved()
    left, right = call.inputs[:2]
    return Saved((right, *([left] if wanted(right) else [])))


def of_power(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the base, and exponent and result where both are tensors."""
    return Saved(call.inputs[:1] if len(call.inputs) < 2 else (*call.inputs[:2], call.outputs[0]))


def of_batch_norm(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the inputs; of each channel mean and deviation, and the mean and variance that torch updates."""
    return Saved((call.inputs[0], *call.inputs[3:4]), 4 * given.taken[1].size * 4)


def of_layer_norm(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the inputs and the scale, mean and deviation."""
    return Saved(call.inputs[:2], 2 * rows(given.taken[0]))


def of_rms_norm(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the inputs and the scale, the normalized values, and the deviation."""
    x = given.taken[0]
    scaled = len(call.inputs) > 1
    wide = max(dtypes.BYTES[x.dtype], 4)
    widened = x.size * wide if wide > dtypes.BYTES[x.dtype] else 0
    return Saved(call.inputs[:2], (x.size * wide if scaled else 0) + widened + rows(x))


def of_pool(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the inputs, and the indices of a max pooling."""
    return Saved(call.inputs[:1], 8 * given.gave[0].size if given.call.arguments.get("kind") == "max" else 0)


def of_attention(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return query, key, value, the result, and the sum of the exponentials of each query; with a mask its bias as well."""
    query = given.taken[0]
    masked = given.taken[3].size * dtypes.BYTES[query.dtype] + query.bytes if len(given.taken) > 3 else 0
    return Saved((*call.inputs[:3], call.outputs[0]), dims.product(query.shape[:-1]) * 4 + masked)


def of_rotation(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return cosine and sine."""
    return Saved(call.inputs[1:3])


def of_dropout(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the noise, a factor for each value."""
    return Saved((), given.taken[0].bytes if given.call.arguments.get("rate") else 0)


def of_extremum(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the inputs and the result."""
    return Saved((call.inputs[0], call.outputs[0]))


def of_softmax(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the result, and the mask where there is one."""
    return Saved((call.outputs[0], *call.inputs[1:2]), given.gave[0].bytes if len(call.inputs) > 1 else 0)


def of_recurrence(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the weights and the states, the inputs where they are not copied, and the outputs of an LSTM."""
    values = call.inputs if inputs_kept(given) is None else call.inputs[1:]
    outputs = call.outputs[:1] if given.call.arguments.get("kind") == "lstm" else ()
    return Saved((*values, *outputs), kept_by_recurrence(given, wanted(call.inputs[0])))


def of_additive_scores(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the scales, and for each feature of each score its tanh, and its sum where that is scaled."""
    return Saved(call.inputs[2:], every_feature(given) * (2 if has_inner_scale(given) else 1))


def of_prelu(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the slopes, and the positive and the negative part of the inputs."""
    return Saved(call.inputs[1:], 2 * given.gave[0].bytes)


def of_take(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the indices."""
    return Saved(call.inputs[1:])


def of_lookup(given: Given, call: OperationCall, wanted: Wanted) -> Saved:
    """Return the indices."""
    return Saved(call.inputs[:1])


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RULES: dict[str, SavedRule] = {
    **dict.fromkeys(("BatchDot", "Einsum", "Kron"), of_product),
    **dict.fromkeys(("Multiply", "TransposedConvolution"), of_product),
    "AdditiveScores": of_additive_scores,
    "ApplyDropout": of_dropout,
    "BatchNorm": of_batch_norm,
    **dict.fromkeys(("Convolution", "DepthwiseConvolution"), of_convolution),
    "Divide": of_quotient,
    "EmbeddingLookup": of_lookup,
    "FusedRecurrence": of_recurrence,
    "LayerNorm": of_layer_norm,
    "Linear": of_linear,
    **dict.fromkeys(("Max", "Min"), of_extremum),
    "MatMul": of_matmul,
    "Pool": of_pool,
    "Power": of_power,
    "PRelu": of_prelu,
    "Relu": of_relu,
    "RmsNorm": of_rms_norm,
    "Rotate": of_rotation,
    "ScaledDotProductAttention": of_attention,
    "SoftmaxActivation": of_softmax,
    "Take": of_take,
}
"""The rules of operations of which more than one input or result is kept, or something beside them."""

KEEP_INPUT = _names(
    "Absolute Angle Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Celu Clip Cos Cosh Elu Erf Erfc Erfinv Fabs Gelu Glu "
    "HardShrink HardSigmoid HardSilu HardTanh LeakyRelu Log Log10 Log1p Log2 Mish ReluInPlace Relu6 Selu Silu Sin Sinc "
    "Sinh SoftShrink Softplus Square Threshold Var Where"
)
"""Operations of which the first input is kept."""

KEEP_OUTPUT = _names("Exp Exp2 Expm1 Exponential LogSoftmax Reciprocal Rsqrt Sigmoid Sqrt Tan Tanh")
"""Operations of which the result is kept."""

KEEP_NOTHING = _names(
    "Add ApplyGaussianNoise Arange ArraySplit BroadcastTo Cast Ceil CenterWindow ConcatenateTensors ConstantTensor Copy Crop "
    "Cumsum DepthToSpace Diagonal ExpandDims ExtractPatches Flip Floor Frames Full FullLike FullLikeBatch GetItem Mean "
    "MergeTimeIntoBatch Negative OneHot Pad Rearrange RepeatElements RepeatKV Rescale ReshapeTensor ReverseTime Roll RotaryAngles "
    "Round Select Slice SpaceToDepth Split SplitTimeFromBatch Squeeze Stack StopGradient Subtract Sum Tile Transpose Tril "
    "Triu Unfold Unstack Upsample View"
)
"""Operations of which no tensor is kept."""
