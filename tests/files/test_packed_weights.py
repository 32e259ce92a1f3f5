"""Quantized checkpoints in the layouts of their writers: what their packed tensors stand for."""

import json
import math
import re

import numpy as np
import pytest

from layercli.formats.weight_file import TensorEntry
from layercli.inspect.dtype_totals import totals_of
from layercli.inspect.packed_weights import packed_weights, unpacked_entries
from layercli.inspect.variables import of_file
from layercli.inspect.weight_summary import summarize_file, weights_graph
from layercli.sources.diff import diff_sources
from layercli.sources.weights import WeightsSource

STATE = "p.weight.quant_state.bitsandbytes__nf4"


class Described:
    """A file of which the header matters, and the values of a few small entries."""

    file = "model.safetensors"

    def __init__(self, entries, values=None):
        self.entries = {name: TensorEntry(name, shape, dtype) for name, (shape, dtype) in entries.items()}
        self.values = values or {}

    def read(self, path):
        return self.values[path]


def quantized(**entries):
    """The entries of a layer p, its bias, and a norm that is not quantized."""
    given = {f"p.{re.sub('^weight__', 'weight.', name)}": value for name, value in entries.items()}
    return {**given, "p.bias": ((96,), "float16"), "norm.weight": ((128,), "float32")}


STATE_JSON = json.dumps({"blocksize": 64, "dtype": "float16", "shape": [96, 128]}).encode()
CASES = {
    # a weight of 96 outputs and 128 inputs, as each tool stores it
    "gptq-int4": (quantized(qweight=((16, 96), "int32"), qzeros=((1, 12), "int32"), scales=((1, 96), "float16"),
                            g_idx=((128,), "int32")), {}, None),
    "gptq-int3": (quantized(qweight=((12, 96), "int32"), qzeros=((1, 9), "int32"), scales=((1, 96), "float16")), {}, None),
    "gptq-int8": (quantized(qweight=((32, 96), "int32"), scales=((1, 96), "float16")), {},
                  {"quantization_config": {"quant_method": "gptq", "bits": 8}}),
    "awq-int4": (quantized(qweight=((128, 12), "int32"), qzeros=((1, 12), "int32"), scales=((1, 96), "float16")), {}, None),
    "bnb-nf4": (quantized(weight=((6144, 1), "uint8"), weight__absmax=((192,), "uint8"), weight__quant_map=((16,), "float32"),
                          weight__nested_absmax=((1,), "float32"), weight__nested_quant_map=((256,), "float32"),
                          **{"weight.quant_state.bitsandbytes__nf4": ((len(STATE_JSON),), "uint8")}),
                {STATE: np.frombuffer(STATE_JSON, np.uint8)}, None),
    "bnb-int8": (quantized(weight=((96, 128), "int8"), SCB=((96,), "float32"), weight_format=((), "uint8")), {}, None),
    "packed-int4": (quantized(weight_packed=((96, 16), "int32"), weight_scale=((96, 1), "bfloat16"), weight_shape=((2,), "int64")),
                    {"p.weight_shape": np.array([96, 128])}, None),
    "packed-int8": (quantized(weight_packed=((96, 32), "int32"), weight_scale=((96, 1), "bfloat16")), {},
                    {"quantization_config": {"config_groups": {"group_0": {"weights": {"num_bits": 8}}}}}),
    "scaled-float8_e4m3fn": (quantized(weight=((96, 128), "float8_e4m3fn"), weight_scale_inv=((1, 1), "float32"),
                                       input_scale=((), "float32")), {}, None),
    "scaled-int8": (quantized(weight=((96, 128), "int8"), weight_scale=((96, 1), "bfloat16")), {}, None),
    "nvfp4": (quantized(weight=((96, 64), "uint8"), weight_scale=((96, 8), "float8_e4m3fn"), weight_scale_2=((), "float32"),
                        input_scale=((), "float32")), {}, None),
    "nvfp4 ": (quantized(weight_packed=((96, 64), "uint8"), weight_scale=((96, 8), "float8_e4m3fn"),
                         weight_global_scale=((1,), "float32"), input_global_scale=((1,), "float32")), {}, None),
    "mxfp4": (quantized(weight_packed=((96, 64), "uint8"), weight_scale=((96, 4), "uint8")), {}, None),
    "mxfp4 ": (quantized(weight_blocks=((96, 4, 16), "uint8"), weight_scales=((96, 4), "uint8")), {}, None),
    "mlx-int4": (quantized(weight=((96, 16), "uint32"), scales=((96, 2), "float16"), biases=((96, 2), "float16")), {}, None),
    "mlx-int8": (quantized(weight=((96, 32), "uint32"), scales=((96, 4), "float16"), biases=((96, 4), "float16")), {},
                 {"quantization": {"bits": 8, "group_size": 32}}),
    "quanto-int8": (quantized(**{"weight._data": ((96, 128), "int8"), "weight._scale": ((96, 1), "float32"),
                                 "input_scale": ((), "float32")}), {}, None),
    "hqq-int4": (quantized(W_q=((48, 128), "uint8"), scale=((1, 192), "float16"), zero=((1, 192), "float16"),
                           nbits=((), "int64"), shape=((2,), "int64")),
                 {"p.nbits": np.array(4), "p.shape": np.array([96, 128])}, None),
    "hqq-int3": (quantized(W_q=((13, 96), "int32"), scale=((1, 96), "float16"), zero=((1, 96), "float16"),
                           nbits=((), "int64"), shape=((2,), "int64")),
                 {"p.nbits": np.array(3), "p.shape": np.array([96, 128])}, None),
    "eetq-int8": (quantized(weight=((128, 96), "int8"), weight_scales=((96,), "float16")), {}, None),
    "vptq": (quantized(indices=((1, 12, 96), "int32"), perm=((128,), "int16"), weight_scale=((128,), "float16"),
                       weight_bias=((128,), "float16"), **{"centroids.weight": ((1, 524288), "float16"),
                       "res_centroids.weight": ((1, 2048), "float16")}), {},
             {"quantization_config": {"quant_method": "vptq", "config_for_layers": {
                 "p": {"in_features": 128, "out_features": 96, "vector_lens": [-1, 8]}}}}),
    "torchao-float8_e4m3fn": (quantized(_weight_qdata=((96, 128), "float8_e4m3fn"), _weight_scale=((96, 1), "float32")), {}, None),
    "torchao-int8": (quantized(_weight_qdata=((96, 128), "int8"), _weight_scale=((96, 1), "float32")), {}, None),
    "torchao-int4": (quantized(_weight_qdata=((96, 16), "int32"), _weight_scale=((1, 96), "bfloat16"),
                               _weight_zero_point=((1, 96), "int8")), {}, None),
    "eetq-int8 ": (quantized(qweight=((128, 96), "int8"), weight_scales=((96,), "float16")), {}, None),
    "aqlm": (quantized(codes=((96, 16, 2), "int8"), codebooks=((2, 256, 1, 8), "float16"), scales=((96, 1, 1, 1), "float16")),
             {}, None),
}  # fmt: skip


