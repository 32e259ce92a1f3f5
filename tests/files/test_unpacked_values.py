"""Packed weights as values: what bitsandbytes, compressed-tensors and transformers made of what they had packed, recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from layercli.cli.main import run
from layercli.errors import FormatError
from layercli.formats.safetensors import SafetensorsFile
from layercli.inspect.packed_weights import packed_weights, quantization_settings
from layercli.inspect.unpacked_file import UnpackedFile
from layercli.sources.resolve import resolve
from tests.models.recording import recorded

REFERENCE = Path(__file__).parent.parent / "reference" / "packed_weights.safetensors"
"""bitsandbytes 0.50.2, compressed-tensors 0.20.1; MXFP4 and blocks of FP8 by transformers 5.24.0."""


def words(**settings):
    return {"quantization_config": {"config_groups": {"group_0": {"weights": settings}}}}


CASES = {
    **{name: {} for name in ("bnb-nf4", "bnb-nf4-nested", "bnb-fp4", "bnb-fp4-nested", "bnb-int8", "nvfp4", "mxfp4")},
    "packed-int4": words(num_bits=4),
    "packed-int4-zeros": words(num_bits=4),
    "packed-int8": words(num_bits=8),
    "scaled-float8_e4m3fn": {"quantization_config": {"weight_block_size": [32, 32]}},
}


class Part:
    """The entries of one case in the file of references, or arrays by name."""

    file = REFERENCE

    def __init__(self, whole, start):
        self.whole = whole
        self.entries = {name: entry for name, entry in whole.entries.items() if name.startswith(start)}

    def read(self, path):
        return self.whole.read(path)


@pytest.mark.parametrize("case", CASES)
def test_a_packed_weight_has_the_values_of_its_own_library(case):
    whole = SafetensorsFile(REFERENCE)
    file = Part(whole, (f"{case}.weight", f"{case}.SCB", f"{case}_"))
    config = CASES[case]
    [weight] = packed_weights(file, config)
    found = UnpackedFile(file, [weight], quantization_settings(config)).read(weight.path)
    wanted = whole.read(f"{case}.=")
    assert found.shape == wanted.shape
    # bitsandbytes gives a nested table's values in the bfloat16 of the original, compressed-tensors pairs of 4 bits too
    tolerance = 2**-8 if case.endswith("nested") or case in ("bnb-int8", "nvfp4") else 1e-6
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


def packed_by_hand(values, bits, order=None):
    """Pack integers (rows, columns) along the columns: each row is one number, the first value in its lowest bits.

    A value of 3 bits may cross into the next word, as AutoGPTQ packs 32 of them in three.
    """
    rows = []
    for row in values:
        given = row if order is None else row.reshape(-1, 8)[:, order].ravel()
        whole = sum(int(value) % 2**bits << bits * place for place, value in enumerate(given))
        rows.append(np.frombuffer(whole.to_bytes(len(given) * bits // 8, "little"), np.int32))
    return np.stack(rows)


@pytest.mark.parametrize(
    ("method", "bits"),
    [("gptq", 2), ("gptq", 3), ("gptq", 4), ("gptq", 8), ("gptq_v2", 4), ("gptq-ordered", 3), ("awq", 4)],
)
def test_words_of_integers_are_scaled_from_their_zeros(method, bits, tmp_path):
    rng = np.random.default_rng(1)
    inputs, outputs, groups = 64, 32, 4
    values, zeros = rng.integers(0, 2**bits, (inputs, outputs)), rng.integers(1, 2**bits, (groups, outputs))
    scales = rng.uniform(0.01, 0.1, (groups, outputs)).astype(np.float16)
    group = np.arange(inputs) // 16 if method != "gptq-ordered" else rng.permutation(np.arange(inputs) % groups)
    order = [0, 2, 4, 6, 1, 3, 5, 7] if method == "awq" else None
    less = 1 if method in ("gptq", "gptq-ordered") else 0
    packed = packed_by_hand(values, bits, order) if method == "awq" else packed_by_hand(values.T, bits).T.copy()
    entries = {"p.qweight": packed, "p.qzeros": packed_by_hand(zeros - less, bits, order), "p.scales": scales}
    if method != "awq":
        entries["p.g_idx"] = group.astype(np.int32)
    checkpoint_format = "gptq_v2" if method == "gptq_v2" else "gptq"
    found = read_back(entries, {"bits": bits, "checkpoint_format": checkpoint_format}, tmp_path)
    wanted = scales.astype(np.float32)[group] * (values - zeros[group])
    assert np.array_equal(found, wanted.T.astype(np.float32))


def read_back(entries, settings, folder):
    """The values of the one packed weight that the entries are."""
    save_file(entries, folder / "x.safetensors")
    file = SafetensorsFile(folder / "x.safetensors")
    config = {"quantization_config": settings}
    [weight] = packed_weights(file, config)
    return UnpackedFile(file, [weight], quantization_settings(config)).read("p.weight")


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
def test_mlx_scales_groups_and_adds_a_bias(bits, tmp_path):
    rng = np.random.default_rng(2)
    values, (scales, biases) = rng.integers(0, 2**bits, (8, 128)), rng.standard_normal((2, 8, 2)).astype(np.float16)
    packed = packed_by_hand(values, bits).view(np.uint32)
    found = read_back(
        {"p.weight": packed, "p.scales": scales, "p.biases": biases}, {"p": {"bits": bits, "group_size": 64}}, tmp_path
    )
    wanted = np.float32(scales).repeat(64, 1) * values + np.float32(biases).repeat(64, 1)
    assert np.array_equal(found, np.float32(wanted))


@pytest.mark.parametrize(("bits", "axis"), [(8, 1), (4, 1), (4, 0), (3, 1), (2, 0), (1, 1)])
def test_hqq_packs_distant_rows_of_the_groups_together(bits, axis, tmp_path):
    rng = np.random.default_rng(3)
    shape, size = (16, 48), 32
    groups = 16 * 48 // size
    values = rng.integers(0, 2**bits, (groups, size) if axis == 1 else (size, groups))
    scale, zero = rng.uniform(0.01, 2, (2, *((groups, 1) if axis == 1 else (1, groups)))).astype(np.float16)
    per_word, kind = (10, np.int32) if bits == 3 else (8 // bits, np.uint8)
    step = -(-len(values) // per_word)
    padded = np.vstack([values, np.zeros((step * per_word - len(values), values.shape[1]), np.int64)])
    packed = sum(padded[i * step : (i + 1) * step] << bits * (per_word - 1 - i) for i in range(per_word)).astype(kind)
    entries = {"p.W_q": packed, "p.scale": scale, "p.zero": zero}
    beside = {"nbits": [bits], "group_size": [size], "shape": shape, "axis": [axis]}
    entries |= {f"p.{name}": np.array(value, np.int32) for name, value in beside.items()}
    wanted = (np.float32(scale) * (values - np.float32(zero))).reshape(shape)
    assert np.array_equal(read_back(entries, {"quant_method": "hqq"}, tmp_path), np.float32(wanted))


def test_aqlm_adds_the_entries_of_its_codebooks(tmp_path):
    rng = np.random.default_rng(4)
    books, scales = (
        rng.standard_normal((2, 256, 1, 8)).astype(np.float16),
        rng.uniform(1, 2, (6, 1, 1, 1)).astype(np.float16),
    )
    codes = rng.integers(-128, 128, (6, 3, 2)).astype(np.int8)
    found = read_back({"p.codes": codes, "p.codebooks": books, "p.scales": scales}, {"quant_method": "aqlm"}, tmp_path)
    for row in range(6):
        for column in range(3):
            first, second = (int(code) % 256 for code in codes[row, column])
            wanted = (np.float32(books[0, first, 0]) + np.float32(books[1, second, 0])) * np.float32(scales[row].item())
            assert np.allclose(found[row, 8 * column : 8 * column + 8], wanted, rtol=1e-6, atol=0)


def test_quanto_scales_rows_of_8_bits_and_hides_the_shape_of_fewer(tmp_path):
    rng = np.random.default_rng(5)
    values, scale = rng.integers(-128, 128, (6, 10)).astype(np.int8), rng.uniform(0.1, 1, (6, 1)).astype(np.float32)
    found = read_back({"p.weight._data": values, "p.weight._scale": scale}, {"quant_method": "quanto"}, tmp_path)
    assert np.array_equal(found, values * scale)
    entries = {"p.weight._data": values.view(np.uint8), "p.weight._scale": scale, "p.weight._shift": scale}
    message = r"'p.weight' \(quanto-int4\) cannot be unpacked: the shape of its values of less than 8 bits is not in the file$"
    with pytest.raises(FormatError, match=message):
        read_back(entries, {"quant_method": "quanto"}, tmp_path)


@pytest.fixture
def quantized(tmp_path):
    """The tiny llama with its matrices in rows of int8, and the same with the values that those stand for."""
    folder, plain = tmp_path / "int8", tmp_path / "plain"
    for copy in (folder, plain):
        shutil.copytree(recorded("llama"), copy)
    arrays, packed, values = load_file(folder / "model.safetensors"), {}, {}
    for name, array in arrays.items():
        if name.endswith("_proj.weight"):
            largest = np.abs(array).max(1).astype(np.float32)
            integers = np.rint(array / largest[:, None] * 127).astype(np.int8)
            packed |= {name: integers, name.replace("weight", "SCB"): largest}
            values[name] = integers * (largest / np.float32(127))[:, None]
        else:
            packed[name] = values[name] = array
    save_file(packed, folder / "model.safetensors")
    save_file(values, plain / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    settings = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    return folder, plain


@pytest.mark.parametrize("offload", [False, True])
def test_a_quantized_folder_runs_as_what_it_stands_for(quantized, offload):
    ids = np.array([[3, 4, 5, 6]])
    packed, plain = (resolve(str(each)).prepare(ids, offload=offload) for each in quantized)
    [(_, found)], [(_, wanted)] = (each.outputs(each.place(ids)) for each in (packed, plain))
    assert torch.equal(found, wanted)


def test_what_cannot_be_unpacked_is_one_sentence(quantized, capsys):
    folder, _ = quantized
    arrays = load_file(folder / "model.safetensors")
    name = "model.layers.0.mlp.up_proj"
    for changed, message in (
        ({f"{name}.weight_format": np.array(1, np.uint8)}, "its rows are in the order of a GPU's tiles"),
        ({f"{name}.SCB": arrays[f"{name}.SCB"].reshape(1, -1)}, None),
    ):
        save_file({**arrays, **changed}, folder / "model.safetensors")
        code, _, err = run(["run", str(folder), "--at", "T=3"]), *capsys.readouterr()
        assert (code, err.count("\n")) == (2, 1)
        if message:
            file = folder / "model.safetensors"
            assert err == f"error: {file}: '{name}.weight' (bnb-int8) cannot be unpacked: {message}\n"
