"""GPTQ and AWQ of small models, in Keras on torch and in layercli, as plain data; Keras's are in tests/reference/calibration.json.

``KERAS_BACKEND=torch python -m tests.keras_calibration`` asks Keras again. The hooks of Keras 3.15.1 that count inputs of layers
are never called, since its layers are called by another method once they are to be quantized: ``counting`` calls them.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "calibration.json"
CASES = {
    "gptq": {},
    "gptq 2 bits": {"weight_bits": 2},
    "gptq 3 bits": {"weight_bits": 3, "group_size": -1},
    "gptq 8 bits": {"weight_bits": 8, "group_size": -1},
    "gptq groups": {"group_size": 8},
    "gptq symmetric": {"symmetric": True},
    "gptq whole": {"per_channel": False, "group_size": -1},
    "gptq in order": {"activation_order": True, "group_size": 8},
    "gptq undamped": {"hessian_damping": 0.3},
    "awq": {},
    "awq groups": {"group_size": 8},
    "awq grid": {"num_grid_points": 3, "group_size": -1},
}
DATA = np.arange(5) * 3 % 20
TOKENS = np.arange(10).reshape(2, 5)


class Tokenizer:
    """One token for each letter."""

    def tokenize(self, text):
        return np.array([ord(letter) % 20 for letter in text])


def counting(layer):
    """Let a class of Keras's layers call the hooks of its calibration."""
    usual = layer.quantized_call

    def quantized_call(self, *args, **kwargs):
        hooked = getattr(vars(self).get("call"), "__name__", "") == "hook"
        return self.call(*args, **kwargs) if hooked else usual(self, *args, **kwargs)

    layer.quantized_call = quantized_call


def model_of(keras):
    """Return a model with the same weights in each library, and its layers before the blocks and its blocks."""
    layers = keras.layers
    embedding = layers.Embedding(20, 16)
    blocks = [
        keras.Sequential([layers.Dense(11, activation="relu"), layers.Dense(16, use_bias=False)]),
        keras.Sequential(
            [
                layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"),
                layers.EinsumDense("abde,dec->abc", output_shape=(None, 16)),
            ]
        ),
    ]
    inputs = keras.Input((5,))
    x = embedding(inputs)
    for block in blocks:
        x = block(x)
    model = keras.Model(inputs, x)
    draw = np.random.default_rng(19)
    model.set_weights([draw.normal(size=each.shape).astype("float32") for each in model.get_weights()])
    return model, [embedding], blocks


def quantized(keras, case, data=(DATA,), **settings):
    """Return a model, its blocks and the config that quantized it as a case says."""
    model, before, blocks = model_of(keras)
    kind = keras.quantizers.GPTQConfig if case.startswith("gptq") else keras.quantizers.AWQConfig
    structure = {"pre_block_layers": before, "sequential_blocks": blocks}
    given = {
        "num_samples": 1,
        "sequence_length": 5,
        "quantization_layer_structure": structure,
        **CASES[case],
        **settings,
    }
    config = kind(list(data), Tokenizer(), **given)
    model.quantize(config.mode, config=config)
    return model, blocks, config


def answer(keras, case):
    """Return the policies, the variables by dtype and values, and the outputs of the quantized model."""
    model, blocks, _ = quantized(keras, case)
    held = [layer for block in blocks for layer in block.layers]
    values = [
        [plain(keras, layer, name) for name in ("kernel", "kernel_scale", "kernel_zero", "g_idx", "awq_scales")]
        for layer in held
    ]
    outputs = keras.ops.convert_to_numpy(model(TOKENS))
    return {"policies": [layer.dtype_policy.name for layer in held], "values": values, "outputs": rounded(outputs)}


def plain(keras, layer, name):
    """Return the dtype and the values of what stands for a kernel; None where the layer has none of that name."""
    variable = getattr(layer, "quantized_kernel", None) if name == "kernel" else getattr(layer, name, None)
    variable = vars(layer)["kernel"] if name == "kernel" and variable is None else variable
    return None if variable is None else [str(variable.dtype), rounded(keras.ops.convert_to_numpy(variable))]


def rounded(values):
    """Return nested lists of numbers of six digits."""
    values = np.asarray(values)
    if values.dtype.kind in "iu":
        return values.tolist()
    return np.vectorize(lambda each: float(f"{each:.6g}"), otypes=[float])(values).tolist()


def of_keras():
    """Return the record, asked of Keras itself."""
    keras = importlib.import_module("keras")
    for layer in (keras.layers.Dense, keras.layers.EinsumDense):
        counting(layer)
    return {case: answer(keras, case) for case in CASES}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(of_keras(), separators=(",", ":")) + "\n")