@pytest.mark.parametrize("dtype", CASES)
def test_a_packed_weight_counts_as_what_it_stands_for(dtype):
    entries, values, config = CASES[dtype]
    file = Described(entries, values)
    [weight] = packed_weights(file, config)
    assert (weight.path, weight.shape, weight.dtype) == ("p.weight", (96, 128), dtype.strip())
    stored = sum(entry.bytes for entry in file.entries.values())
    summary, graph, listed = summarize_file(file, config), weights_graph(file, config), of_file(file, config)
    assert summary.totals.parameters == listed.parameters == 96 * 128 + 96 + 128
    assert sum(value.spec.size for value in graph.variables_below()) == 96 * 128 + 96 + 128
    assert summary.totals.bytes == listed.bytes == sum(value.bytes for value in graph.variables_below()) == stored
    assert summary.dtypes == listed.dtypes
    assert {row.path: row.variables for row in summary.rows}["p"] == {"weight": (96, 128), "bias": (96,)}
    total = summary.dtypes[0]
    assert (total.dtype, total.parameters, total.bytes) == (dtype.strip(), 96 * 128, stored - 96 * 2 - 128 * 4)
    assert total.overhead == total.bytes - file.entries[weight.values].bytes
    assert total.bits == 8 * total.bytes / (96 * 128)
    assert {row.path for row in listed.rows if row.kind == "overhead"} == set(weight.overhead)


@pytest.mark.parametrize(("bits", "rows"), [(2, 24), (4, 48)])
def test_quanto_below_8_bits_hides_the_shape_and_not_the_number_of_values(bits, rows):
    packed = {"p.weight._data._data": ((rows, 128), "uint8")}
    scales = {f"p.weight.{name}": ((96, 1), "float32") for name in ("_scale", "_shift")}
    [weight] = packed_weights(Described({**packed, **scales, "p.input_scale": ((), "float32")}))
    assert (weight.path, weight.shape, weight.dtype) == ("p.weight", (96 * 128,), f"quanto-int{bits}")
    assert set(weight.overhead) == {*scales, "p.input_scale"}


