"""Quantize the layers of a model's blocks by GPTQ or AWQ: the data goes through one block after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.quantize_model import is_meant
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.layers.core.quantized import QuantizedMixin
from layercli.quantizers.calibrated import awq, gptq
from layercli.quantizers.calibration_config import AWQConfig, CalibrationConfig, GPTQConfig
from layercli.quantizers.quantization_config import resolved
from layercli.runtime.execution import tensors


def calibrate(model: Model, mode: str | None, config: Any, filters: Any) -> None:
    """Quantize the Dense and EinsumDense layers of the blocks; UsageError where the config lacks data, or names no blocks."""
    config = resolved(mode, config)
    structure = config.quantization_layer_structure or model.get_quantization_layer_structure(config.mode)
    if not structure or not structure.get("sequential_blocks"):
        raise UsageError(
            f"quantize needs the blocks to calibrate for {config.mode}",
            hint="quantization_layer_structure={'pre_block_layers': [...], 'sequential_blocks': [...]}",
        )
    if config.dataset is None or config.tokenizer is None:
        raise UsageError(f"{type(config).__name__} needs a dataset and a tokenizer to calibrate on")
    with torch.no_grad():
        samples = [begun(each, structure) for each in windows(config)]
        for block in structure["sequential_blocks"]:
            samples = calibrate_block(block, samples, config, filters)


def begun(sample: torch.Tensor, structure: Mapping[str, Any]) -> Any:
    """Return a sample after the layers before the first block."""
    x: Any = sample
    for layer in structure.get("pre_block_layers") or ():
        x = layer(x)
    return x


def windows(config: CalibrationConfig) -> list[torch.Tensor]:
    """Return ``num_samples`` sequences (1, sequence_length) of the data, at equal distances; short data is repeated."""
    data = config.dataset
    if not hasattr(data, "__iter__") or isinstance(data, str | bytes):
        raise DTypeError(f"the dataset to calibrate on is texts or arrays of tokens, got a {type(data).__name__}")
    parts = [config.tokenizer.tokenize(each) if isinstance(each, str) else each for each in data]
    if not parts:
        raise UsageError("the dataset to calibrate on is empty")
    arrays = [tensors.to_numpy(part) if isinstance(part, torch.Tensor) else np.asarray(part) for part in parts]
    tokens = np.concatenate([array.reshape(-1) for array in arrays]).astype("int32")
    if not tokens.size:
        raise UsageError("the dataset to calibrate on is empty")
    tokens = np.tile(tokens, max(1, math.ceil(config.num_samples * config.sequence_length / tokens.size)))
    starts = tokens.size - config.sequence_length + 1
    step = max(1, starts // config.num_samples)
    firsts = [i * step % starts for i in range(config.num_samples)]
    return [torch.from_numpy(tokens[first : first + config.sequence_length].copy())[None] for first in firsts]


def calibrate_block(block: Layer, samples: list[Any], config: GPTQConfig | AWQConfig, filters: Any) -> list[Any]:
    """Quantize the layers of one block by what it is given, and return what it makes of that afterwards."""
    watched = {
        layer: Inputs(layer, config.mode)
        for _, layer in block.named_layers()
        if isinstance(layer, QuantizedMixin) and layer.multiplies and not layer.layers and is_meant(layer, filters)
    }
    with watching(watched):
        for sample in samples:
            block(sample)
    for layer, inputs in watched.items():
        matrix = layer.kernel_matrix().float().T
        found = (
            gptq(matrix, inputs.found, config) if isinstance(config, GPTQConfig) else awq(matrix, inputs.found, config)
        )
        layer.store_calibrated(found, config)
    return [first_of(block(sample)) for sample in samples]


def first_of(output: Any) -> Any:
    """Return the output of a block, the first where it has several."""
    return output[0] if isinstance(output, tuple | list) else output


class Inputs:
    """What GPTQ and AWQ have to know of the inputs of a layer: the mean of 2 x xᵀ, or the largest magnitudes."""

    def __init__(self, layer: QuantizedMixin, mode: str) -> None:
        self.size, self.mode, self.count = layer.kernel_matrix().shape[0], mode, 0
        self.found = torch.zeros((self.size, self.size) if mode == "gptq" else self.size)

    def add(self, inputs: torch.Tensor) -> None:
        """Count further inputs; ShapeError where they are not those of the kernel."""
        if inputs.numel() % self.size:
            raise ShapeError(f"expects inputs of {self.size} values to calibrate on, got {tuple(inputs.shape)}")
        rows = inputs.detach().reshape(-1, self.size).float().cpu()
        if self.mode == "awq":
            self.found = torch.maximum(self.found, rows.abs().amax(0))
            return
        total = self.count + len(rows)
        self.found = self.found * (self.count / total) + rows.T @ rows * (2 / total)
        self.count = total


@contextmanager
def watching(watched: Mapping[Any, Inputs]) -> Iterator[None]:
    """A context in which the layers' inputs are counted."""

    def hook(inputs: Inputs) -> Any:
        return lambda module, args, kwargs: inputs.add(args[0] if args else next(iter(kwargs.values())))

    handles = [layer.module.register_forward_pre_hook(hook(each), with_kwargs=True) for layer, each in watched.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
