"""Packed weights as values: what bitsandbytes, compressed-tensors and transformers made of what they had packed, recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from layercli.cli.main import run
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
    """Pack integers (rows, columns) along the columns, value by value, from the lowest bits of each word."""
    rows, columns = values.shape
    found = np.zeros((rows, columns * bits // 32), np.uint32)
    for row in range(rows):
        for column in range(columns):
            of_word, place = divmod(column, 32 // bits)
            source = column if order is None else 8 * of_word + order[place]
            found[row, of_word] |= np.uint32(int(values[row, source]) << (bits * place))
    return found.view(np.int32)


@pytest.mark.parametrize("method", ["gptq", "gptq_v2", "gptq-ordered", "awq"])
def test_words_of_integers_are_scaled_from_their_zeros(method, tmp_path):
    rng = np.random.default_rng(1)
    inputs, outputs, groups = 32, 16, 4
    values, zeros = rng.integers(0, 16, (inputs, outputs)), rng.integers(1, 16, (groups, outputs))
    scales = rng.uniform(0.01, 0.1, (groups, outputs)).astype(np.float16)
    group = np.arange(inputs) // 8 if method != "gptq-ordered" else rng.permutation(np.arange(inputs) % groups)
    order = [0, 2, 4, 6, 1, 3, 5, 7] if method == "awq" else None
    less = 1 if method in ("gptq", "gptq-ordered") else 0
    packed = packed_by_hand(values, 4, order) if method == "awq" else packed_by_hand(values.T, 4).T.copy()
    entries = {"p.qweight": packed, "p.qzeros": packed_by_hand(zeros - less, 4, order), "p.scales": scales}
    if method != "awq":
        entries["p.g_idx"] = group.astype(np.int32)
    save_file(entries, tmp_path / "x.safetensors")
    file = SafetensorsFile(tmp_path / "x.safetensors")
    config = {"quantization_config": {"bits": 4, "checkpoint_format": "gptq_v2" if method == "gptq_v2" else "gptq"}}
    [weight] = packed_weights(file, config)
    found = UnpackedFile(file, [weight], quantization_settings(config)).read("p.weight")
    wanted = scales.astype(np.float32)[group] * (values - zeros[group])
    assert np.array_equal(found, wanted.T.astype(np.float32))


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
