"""A model run once on given inputs, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from layercli import random
from layercli.core import tree
from layercli.core.layer import Layer
from layercli.files.detect import open_weights
from layercli.inspect.numbers import json_number, json_values
from layercli.inspect.statistics import Statistics, statistics
from layercli.inspect.summary import ends
from layercli.runtime import device as devices
from layercli.runtime import execute, tensors, weights

FIRST = 5


@dataclass
class Output:
    """One output: its values as a numpy array, and what they look like."""

    name: str
    dtype: str
    array: np.ndarray
    statistics: Statistics

    @property
    def finite(self) -> bool:
        """Whether every value is a number."""
        return self.statistics.nonfinite == 0

    @property
    def first(self) -> list[Any]:
        """The first values, in order."""
        values: list[Any] = self.array.ravel()[:FIRST].tolist()
        return values

    def to_json(self) -> dict[str, Any]:
        """Return the output as JSON has it."""
        found = self.statistics
        return {
            "name": self.name,
            "shape": list(self.array.shape),
            "dtype": self.dtype,
            "minimum": json_number(found.minimum),
            "mean": json_number(found.mean),
            "maximum": json_number(found.maximum),
            "first": json_values(np.asarray(self.first)),
            "finite": self.finite,
        }


@dataclass
class Run:
    """The outputs of a model on a device."""

    source: str
    device: str
    inputs: list[str]
    outputs: list[Output]

    def to_json(self) -> dict[str, Any]:
        """Return the document ``layercli run --format json`` prints."""
        return {
            "schema": "layercli.run/1",
            "model": self.source,
            "device": self.device,
            "inputs": self.inputs,
            "outputs": [out.to_json() for out in self.outputs],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the outputs' values by name."""
        return {out.name: out.array for out in self.outputs}


def run(
    model: Layer, inputs: Any, *, source: str, device: str = "auto", weight_file: str | None = None, seed: int = 0
) -> Run:
    """Return the outputs of ``model`` for arrays, run on ``device`` with weights drawn under ``seed`` or read from a file."""
    place = devices.resolve(device)
    random.set_seed(seed)
    specs = tree.map_leaves(tensors.as_tensor, inputs)
    if model._module is None or not model._module.ready:
        execute.describe(model, (specs,), {})
    if weight_file is not None:
        weights.load(model, open_weights(weight_file))
    model.module.to(place)
    with torch.inference_mode():
        results = model(tree.map_leaves(lambda x: x.to(place), specs))
    named = ends(tree.map_leaves(lambda x: x, results), None)
    shown = [f"{tensors.name_of(x.dtype)}{list(x.shape)}" for x in tree.leaves(specs)]
    return Run(source, str(place), shown, [output_of(name, tensor) for name, tensor in named])


def output_of(name: str, tensor: Any) -> Output:
    """Return one output on the CPU with its statistics."""
    array = tensors.to_numpy(tensor)
    return Output(name, tensors.name_of(tensor.dtype), array, statistics([array.ravel()]))
