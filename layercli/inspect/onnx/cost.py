"""The multiply-accumulates of ONNX nodes: operators with matrix products, from their shapes; the others cost nothing.

The cost of an unlisted operator is unknown, as is that of one with unknown shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Size
from layercli.core.spec import Spec
from layercli.core.types import Config
from layercli.errors import LayercliError
from layercli.formats.onnx import bodies_of
from layercli.inspect.onnx import contrib_ops
from layercli.inspect.onnx.contrib_ops import Shape, placed

if TYPE_CHECKING:
    from onnx import NodeProto


WORDS = (
    "Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BitCast "
    "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im "
    "Compress Concat ConcatFromSequence Constant ConstantOfShape Cos Cosh CumProd CumSum DFT DepthToSpace DequantizeLinear Det "
    "Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gelu "
    "GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow "
    "HannWindow HardSigmoid HardSwish Hardmax Identity ImageDecoder ImageScaler InstanceNormalization IsInf IsNaN LRN "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool Max MaxPool MaxRoiPool MaxUnpool Mean "
    "MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression "
    "NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QuantizeLinear RMSNormalization "
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize "
    "ReverseSequence RoiAlign RotaryEmbedding Round STFT Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct "
    "SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax "
    "SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer "
    "StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique "
    "Unsqueeze Upsample Where Xor"
)
FREE = frozenset(WORDS.split())
"""ONNX operators without matrix products, the same definition that torch's counter uses."""

Given = Callable[[str], Shape]
Rule = Callable[[list[Shape], list[Shape], dict[str, Any]], Size]


def cost_of(node: NodeProto, shape: Given, settings: dict[str, object]) -> Size:
    """Return the multiply-accumulates of a node from the shapes of its inputs and outputs."""
    given = [shape(name) if name else None for name in node.input]
    gave = [shape(name) if name else None for name in node.output]
    if node.domain == contrib_ops.DOMAIN and node.op_type not in contrib_ops.STANDARD:
        return contrib_ops.cost_of(node.op_type, given, gave[0] if gave else None, settings)
    op = contrib_ops.STANDARD.get(node.op_type, node.op_type)
    if node.domain not in ("", "ai.onnx", contrib_ops.DOMAIN):
        return UNKNOWN
    if op in FREE or is_free(node):
        return 0
    try:
        return RULES[op](given, gave, settings) if op in RULES else UNKNOWN
    except (IndexError, TypeError, KeyError, ValueError, ZeroDivisionError, LayercliError):
        return UNKNOWN  # an unknown or unsuitable shape


def is_free(node: NodeProto) -> bool:
    """Whether a node's subgraphs contain no matrix products."""
    bodies = [body for _, body in bodies_of(node)]
    return bool(bodies) and all(
        inner.domain in ("", "ai.onnx") and (inner.op_type in FREE or is_free(inner))
        for body in bodies
        for inner in body.node
    )


def convolution(place: int) -> Rule:
    """Return the cost function of a convolution whose kernel is that input: batch x positions x kernel size."""

    def rule(given: list[Shape], gave: list[Shape], settings: Mapping[str, object]) -> Size:
        batch, _, *places = placed(gave, 0)
        return batch * dims.product(places) * dims.product(placed(given, place))

    return rule


def transposed(given: list[Shape], gave: list[Shape], settings: Mapping[str, object]) -> Size:
    """Return the cost of a transposed convolution: batch x positions of x x kernel size."""
    batch, _, *places = placed(given, 0)
    return batch * dims.product(places) * dims.product(placed(given, 1))


def product(given: list[Shape], gave: list[Shape], settings: dict[str, object]) -> Size:
    """Return the cost of a matrix product: size of the result x length of the summed axis."""
    return dims.product(placed(gave, 0)) * placed(given, 0)[0 if settings.get("transA") else -1]


def einsum(given: list[Shape], gave: list[Shape], settings: Config) -> Size:
    """Return the cost of a contraction of two tensors; 0 for one tensor, unknown for more (the order is unspecified)."""
    from layercli.ops.numpy.einsum import Einsum

    if len(given) == 1:
        return 0
    left, right = (Spec(tuple(placed(given, i))) for i in range(2))
    equation = settings["equation"].replace(" ", "")
    if len(given) > 2:
        return UNKNOWN
    if "->" not in equation:
        letters = sorted({x for x in equation if x.isalpha() and equation.count(x) == 1})
        equation += "->" + ("..." if "..." in equation else "") + "".join(letters)
    return Einsum(equation).macs(left, right)


def recurrent(given: list[Shape], gave: list[Shape], settings: Mapping[str, object]) -> Size:
    """Return the cost of an LSTM, GRU or RNN: batch x steps x the sizes of both kernels."""
    return dims.product(placed(given, 0)[:2]) * (dims.product(placed(given, 1)) + dims.product(placed(given, 2)))


def attention(given: list[Shape], gave: list[Shape], settings: Config) -> Size:
    """Return the cost of attention: batch x heads x targets x sources x (features + depth)."""
    query, key, value = (placed(given, i) for i in range(3))
    if len(query) == 3:
        query = in_heads(query, settings["q_num_heads"])
        key, value = (in_heads(x, settings["kv_num_heads"]) for x in (key, value))
    batch, heads, targets, features = query
    before: Size = placed(given, 4)[2] if len(given) > 4 and given[4] is not None else 0
    return batch * heads * targets * (key[2] + before) * (features + value[3])


def in_heads(sizes: list[Size], heads: int) -> list[Size]:
    """Return the sizes of a tensor with a separate axis for the heads."""
    batch, steps, features = sizes
    return [batch, heads, steps, features // heads]


RULES: dict[str, Rule] = {
    "Conv": convolution(1),
    "ConvInteger": convolution(1),
    "DeformConv": convolution(1),
    "QLinearConv": convolution(3),
    "ConvTranspose": transposed,
    "Gemm": product,
    "MatMul": product,
    "MatMulInteger": product,
    "QLinearMatMul": product,
    "Einsum": einsum,
    "LSTM": recurrent,
    "GRU": recurrent,
    "RNN": recurrent,
    "Attention": attention,
}
