"""The operators of onnxruntime, ``com.microsoft``, which onnx does not know: their output shapes and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Size
from layercli.core.types import Config

DOMAIN = "com.microsoft"
Shape = Sequence[Any] | None
STANDARD = {"FusedConv": "Conv", "FusedGemm": "Gemm"}
"""ONNX operators fused with an activation."""
WORDS = (
    "BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear FastGelu Gelu GroupNorm LayerNormalization QLinearSigmoid "
    "QLinearLeakyRelu QLinearSoftmax QuantizeLinear QuickGelu RotaryEmbedding SimplifiedLayerNormalization SkipGroupNorm "
    "SkipLayerNormalization SkipSimplifiedLayerNormalization"
)
LIKE_FIRST = frozenset(WORDS.split())
"""Operators whose result has the shape of their first input, without matrix products."""
OTHERS = (
    "EmbedLayerNormalization ExpandDims GatherND Inverse NhwcMaxPool Pad QLinearAdd QLinearAveragePool QLinearConcat "
    "QLinearGlobalAveragePool QLinearMul QLinearReduceMean Trilu Unique"
)
FREE = LIKE_FIRST | set(OTHERS.split())


def sizes_of(op: str, given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of an operator's first output for those of its inputs, or None if unknown."""
    first = given[0] if given else None
    if op in LIKE_FIRST:
        return first
    rule = SIZES.get(op)
    if rule is None or first is None:
        return None
    try:
        return rule(given, settings)
    except (IndexError, TypeError, KeyError, ZeroDivisionError):  # a node that does not fit its inputs
        return None


def cost_of(op: str, given: list[Shape], out: Shape, settings: dict[str, object]) -> Size:
    """Return the multiply-accumulates of an operator; unknown for one not listed here."""
    if op in FREE:
        return 0
    rule = COSTS.get(op)
    try:
        return UNKNOWN if rule is None else rule(given, out, settings)
    except (IndexError, TypeError, KeyError, ZeroDivisionError):
        return UNKNOWN


def placed(given: list[Shape], index: int) -> list[Size]:
    """Return the sizes of an input; an IndexError or TypeError makes the cost unknown."""
    found = given[index]
    if found is None:
        raise TypeError
    return list(found)


def product_sizes(given: list[Shape], settings: Mapping[str, object]) -> Shape:
    """Return the sizes of a matrix product, with either operand transposed."""
    left, right = placed(given, 0), placed(given, 1)
    if settings.get("transBatchA") or settings.get("transBatchB"):
        return None
    rows = left[-1] if settings.get("transA") else left[-2]
    columns = right[-2] if settings.get("transB") else right[-1]
    lead = left[:-2] if len(left) >= len(right) else right[:-2]
    return (*lead, rows, columns)


def product_cost(given: list[Shape], out: Shape, settings: Mapping[str, object]) -> Size:
    """Return the size of the product times the length of the summed axis."""
    left = placed(given, 0)
    return dims.product(placed([out], 0)) * (left[-2] if settings.get("transA") else left[-1])


def packed_sizes(given: list[Shape], settings: Mapping[str, object]) -> Shape:
    """Return the sizes of x with the number of features given by the attributes."""
    return (*placed(given, 0)[:-1], settings["N"])


def packed_cost(given: list[Shape], out: Shape, settings: Config) -> Size:
    """Return the cost of a product with 4-bit weights: each row of x times K x N of them."""
    return dims.product([*placed(given, 0)[:-1], settings["K"], settings["N"]])


