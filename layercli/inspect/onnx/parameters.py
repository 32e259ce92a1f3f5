"""Decide which tensors of an ONNX graph are parameters, and which node owns each.

A parameter is an array of real numbers in the file: an initializer, or a Constant with more than one element. A single value
is a parameter only if torch recorded it as one, or, without records, if it is not a scalar, because exporters write factors
and limits in the same way. Integers are parameters if an operator takes them as quantized weights; scales and zero points are
not, so that a quantized model has as many parameters as the original. The initial state of a recurrent operator, which
exporters write as zeros, is not a parameter. Tensors that torch recorded as buffers, and the mean and variance of a
BatchNormalization, are not trainable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from layercli.core.spec import Shape
from layercli.dataclass import dataclass
from layercli.formats.onnx import DTYPES, count_of
from layercli.formats.weight_file import BITS

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
QUANTIZED = {
    "ConvInteger": {1}, "DequantizeLinear": {0}, "DynamicQuantizeMatMul": {1}, "MatMulInteger": {0, 1},
    "MatMulIntegerToFloat": {1}, "MatMulNBits": {1}, "QAttention": {1}, "QGemm": {3, 6}, "QLinearConv": {3, 8},
    "QLinearMatMul": {0, 3}, "GatherBlockQuantized": {0},
}  # fmt: skip
"""The inputs of operators that take integer weights."""
SETTINGS = {
    "DequantizeLinear": {1}, "DynamicQuantizeMatMul": {2}, "MatMulIntegerToFloat": {2, 3}, "MatMulNBits": {2},
    "QAttention": {3, 4}, "QGemm": {1, 4, 7}, "QLinearConv": {1, 4, 6}, "QLinearMatMul": {1, 4, 6}, "QuantizeLinear": {1},
    "GatherBlockQuantized": {2}, "Clip": {1, 2}, "Dropout": {1}, "NonMaxSuppression": {3, 4}, "OneHot": {2}, "Pad": {2},
    "Range": {0, 1, 2}, "Resize": {1, 2}, "Upsample": {1},
}  # fmt: skip
"""The inputs of operators that take quantization scales or configuration, which are not parameters."""
STATES = {"LSTM": {5, 6}, "GRU": {5}, "RNN": {5}}
"""The inputs of recurrent operators that take the initial state: zeros, unless torch recorded a parameter."""
STATISTICS = {"BatchNormalization": {3, 4}}


@dataclass(frozen=True)
class OnnxParameter:
    """A parameter: name, shape, number of elements, bytes, and whether it is trainable."""

    name: str
    shape: Shape
    size: int
    bytes: int
    trainable: bool


class Parameters:
    """The classification of a file's tensors; ``noted`` is what torch recorded about them."""

    def __init__(self, noted: dict[str, str]) -> None:
        self._noted = noted

    @staticmethod
    def of(graph: GraphProto) -> Parameters:
        """Return what torch recorded about the tensors of a graph; empty if another exporter wrote it."""
        infos: Iterable[Any] = [*graph.value_info, *graph.input]
        noted = {x.name: item.value for x in infos for item in x.metadata_props if item.key == KIND}
        return Parameters({x.name: noted.get(x.name, "") for x in graph.initializer} if any(noted.values()) else {})

    def taken(self, node: NodeProto, index: int, name: str, x: Any, *, constant: bool) -> OnnxParameter | None:
        """Return the parameter that a node takes as that input; None if the tensor is not one."""
        dtype = DTYPES.get(x.data_type, "")
        whole = dtype == "bool" or "int" in dtype
        if (
            not dtype
            or index in SETTINGS.get(node.op_type, ())
            or (whole and index not in QUANTIZED.get(node.op_type, ()))
        ):
            return None
        size = count_of(x)
        if is_state(node, index) and self._noted.get(name) != "PARAMETER":
            return None
        if not whole and size == 1 and self._is_factor(name, x, constant):
            return None
        fixed = self._noted.get(name) in ("BUFFER", "CONSTANT_TENSOR") or index in STATISTICS.get(node.op_type, ())
        return OnnxParameter(name, tuple(x.dims), size, -(-size * BITS[dtype] // 8), not fixed)

    def carried(self, node: NodeProto, index: int, held: list[OnnxParameter]) -> list[OnnxParameter]:
        """Return the parameters behind a computed input that belong to the node: recorded ones at its start."""
        if index in SETTINGS.get(node.op_type, ()):
            return []
        return [p for p in held if not is_state(node, index) or self._noted.get(p.name) == "PARAMETER"]

    def _is_factor(self, name: str, x: Any, constant: bool) -> bool:
        """Whether a single value is a constant of the formula rather than a parameter."""
        if self._noted:
            return self._noted.get(name) not in ("PARAMETER", "BUFFER")
        return constant or not x.dims


def is_state(node: NodeProto, index: int) -> bool:
    """Whether that input of a node is the state it begins with."""
    return index in STATES.get(node.op_type, ())
