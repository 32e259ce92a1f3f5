"""Which tensors of an ONNX graph are parameters, and which node each belongs to.

A parameter is an array of real numbers that the file holds: an initializer, or a Constant of more than one value. One value
alone is a parameter only where torch noted it as one, or where nothing is noted and it is no scalar: an exporter writes
factors and limits in the same way. Integers are parameters where an operator takes them for quantized weights; what
goes with those, scales and zero points, is not, so that a quantized model has as many parameters as the one it was made of;
nor is the state a recurrent operator begins with, which exporters write as zeros.
What torch noted as a buffer, and the mean and variance of a BatchNormalization, is not trainable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core.spec import Shape
from layercli.formats.onnx import DTYPES, count_of
from layercli.formats.weight_file import BITS

KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
QUANTIZED = {
    "ConvInteger": {1}, "DequantizeLinear": {0}, "DynamicQuantizeMatMul": {1}, "MatMulInteger": {0, 1},
    "MatMulIntegerToFloat": {1}, "MatMulNBits": {1}, "QAttention": {1}, "QGemm": {3, 6}, "QLinearConv": {3, 8},
    "QLinearMatMul": {0, 3}, "GatherBlockQuantized": {0},
}  # fmt: skip
"""Where an operator takes integers that are weights."""
SETTINGS = {
    "DequantizeLinear": {1}, "DynamicQuantizeMatMul": {2}, "MatMulIntegerToFloat": {2, 3}, "MatMulNBits": {2},
    "QAttention": {3, 4}, "QGemm": {1, 4, 7}, "QLinearConv": {1, 4, 6}, "QLinearMatMul": {1, 4, 6}, "QuantizeLinear": {1},
    "GatherBlockQuantized": {2}, "Clip": {1, 2}, "Dropout": {1}, "NonMaxSuppression": {3, 4}, "OneHot": {2}, "Pad": {2},
    "Range": {0, 1, 2}, "Resize": {1, 2}, "Upsample": {1},
}  # fmt: skip
"""Where an operator takes the scales of what is quantized, or what sets how it works: these are no parameters."""
STATES = {"LSTM": {5, 6}, "GRU": {5}, "RNN": {5}}
"""Where a recurrent operator takes the state it begins with: zeros, unless torch noted a parameter."""
STATISTICS = {"BatchNormalization": {3, 4}}


@dataclass(frozen=True)
class OnnxParameter:
    """A parameter: its name, its shape, how many values it has, what they take, and whether they are trained."""

    name: str
    shape: Shape
    size: int
    bytes: int
    trainable: bool


class Parameters:
    """What the tensors a file holds are; ``noted`` is what torch said of them."""

    def __init__(self, noted: dict[str, str]) -> None:
        self._noted = noted

    @staticmethod
    def of(graph: Any) -> Parameters:
        """Return what torch noted of the tensors in a graph, nothing where another program wrote it."""
        infos: Iterable[Any] = [*graph.value_info, *graph.input]
        noted = {x.name: item.value for x in infos for item in x.metadata_props if item.key == KIND}
        return Parameters({x.name: noted.get(x.name, "") for x in graph.initializer} if any(noted.values()) else {})

    def taken(self, node: Any, index: int, name: str, x: Any, *, constant: bool) -> OnnxParameter | None:
        """Return the parameter that a tensor is for the node that takes it as that input; None where it is none."""
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

    def carried(self, node: Any, index: int, held: list[OnnxParameter]) -> list[OnnxParameter]:
        """Return which of the parameters that an input was computed of are the node's: where it begins, noted ones."""
        if index in SETTINGS.get(node.op_type, ()):
            return []
        return [p for p in held if not is_state(node, index) or self._noted.get(p.name) == "PARAMETER"]

    def _is_factor(self, name: str, x: Any, constant: bool) -> bool:
        """Whether one value is a number of the formula rather than a parameter."""
        if self._noted:
            return self._noted.get(name) not in ("PARAMETER", "BUFFER")
        return constant or not x.dims


def is_state(node: Any, index: int) -> bool:
    """Whether that input of a node is the state it begins with."""
    return index in STATES.get(node.op_type, ())