def projected(given: list[Shape], settings: Config) -> tuple[Size, Size, Size]:
    """Return the features of queries, keys and values after an Attention's input projection."""
    if found := settings.get("qkv_hidden_sizes"):
        query, key, value = found
        return query, key, value
    return (placed(given, 1)[1] // 3,) * 3


def attention_sizes(given: list[Shape], settings: dict[str, object]) -> Shape:
    """Return the sizes of an Attention's output: those of its input, with the features of the values."""
    return (*placed(given, 0)[:2], projected(given, settings)[2])


def attention_cost(given: list[Shape], out: Shape, settings: dict[str, object]) -> Size:
    """Return the cost of an Attention without past state: the projection, the scores, and the weighted sums."""
    if len(given) > 4 and given[4] is not None:
        return UNKNOWN
    (batch, steps, features), (query, key, value) = placed(given, 0), projected(given, settings)
    return batch * steps * features * (query + key + value) + batch * steps * steps * (query + value)


def heads_sizes(given: list[Shape], settings: Mapping[str, object]) -> Shape:
    """Return the sizes of a MultiHeadAttention's output."""
    return (*placed(given, 0)[:2], placed(given, 2)[2]) if len(placed(given, 0)) == len(placed(given, 2)) == 3 else None


def heads_cost(given: list[Shape], out: Shape, settings: Mapping[str, object]) -> Size:
    """Return the cost of attention between given queries, keys and values, without past state."""
    query, key, value = (placed(given, i) for i in range(3))
    if len(given) > 6 and given[6] is not None:
        return UNKNOWN
    batch, steps, features = query
    return batch * steps * key[1] * (features + value[2])


def grouped_cost(given: list[Shape], out: Shape, settings: Config) -> Size:
    """Return the cost of a GroupQueryAttention without past state; with packed inputs, heads and their size are its own."""
    if len(given) > 3 and given[3] is not None and dims.product(given[3]) != 0:
        return UNKNOWN
    batch, steps, features = placed(given, 0)
    if given[1] is not None:
        return 2 * batch * steps * placed(given, 1)[1] * features
    heads, groups = settings["num_heads"], settings["kv_num_heads"]
    cost: Size = 2 * batch * steps * steps * heads * (features // (heads + 2 * groups))
    return cost


def grouped_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a GroupQueryAttention's output: those of the queries, which may be packed with keys and values."""
    batch, steps, features = placed(given, 0)
    if given[1] is not None:
        return batch, steps, features
    heads, groups = settings["num_heads"], settings["kv_num_heads"]
    return batch, steps, heads * (features // (heads + 2 * groups))


def quantized_attention_cost(given: list[Shape], out: Shape, settings: Config) -> Size:
    """Return the cost of a QAttention without past state, whose past is the ninth input."""
    return UNKNOWN if len(given) > 8 and given[8] is not None else attention_cost(given[:4], out, settings)


def broadcast_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a quantized sum or product: those of a and b, which are inputs 0 and 3, broadcast."""
    left, right = placed(given, 0), placed(given, 3)
    rank = max(len(left), len(right))
    pairs = zip([1] * (rank - len(left)) + left, [1] * (rank - len(right)) + right, strict=True)
    return tuple(b if a == 1 else a for a, b in pairs)


def concatenated_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a QLinearConcat: after the scale and zero point of the result three inputs for each part."""
    parts = [placed(given, i) for i in range(2, len(given), 3)]
    axis = settings["axis"] % len(parts[0])
    return tuple(dims.total(part[i] for part in parts) if i == axis else size for i, size in enumerate(parts[0]))


def pooled_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a global pooling, with channels first or last."""
    first = placed(given, 0)
    ones = [1] * (len(first) - 2)
    return (first[0], *ones, first[-1]) if settings.get("channels_last") else (*first[:2], *ones)


def window_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a quantized average pooling with explicit padding; None for other padding."""
    first, windows = placed(given, 0), settings["kernel_shape"]
    if settings.get("auto_pad", "NOTSET") != "NOTSET" or settings.get("ceil_mode"):
        return None
    count = len(windows)
    strides, pads = settings.get("strides") or [1] * count, settings.get("pads") or [0] * 2 * count
    start = 1 if settings.get("channels_last") else 2
    ends = zip(first[start : start + count], windows, strides, pads[:count], pads[count:], strict=True)
    inner = [(size + before + after - window) // stride + 1 for size, window, stride, before, after in ends]
    return (*first[:start], *inner, *first[start + count :])


def reduced_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a mean over the given axes; all by default."""
    first = placed(given, 0)
    axes = {axis % len(first) for axis in settings.get("axes") or range(len(first))}
    kept = settings.get("keepdims", 1)
    return tuple(1 if i in axes else size for i, size in enumerate(first) if kept or i not in axes)


def gemm_sizes(given: list[Shape], settings: Config) -> Shape:
    """Return the sizes of a quantized Gemm, whose second matrix is input 3."""
    return product_sizes([placed(given, 0), placed(given, 3)], settings)


SIZES: dict[str, Callable[[list[Shape], dict[str, Any]], Shape]] = {
    "FusedMatMul": product_sizes,
    "TransposeMatMul": product_sizes,
    "MatMulIntegerToFloat": product_sizes,
    "DynamicQuantizeMatMul": product_sizes,
    "MatMulNBits": packed_sizes,
    "MatMulBnb4": packed_sizes,
    "QGemm": gemm_sizes,
    "QLinearAdd": broadcast_sizes,
    "QLinearMul": broadcast_sizes,
    "QLinearAveragePool": window_sizes,
    "QLinearConcat": concatenated_sizes,
    "QLinearGlobalAveragePool": pooled_sizes,
    "QLinearReduceMean": reduced_sizes,
    "Attention": attention_sizes,
    "QAttention": attention_sizes,
    "MultiHeadAttention": heads_sizes,
    "GroupQueryAttention": grouped_sizes,
}
COSTS: dict[str, Callable[[list[Shape], Shape, dict[str, Any]], Size]] = {
    "FusedMatMul": product_cost,
    "TransposeMatMul": product_cost,
    "MatMulIntegerToFloat": product_cost,
    "DynamicQuantizeMatMul": product_cost,
    "MatMulNBits": packed_cost,
    "MatMulBnb4": packed_cost,
    "QGemm": product_cost,
    "Attention": attention_cost,
    "QAttention": quantized_attention_cost,
    "GroupQueryAttention": grouped_cost,
    "MultiHeadAttention": heads_cost,
}
