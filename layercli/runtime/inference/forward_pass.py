"""Run a model once on given inputs and collect the outputs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import field
from typing import Any

import numpy as np
import torch

from layercli.core import text, tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import JSONObject, Tree
from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest
from layercli.formats.json_numbers import json_number, json_values
from layercli.inspect.glob import matches
from layercli.inspect.statistics import Statistics, statistics
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_hooks import HookedCall, forward_hooks, has_layers
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel

FIRST = 5
INPUTS = "the inputs"
OUTPUT = "(output)"
"""The prefix of an output's name among the names of layers."""


@dataclass
class ForwardOutput:
    """One output: its values as a numpy array, and their statistics; those of text are empty."""

    name: str
    dtype: str
    array: np.ndarray
    statistics: Statistics

    @property
    def finite(self) -> bool:
        """Whether all values are finite."""
        return self.statistics.nonfinite == 0

    @property
    def first(self) -> list[Any]:
        """The first values, in order."""
        values: list[Any] = self.array.ravel()[:FIRST].tolist()
        return values

    def to_json(self) -> JSONObject:
        """Return the output as JSON data."""
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
class ForwardRun:
    """The outputs of a model on a device, and the results of the requested layers.

    ``checked``: a check for finite values was requested; ``first_not_finite`` is then the first layer that breaks it.
    """

    source: str
    device: str
    inputs: list[str]
    outputs: list[ForwardOutput]
    layers: list[ForwardOutput] = field(default_factory=list)
    checked: bool = False
    first_not_finite: str | None = None

    @property
    def rows(self) -> list[tuple[str, ForwardOutput]]:
        """The requested layers by path, then the outputs by name; an output with the name of a layer gets a prefix."""
        layers = {out.name: out for out in self.layers}
        return [*layers.items(), *((own_name(out.name, layers), out) for out in self.outputs)]

    @property
    def finite(self) -> bool:
        """Whether all values of the outputs and of the requested layers are finite."""
        return all(out.finite for out in self.outputs + self.layers)

    def to_json(self) -> JSONObject:
        """Return the document ``layercli run --format json`` prints."""
        document: dict[str, object] = {
            "schema": "layercli.run/1",
            "model": self.source,
            "device": self.device,
            "inputs": self.inputs,
            "outputs": [out.to_json() for out in self.outputs],
        }
        if self.layers:
            document["layers"] = [out.to_json() for out in self.layers]
        if self.checked:
            document["check"] = {"finite": self.finite, "starts_in": None if self.finite else self.first_not_finite}
        return document

    def outputs_by_name(self) -> dict[str, np.ndarray]:
        """Return the values of the outputs by name."""
        return {out.name: out.array for out in self.outputs}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the values of the requested layers by path, and those of the outputs by name."""
        return {name: out.array for name, out in self.rows}


def run(program: PreparedModel, inputs: Tree, *, layers: str | None = None, check: bool = False) -> ForwardRun:
    """Return the outputs of a program for a tree of arrays, and the results of the layers whose path matches ``layers``.

    ``check`` finds the first layer whose result is not finite.
    """
    placed = program.place(inputs)
    shown = [str(spec_of(x)) for x in tree.flatten(placed)]
    done = ForwardRun(program.name, str(program.device), shown, [], checked=check)
    given_finite = not check or all_finite(tree.flatten(placed))
    called: list[str] = []
    observes = (check or layers is not None) and not program.one_graph

    def observe(call: HookedCall) -> None:
        if layers is not None and matches(call.path, layers):
            done.layers += [output_of(name, x) for name, x in call.named()]
        if check and done.first_not_finite is None and not all_finite(call.outputs):
            own = f"{call.path} ({call.cls})"
            done.first_not_finite = own if all_finite(call.inputs) else before(program, call, called, given_finite)
        called.append(call.path)

    if layers is not None and program.one_graph:
        raise UsageError(f"{program.name} runs as one compiled graph, in which --layers has none to show")
    if layers is not None and not has_layers(program):
        raise UsageError(f"{program.name} has no inner layers for --layers to show")
    with preserve_buffers(program), forward_hooks(program, observe) if observes else nullcontext():
        results = program.outputs(placed, texts=True)
    if layers is not None and not done.layers:
        raise UsageError(f"no layer of {program.name} matches {layers!r}", hint=nearest(layers, called, "layers"))
    done.outputs = [output_of(name, tensor) for name, tensor in results]
    if done.first_not_finite is None:
        done.first_not_finite = (
            INPUTS if not given_finite else "the one graph it runs as" if program.one_graph else None
        )
    return done


def before(program: PreparedModel, call: HookedCall, called: list[str], given_finite: bool) -> str:
    """Return where non-finite inputs of ``call`` arose: after the last recorded layer, whose results were finite."""
    if not given_finite:
        return INPUTS
    where = "call" if isinstance(program.model, Layer) else "forward"
    return f"{where}, between {called[-1]} and {call.path}" if called else f"{where}, before {call.path}"


def own_name(output: str, layers: Collection[str]) -> str:
    """Return the name of an output, with a prefix if ``layers`` has that name."""
    return f"{OUTPUT} {output}" if output in layers else output


def all_finite(values: list[torch.Tensor]) -> bool:
    """Whether no floating tensor contains an infinity or NaN."""
    return all(bool(torch.isfinite(x).all()) for x in values if x.is_floating_point() or x.is_complex())


EMPTY = Statistics(None, None, None, None, 0, 0, 0)
"""The statistics of an output that is text."""


def output_of(name: str, tensor: Any) -> ForwardOutput:
    """Return one output, a tensor or an array of text, on the CPU with its statistics."""
    if text.is_text(tensor):
        return ForwardOutput(name, text.STRING, tensor, EMPTY)
    array = tensors.to_numpy(tensor)
    return ForwardOutput(name, tensors.name_of(tensor.dtype), array, statistics([array.ravel()]))
