"""What operators of ONNX multiply, in graphs made by hand: each figure worked out beside it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_graphs import array, tensor, written

from layercli.core.dims import UNKNOWN
from layercli.inspect.onnx.summary import summarize_onnx

node = helper.make_node


def costs(tmp_path, nodes, inputs, held=(), **how):
    """Return the summary of nodes of which the last gives y."""
    path = written(tmp_path / "net.onnx", nodes, inputs, [tensor("y", None)], held, **how)
    return summarize_onnx(path, [], [])


MICROSOFT = {"domain": "com.microsoft"}
ONE_NODE = [
    # conv: batch 2 x places 5 * 5 x kernel 4 * 3 * 3 * 3
    (node("Conv", ["x", "w"], ["y"]), {"x": (2, 3, 7, 7)}, {"w": (4, 3, 3, 3)}, 2 * 25 * 108, (2, 4, 5, 5)),
    (node("Conv", ["x", "w"], ["y"], group=3, pads=[1, 1]), {"x": (2, 3, 7)}, {"w": (6, 1, 3)}, 2 * 7 * 18, (2, 6, 7)),
    (node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]), {"x": (2, 3, 7, 7)}, {"w": (3, 4, 3, 3)},
     2 * 49 * 108, (2, 4, 15, 15)),
    (node("Gemm", ["x", "w"], ["y"], transB=1), {"x": (5, 7)}, {"w": (3, 7)}, 105, (5, 3)),
    (node("Gemm", ["x", "w"], ["y"], transA=1), {"x": (7, 5)}, {"w": (7, 3)}, 105, (5, 3)),
    (node("MatMul", ["x", "z"], ["y"]), {"x": (4, 1, 5, 7), "z": (3, 7, 2)}, {}, 4 * 3 * 5 * 2 * 7, (4, 3, 5, 2)),
    (node("MatMul", ["x", "z"], ["y"]), {"x": (7,), "z": (7,)}, {}, 7, ()),
    (node("Einsum", ["x", "z"], ["y"], equation="bij,bjk->bik"), {"x": (2, 3, 4), "z": (2, 4, 5)}, {}, 120, (2, 3, 5)),
    (node("Einsum", ["x", "z"], ["y"], equation="ij,jk"), {"x": (3, 4), "z": (4, 5)}, {}, 60, (3, 5)),
    (node("Einsum", ["x"], ["y"], equation="ij->ji"), {"x": (3, 4)}, {}, 0, (4, 3)),
    # lstm: steps 7 x batch 2 x (4 gates x 5 units x (3 features + 5 units)), both ways
    (node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5, direction="bidirectional"), {"x": (7, 2, 3)},
     {"w": (2, 20, 3), "r": (2, 20, 5)}, 7 * 2 * 2 * 160, (7, 2, 2, 5)),
    (node("GRU", ["x", "w", "r"], ["y"], hidden_size=5), {"x": (7, 2, 3)}, {"w": (1, 15, 3), "r": (1, 15, 5)},
     7 * 2 * 120, (7, 1, 2, 5)),
    (node("RNN", ["x", "w", "r"], ["y"], hidden_size=5), {"x": (7, 2, 3)}, {"w": (1, 5, 3), "r": (1, 5, 5)},
     7 * 2 * 40, (7, 1, 2, 5)),
    # attention: batch 2 x heads 4 x targets 3 x sources 6 x (features 8 + depth 8)
    (node("Attention", ["x", "z", "v"], ["y"], q_num_heads=4, kv_num_heads=2),
     {"x": (2, 3, 32), "z": (2, 6, 16), "v": (2, 6, 16)}, {}, 2 * 4 * 3 * 6 * 16, (2, 3, 32)),
    (node("Attention", ["x", "z", "v"], ["y"]), {"x": (2, 4, 3, 8), "z": (2, 4, 6, 8), "v": (2, 4, 6, 5)}, {},
     2 * 4 * 3 * 6 * 13, (2, 4, 3, 5)),
    (node("FusedConv", ["x", "w"], ["y"], activation="Relu", **MICROSOFT), {"x": (2, 3, 7, 7)}, {"w": (4, 3, 3, 3)},
     2 * 25 * 108, (2, 4, 5, 5)),
    (node("FusedMatMul", ["x", "z"], ["y"], transB=1, **MICROSOFT), {"x": (2, 5, 7), "z": (2, 3, 7)}, {}, 210, (2, 5, 3)),
    (node("MatMulNBits", ["x", "w"], ["y"], K=64, N=10, bits=4, block_size=32, **MICROSOFT), {"x": (2, 5, 64)},
     {"w": (10, 2, 16)}, 6400, (2, 5, 10)),
    (node("Attention", ["x", "w"], ["y"], num_heads=4, **MICROSOFT), {"x": (2, 5, 8)}, {"w": (8, 24)},
     2 * 5 * 8 * 24 + 2 * 5 * 5 * 16, (2, 5, 8)),
    (node("MultiHeadAttention", ["x", "z", "v"], ["y"], num_heads=4, **MICROSOFT),
     {"x": (2, 3, 8), "z": (2, 6, 8), "v": (2, 6, 12)}, {}, 2 * 3 * 6 * 20, (2, 3, 12)),
    (node("SkipLayerNormalization", ["x", "x", "g"], ["y"], **MICROSOFT), {"x": (2, 3, 8)}, {"g": (8,)}, 0, (2, 3, 8)),
    # quantized operators, with the shapes that onnxruntime gives
    (node("QLinearAdd", ["x", "s", "s", "w", "s", "s", "s"], ["y"], **MICROSOFT), {"x": (3, 1)},
     {"w": (2, 3, 4), "s": ()}, 0, (2, 3, 4)),
    (node("QLinearConcat", ["s", "s", "x", "s", "s", "z", "s", "s"], ["y"], axis=-1, **MICROSOFT),
     {"x": (2, 3), "z": (2, 5)}, {"s": ()}, 0, (2, 8)),
    (node("QLinearGlobalAveragePool", ["x", "s", "s", "s", "s"], ["y"], **MICROSOFT), {"x": (2, 3, 4, 5)}, {"s": ()}, 0,
     (2, 3, 1, 1)),
    (node("QLinearAveragePool", ["x", "s", "s", "s"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 0],
          **MICROSOFT), {"x": (2, 3, 8, 8)}, {"s": ()}, 0, (2, 3, 4, 3)),
    (node("QLinearReduceMean", ["x", "s", "s", "s", "s"], ["y"], axes=[-1], keepdims=0, **MICROSOFT), {"x": (2, 3, 4)},
     {"s": ()}, 0, (2, 3)),
    (node("QGemm", ["x", "s", "s", "w", "s", "s"], ["y"], transB=1, **MICROSOFT), {"x": (2, 6)},
     {"w": (5, 6), "s": ()}, 60, (2, 5)),
    (node("QAttention", ["x", "w", "b", "s", "s"], ["y"], num_heads=2, **MICROSOFT), {"x": (2, 7, 8)},
     {"w": (8, 24), "b": (24,), "s": ()}, 2 * 7 * 8 * 24 + 2 * 2 * 7 * 7 * 8, (2, 7, 8)),
    (node("GroupQueryAttention", ["x", "z", "v"], ["y"], num_heads=4, kv_num_heads=2, **MICROSOFT),
     {"x": (2, 7, 32), "z": (2, 7, 16), "v": (2, 7, 16)}, {}, 2 * 2 * 7 * 7 * 32, (2, 7, 32)),
    (node("Softmax", ["x"], ["y"]), {"x": (2, 3)}, {}, 0, (2, 3)),
    (node("NhwcConv", ["x", "w"], ["y"], **MICROSOFT), {"x": (2, 7, 7, 3)}, {"w": (4, 3, 3, 3)}, UNKNOWN, None),
    (node("Odd", ["x"], ["y"], domain="mine"), {"x": (2, 3)}, {}, UNKNOWN, None),
    (node("MatMul", ["x", "z"], ["y"]), {"x": (5, 7), "z": (3, 2)}, {}, UNKNOWN, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "inputs", "held", "macs", "shape"),
    ONE_NODE,
    ids=[f"{each[0].op_type}{i}" for i, each in enumerate(ONE_NODE)],
)
def test_one_node(tmp_path, made, inputs, held, macs, shape):
    summary = costs(
        tmp_path,
        [made],
        [tensor(name, shape) for name, shape in inputs.items()],
        [array(name, shape) for name, shape in held.items()],
        opset=23,
        domains=[made.domain] if made.domain else [],
    )
    [row] = summary.rows
    assert summary.totals.macs == row.macs == macs
    assert row.output_shape == shape
    assert [spec.shape for _, spec in summary.outputs] == ([] if shape is None else [shape])


def test_quantized_weights_count_and_what_scales_them_does_not(tmp_path):
    whole = {"dtype": "uint8"}
    nodes = [
        node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        node("ConvInteger", ["q", "w", "zero", "wz"], ["i"]),
        node("DequantizeLinear", ["w8", "s", "z8"], ["d"], axis=0),
        node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        node("Conv", ["f", "d", "b"], ["c"]),
        node("QuantizeLinear", ["c", "s1", "z"], ["qc"]),
        node("QLinearConv", ["qc", "s1", "z", "qw", "s1", "z", "s1", "z", "qb"], ["qo"]),
        node("QLinearMatMul", ["qo", "s1", "z", "m", "s1", "z", "s1", "z"], ["qm"]),
        node("MatMulInteger", ["qm", "m2"], ["y"]),
    ]
    held = [
        array("w", (4, 3, 1, 1), **whole), array("wz", (), **whole), array("w8", (5, 4, 1, 1), "int8"), array("s", (5,)),
        array("z8", (5,), "int8"), array("b", (5,)), array("s1", ()), array("z", (), **whole),
        array("qw", (6, 5, 1, 1), **whole), array("qb", (6,), "int32"), array("m", (8, 7), **whole), array("m2", (7, 9), **whole),
    ]  # fmt: skip
    summary = costs(tmp_path, nodes, [tensor("x", (2, 3, 8, 8))], held)
    assert [(row.cls, row.parameters, row.macs) for row in summary.rows] == [
        ("DynamicQuantizeLinear", 0, 0), ("ConvInteger", 12, 2 * 64 * 12), ("Cast", 0, 0), ("Conv", 25, 2 * 64 * 20),
        ("QuantizeLinear", 0, 0), ("QLinearConv", 36, 2 * 64 * 30), ("QLinearMatMul", 56, 2 * 6 * 8 * 7 * 8),
        ("MatMulInteger", 63, 2 * 6 * 8 * 9 * 7),
    ]  # fmt: skip
    assert summary.totals.bytes == 12 + 20 + 5 * 4 + 30 + 6 * 4 + 56 + 63


def branch(op, held=()):
    inputs = ["x", held[0].name] if held else ["x"]
    return helper.make_graph([node(op, inputs, ["out"])], "branch", [], [tensor("out", None)], list(held))


def test_bodies(tmp_path):
    nodes = [node("If", ["on"], ["y"], then_branch=branch("Relu"), else_branch=branch("Sigmoid"))]
    inputs = [tensor("x", (2, 3)), tensor("on", (), TensorProto.BOOL)]
    assert costs(tmp_path, nodes, inputs).totals.macs == 0
    inner = branch("MatMul", [array("w", (3, 5))])
    nodes = [node("If", ["on"], ["y"], then_branch=branch("Relu"), else_branch=inner)]
    summary = costs(tmp_path, nodes, inputs)
    assert (summary.totals.macs, summary.totals.parameters) == (UNKNOWN, 15)


def test_functions_are_put_in_where_they_are_called(tmp_path):
    function = helper.make_function(
        "mine", "Dense", ["x", "w"], ["out"], [node("MatMul", ["x", "w"], ["m"]), node("Relu", ["m"], ["out"])],
        [helper.make_opsetid("", 20)],
    )  # fmt: skip
    nodes = [node("Dense", ["x", "w"], ["a"], domain="mine"), node("Dense", ["a", "w"], ["y"], domain="mine")]
    summary = costs(
        tmp_path, nodes, [tensor("x", (2, 3))], [array("w", (3, 3))], domains=["mine"], functions=[function]
    )
    assert (summary.totals.macs, summary.totals.parameters) == (36, 9)
    assert [(row.cls, row.parameters, row.shared) for row in summary.rows] == [
        ("MatMul", 9, False), ("Relu", 0, False), ("MatMul", 0, True), ("Relu", 0, False)
    ]  # fmt: skip


def test_sizes_are_computed_where_the_graph_computes_them(tmp_path):
    """Three quarters of the steps, by a slice whose end is computed, then a reshape to half the features."""
    nodes = [
        node("Shape", ["x"], ["sizes"]),
        node("Gather", ["sizes", "one"], ["steps"]),
        node("Mul", ["steps", "three"], ["thrice"]),
        node("Div", ["thrice", "four"], ["end"]),
        node("Slice", ["x", "zero", "end", "one"], ["part"]),
        node("Concat", ["two", "rest"], ["target"], axis=0),
        node("Reshape", ["part", "target"], ["r"]),
        node("MatMul", ["r", "w"], ["y"]),
    ]
    numbers = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4}
    held = [array("w", (4, 5))]
    from onnx import numpy_helper

    held += [numpy_helper.from_array(np.array([n]), name) for name, n in numbers.items()]
    held += [numpy_helper.from_array(np.array([-1, 4]), "rest")]
    summary = costs(tmp_path, nodes, [tensor("x", (2, 8, 8))], held)
    assert [(row.cls, row.output_shape, row.parameters) for row in summary.rows] == [
        ("Slice", (2, 6, 8), 0), ("Reshape", (2, 12, 4), 0), ("MatMul", (2, 12, 5), 20)
    ]  # fmt: skip
    assert summary.totals.macs == 2 * 12 * 5 * 4


def test_what_a_batch_normalization_measures_is_not_trained(tmp_path):
    held = [array(name, (3,)) for name in ("scale", "bias", "mean", "var")]
    nodes = [node("BatchNormalization", ["x", "scale", "bias", "mean", "var"], ["y"])]
    totals = costs(tmp_path, nodes, [tensor("x", ("N", 3, 5))], held).totals
    assert (totals.parameters, totals.trainable, totals.non_trainable) == (12, 6, 6)


def test_numbers_of_a_formula_are_no_parameters(tmp_path):
    nodes = [
        node("Mul", ["x", "half"], ["a"]),
        node("Add", ["a", "bias"], ["b"]),
        node("Resize", ["b", "", "scales"], ["y"]),
        node("Constant", [], ["table"], value=array("", (1, 4))),
        node("Add", ["y", "table"], ["z"]),
    ]
    held = [array("half", ()), array("bias", (1,)), array("scales", (2,))]
    path = written(tmp_path / "net.onnx", nodes, [tensor("x", (2, 4))], [tensor("z", (2, 4))], held)
    summary = summarize_onnx(path, [], [])
    assert [(row.cls, row.parameters) for row in summary.rows] == [("Mul", 0), ("Add", 1), ("Resize", 0), ("Add", 4)]
