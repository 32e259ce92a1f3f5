"""GPTQ and AWQ against Keras: integers, scales, zero points and outputs, with Keras's hooks called (tests/keras_calibration.py)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Model, dtype_policies, layers, quantizers
from layercli.errors import LayercliError, UsageError
from layercli.quantizers.calibrated import ranges, rounded
from tests.keras_calibration import CASES, RECORD, TOKENS, Tokenizer, answer, model_of, quantized
from tests.keras_torch import on_torch

KERAS = json.loads(RECORD.read_text())


@pytest.mark.parametrize("case", CASES)
def test_the_values_are_those_of_keras(case):
    compare(answer(layercli, case), KERAS[case])


def compare(found, wanted):
    assert found["policies"] == wanted["policies"]
    for ours, theirs in zip(found["values"], wanted["values"], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert (a and a[0]) == (b and b[0])
            if a is not None:
                np.testing.assert_allclose(a[1], b[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["outputs"], wanted["outputs"], rtol=1e-4, atol=1e-4)


def test_the_record_of_calibration_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    live = on_torch("from tests.keras_calibration import of_keras; found = of_keras()")
    for case in CASES:
        compare(live[case], KERAS[case])


@pytest.mark.parametrize("case", ["gptq groups", "awq"])
def test_errors_on_the_data_are_smaller_than_without_it(case):
    """Rounding alone is what zeros as inputs give."""
    plain, _, _ = model_of(layercli)
    wanted = plain(TOKENS[:1] * 3 % 20)
    calibrated = quantized(layercli, case, data=[TOKENS[:1] * 3 % 20])[0](TOKENS[:1] * 3 % 20)
    model, before, blocks = model_of(layercli)
    table = before[0].get_weights()
    before[0].set_weights([table[0] * 0])
    config = quantized(layercli, case)[2]
    config.quantization_layer_structure = {"pre_block_layers": before, "sequential_blocks": blocks}
    for block in blocks:
        for layer in block.layers:
            if layer.bias is not None:
                layer.bias.assign(layer.bias.value * 0)
    biases = [layer.bias for block in blocks for layer in block.layers if layer.bias is not None]
    model.quantize(config=config)
    before[0].set_weights(table)
    for bias, value in zip(biases, [w for w in plain.get_weights() if w.shape in ((11,), (2, 3))], strict=True):
        bias.assign(value)
    assert (calibrated - wanted).square().mean() < (model(TOKENS[:1] * 3 % 20) - wanted).square().mean()


@pytest.mark.parametrize("case", ["gptq 3 bits", "awq groups"])
def test_it_is_saved_and_loaded(case, tmp_path):
    model, blocks, _ = quantized(layercli, case)
    wanted = model(TOKENS)
    model.save(tmp_path / "m.keras")
    loaded = layercli.load_model(tmp_path / "m.keras")
    assert torch.equal(loaded(TOKENS), wanted)
    model.save_weights(tmp_path / "m.weights.h5")
    loaded.layers[2].layers[0].bias.assign(np.zeros(11))
    loaded.load_weights(tmp_path / "m.weights.h5")
    assert torch.equal(loaded(TOKENS), wanted)
    assert layercli.models.clone_model(model).layers[2].layers[0].dtype_policy == blocks[0].layers[0].dtype_policy
    assert len(model.trainable_variables) == 3  # the table and two biases


def test_texts_filters_and_a_model_that_knows_its_blocks():
    class Blocks(Model):
        def get_quantization_layer_structure(self, mode=None):
            assert mode == "awq"
            return {"sequential_blocks": [self.layers[2]]}

    inputs = Input((5,))
    first, second = layers.Dense(4, name="first"), layers.Dense(3, name="second")
    model = Blocks(inputs, layercli.Sequential([first, second])(layers.Rescaling(1.0)(inputs)))
    config = quantizers.AWQConfig(["abc", "de"], Tokenizer(), num_samples=3, sequence_length=5)
    model.compile("adam", "mse")
    model.quantize("awq", config=config, filters="sec")
    assert (first.quantization_mode, second.quantization_mode) == (None, "awq")
    model.fit(np.ones((4, 5)), np.ones((4, 3)), verbose=0)


def test_zero_points_fit_into_a_byte():
    x = torch.tensor([[5.0, 6.0, 5.5, 5.2], [-9.0, -9.5, -9.1, -9.2], [-1.0, 1.0, 0.5, 0.0]])
    scale, zero = ranges(x, 8)
    assert ((zero >= 0) & (zero <= 255)).all()
    assert torch.allclose((rounded(x, scale, zero, 8) - zero) * scale, x, atol=float(scale.max()) / 2 + 1e-6)


CONFIG = quantizers.GPTQConfig([TOKENS], Tokenizer())


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: quantizers.GPTQConfig(None, None, weight_bits=5), "expects weight_bits to be one of (2, 3, 4, 8), got 5"),
        (lambda: quantizers.GPTQConfig(None, None, hessian_damping=2), "expects hessian_damping to be from 0 to 1, got 2"),
        (lambda: quantizers.AWQConfig(None, None, weight_bits=8), "expects weight_bits to be one of (4,), got 8"),
        (lambda: quantizers.AWQConfig(None, None, group_size=0), "expects group_size to be -1 or a positive integer, got 0"),
        (lambda: quantizers.AWQConfig(None, None, num_grid_points=0), "num_grid_points to be a positive integer, got 0"),
        (lambda: dtype_policies.get("gptq/5/8_from_float32"), "expects mode to be gptq/BITS/GROUP"),
        (lambda: model_of(layercli)[0].quantize("awq"), "quantize needs a config for awq"),
        (lambda: model_of(layercli)[0].quantize("gptq", config=CONFIG), "needs the blocks to calibrate for gptq"),
        (lambda: quantized(layercli, "gptq", data=[]), "the dataset to calibrate on is empty"),
        (lambda: model_of(layercli)[2][0].layers[0].quantize(config=CONFIG), "gptq is calibrated on data"),
    ],
)  # fmt: skip
def test_messages(act, message):
    with pytest.raises(UsageError) as raised:
        act()
    assert message in str(raised.value)
    assert isinstance(raised.value, LayercliError)


def test_configs_and_policies_as_in_files():
    config = quantizers.GPTQConfig([TOKENS], Tokenizer(), weight_bits=8, quantization_layer_structure={"a": 1})
    assert config.get_config() == {
        "dataset": None, "tokenizer": None, "weight_bits": 8, "num_samples": 128, "per_channel": True, "sequence_length": 512,
        "hessian_damping": 0.01, "group_size": 128, "symmetric": False, "activation_order": False,
        "quantization_layer_structure": None,
    }  # fmt: skip
    assert quantizers.get(quantizers.serialize(config)).get_config() == config.get_config()
    policy = dtype_policies.GPTQDTypePolicy("gptq/8/-1", "mixed_bfloat16")
    assert (policy.name, policy.weight_bits, policy.group_size) == ("gptq/8/-1_from_mixed_bfloat16", 8, -1)
    assert dtype_policies.get(dtype_policies.serialize(policy)) == policy
    assert policy.quantization_mode == "gptq"