@pytest.mark.parametrize(
    "entries",
    [
        {"p.weight": ((96, 128), "float16"), "p.weight_scale": ((96,), "float16")},  # a weight norm
        {"p.qweight": ((96, 128), "float16"), "p.scales": ((1, 96), "float16")},
        {"p.qweight": ((16, 96), "int32")},
        {"p.weight": ((6, 7), "uint32"), "p.scales": ((6, 5), "float16")},
        {"norm_scale": ((128,), "float32"), "p.input_scale": ((), "float32")},
        {"p_blocks": ((96, 4, 8), "uint8"), "p_scales": ((96, 4), "uint8")},
        {"p.weight_packed": ((96, 16), "int32")},
        {"p.weight": ((), "uint8"), "p.weight_scale": ((), "float8_e4m3fn"), "p.weight_scale_2": ((), "float32")},
        {"p.codes": ((9,), "int8"), "p.codebooks": ((2, 3), "float16")},
    ],
)
def test_other_tensors_count_as_they_are(entries):
    file = Described(entries)
    assert packed_weights(file) == []
    assert unpacked_entries(file.entries, []) == file.entries
    assert of_file(file).parameters == sum(math.prod(shape) for shape, _ in entries.values())


@pytest.mark.parametrize(
    ("stored", "told", "form"),
    [
        (
            ((12, 1, 32, 4), "int32"),
            {"_type": "Int4TilePackedTo4dTensor", "_data": {"shape": [96, 128]}},
            ((96, 128), "int4"),
        ),
        (
            ((12, 1, 32, 4), "int32"),
            {"_type": "Int4TilePackedTo4dTensor", "_data": {"shape": [96, 129]}},
            ((12288,), "int4"),
        ),
        (((96, 64), "int8"), {"_type": "Int4Tensor", "_data": {"shape": [96, 128]}}, ((96, 128), "int4")),
        (((96, 64), "uint8"), {"_type": "NVFP4Tensor", "_data": {"block_size": 16}}, ((96, 128), "nvfp4")),
    ],
)
def test_torchao_says_in_the_metadata_what_a_tensor_is(stored, told, form):
    file = Described({"p._weight_qdata": stored, "p._weight_scale": ((1, 96), "bfloat16")})
    file.metadata = {"p.weight": json.dumps(told)}
    [weight] = packed_weights(file)
    assert (weight.path, weight.shape, weight.dtype) == ("p.weight", form[0], f"torchao-{form[1]}")


DEEP = "[" * 4000 + "]" * 4000
"""JSON that Python's parser cannot read: it calls itself for each level."""


def test_torchao_metadata_that_cannot_be_read_say_nothing():
    file = Described({"p._weight_qdata": ((96, 128), "int8"), "p._weight_scale": ((96, 1), "float32")})
    for text in (DEEP, "{", "[]"):
        file.metadata = {"p.weight": text}
        [weight] = packed_weights(file)
        assert (weight.shape, weight.dtype) == ((96, 128), "torchao-int8")


def test_a_state_that_does_not_fit_leaves_the_shape_flat():
    entries, _, _ = CASES["bnb-nf4"]
    for state in (b"{", b"[]", b'{"shape": [5, 5]}', b'{"shape": ["x"]}', b"\xff", DEEP.encode()):
        file = Described({**entries, STATE: ((len(state),), "uint8")}, {STATE: np.frombuffer(state, np.uint8)})
        [weight] = packed_weights(file)
        assert weight.shape == (96 * 128,)


def test_entries_with_the_same_data_count_once():
    entries = {"a": TensorEntry("a", (4,), "float32"), "b": TensorEntry("b", (4,), "float32", same_as="a")}
    [total] = totals_of(entries, [])
    assert (total.parameters, total.bytes, total.bits) == (4, 16, 32)


def test_diff_matches_a_quantized_file_with_the_original():
    original = Described(
        {"p.weight": ((96, 128), "float16"), "p.bias": ((96,), "float16"), "norm.weight": ((128,), "float32")}
    )
    file = Described(CASES["gptq-int4"][0])
    found = diff_sources(WeightsSource(original, "a"), WeightsSource(file, "b"))
    assert found.to_json()["verdict"] == "different: 1 variable quantized float16 -> gptq-int4"
    again = diff_sources(WeightsSource(file, "a"), WeightsSource(Described(CASES["gptq-int4"][0]), "b"))
    assert again.same
    assert [pair.a.path for pair in again.matching.pairs] == list(file.entries)
