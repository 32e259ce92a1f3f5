"""Compare two runs layer by layer: the same model run in two ways, two models, or a model and a file of results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import field, replace
from typing import Any

import numpy as np

from layercli.core.types import JSONObject, TensorTree, Tree
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.formats.detect import is_weights, open_weights
from layercli.formats.npy import NpyFile
from layercli.inspect.tolerance import Difference, Tolerance, difference
from layercli.runtime.execution import device as devices
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_hooks import HookedCall, forward_hooks
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.export import onnx_export
from layercli.runtime.inference.forward_pass import OUTPUT
from layercli.runtime.inference.prepared_model import PreparedModel, recast


@dataclass(frozen=True)
class ComparisonResult:
    """The values of one layer, or of an output, and the dtype they were computed in."""

    cls: str
    dtype: str
    array: np.ndarray


@dataclass
class Comparison:
    """Every result that both sides have, in the order of computation; ``only_here`` are those missing on the other side.

    ``outputs_only``: no layers could be paired, or the layers' results could not be recorded.
    """

    reference: str
    differences: list[Difference] = field(default_factory=list)
    only_here: list[str] = field(default_factory=list)

    @property
    def first_divergence(self) -> Difference | None:
        """The first result that is not close, or None."""
        return next((found for found in self.differences if not found.close), None)

    @property
    def first_not_finite(self) -> Difference | None:
        """The first result with non-finite values on either side, if they reach an output; else None.

        Infinite values inside the model, such as those of an attention mask, do not count by themselves.
        """
        outputs = [found for found in self.differences if found.name.startswith(OUTPUT)] or self.differences
        if all(found.finite for found in outputs):
            return None
        return next(found for found in self.differences if not found.finite)

    @property
    def answer(self) -> str:
        """``agrees``, ``differs``, or ``not finite`` if both sides agree but an output is not finite."""
        if self.first_divergence is not None:
            return "differs"
        return "agrees" if self.first_not_finite is None else "not finite"

    @property
    def outputs_only(self) -> bool:
        """Whether no layer's result is among those compared."""
        return all(found.name.startswith(OUTPUT) for found in self.differences)

    def to_json(self) -> JSONObject:
        """Return the comparison as a JSON document."""
        first, unbounded = self.first_divergence, self.first_not_finite
        return {
            "reference": self.reference,
            "agrees": self.answer == "agrees",
            "answer": self.answer,
            "first_to_diverge": None if first is None else first.name,
            "first_not_finite": None if unbounded is None else unbounded.name,
            "outputs_only": self.outputs_only,
            "results": [found.to_json() for found in self.differences],
            "only_here": self.only_here,
        }


def record(program: PreparedModel, inputs: TensorTree, *, layers: bool = True) -> dict[str, ComparisonResult]:
    """Return the results of every layer by path, then the outputs by name, of one run on a tree of arrays."""
    found: dict[str, ComparisonResult] = {}

    def observe(call: HookedCall) -> None:
        for name, x in call.named():
            found[name] = ComparisonResult(call.cls, tensors.name_of(x.dtype), tensors.to_numpy(x))

    placed = program.place(inputs)
    with (
        preserve_buffers(program),
        forward_hooks(program, observe) if layers and not program.one_graph else nullcontext(),
    ):
        outputs = program.outputs(placed)
    for name, x in outputs:
        found[f"{OUTPUT} {name}"] = ComparisonResult("", tensors.name_of(x.dtype), tensors.to_numpy(x))
    return found


def aligned(ours: dict[str, ComparisonResult], theirs: dict[str, ComparisonResult]) -> dict[str, ComparisonResult]:
    """Return the results of another model; if the output counts agree but no names do, its outputs get our names."""
    mine, others = ([name for name in side if name.startswith(OUTPUT)] for side in (ours, theirs))
    if len(mine) != len(others) or set(mine) & set(others):
        return theirs
    names = dict(zip(others, mine, strict=True))
    return {names.get(name, name): found for name, found in theirs.items()}


def compare(
    ours: dict[str, ComparisonResult],
    theirs: dict[str, ComparisonResult],
    reference: str,
    tolerance: Tolerance | None = None,
) -> Comparison:
    """Return the differences of all results that both sides have.

    The default tolerance follows from the coarser dtype and the depth of the model.
    """
    done = Comparison(reference)
    depth = 0
    for name, mine in ours.items():
        depth += 1
        if name not in theirs:
            done.only_here.append(name)
            continue
        other = theirs[name]
        allowed = tolerance or max(
            (Tolerance.of(dtype, depth) for dtype in (mine.dtype, other.dtype)), key=lambda t: t.scaled
        )
        dtypes = (mine.dtype, other.dtype)
        done.differences.append(difference(name, mine.cls, mine.array, other.array, allowed, dtypes))
    if not done.differences:
        raise UsageError(f"{reference}has no result whose name occurs here", hint="--layers saves them by path")
    return done


def in_another_way(program: PreparedModel, way: str, inputs: TensorTree) -> dict[str, ComparisonResult]:
    """Return the results of the same model on ``cpu`` or ``cuda``, in ``float64``, with ``compile`` (outputs only) or
    exported to ``onnx``.

    After a run in float64 the model stays in float64.
    """
    return WAYS[way](program, inputs)


def eager(program: PreparedModel) -> PreparedModel:
    """Return the model prepared to run layer by layer, without a compiled or fused graph."""
    return replace(program, call=program.kind.function(program.module, False, program.flags), compiled=False)


def _on_device(device: str) -> Callable[[PreparedModel, Any], dict[str, ComparisonResult]]:
    def run(program: PreparedModel, inputs: Tree) -> dict[str, ComparisonResult]:
        place = devices.resolve(device)
        program.module.to(place)
        try:
            return record(replace(eager(program), device=place), inputs)
        finally:
            program.module.to(program.device)

    return run


def _in_float64(program: PreparedModel, inputs: TensorTree) -> dict[str, ComparisonResult]:
    """Run with the same weights converted to float64; the model stays in float64."""
    recast(program.model, "float64")
    return record(replace(eager(program), dtype="float64"), inputs)


def _compiled(program: PreparedModel, inputs: TensorTree) -> dict[str, ComparisonResult]:
    return record(
        replace(program, call=program.kind.function(program.module, True, program.flags)), inputs, layers=False
    )


def _in_onnx(program: PreparedModel, inputs: TensorTree) -> dict[str, ComparisonResult]:
    found = onnx_export.results(program, program.place(inputs))
    return {
        name if cls else f"{OUTPUT} {name}": ComparisonResult(cls, tensors.name_of(x.dtype), tensors.to_numpy(x))
        for (name, cls), x in found
    }


WAYS: dict[str, Callable[[PreparedModel, Any], dict[str, ComparisonResult]]] = {
    "cpu": _on_device("cpu"),
    "cuda": _on_device("cuda"),
    "float64": _in_float64,
    "compile": _compiled,
    "onnx": _in_onnx,
}


def of_file(path: str, ours: Collection[str]) -> dict[str, ComparisonResult]:
    """Return the results saved in a file by ``--layers`` and ``--output``: layers by path, outputs by name.

    A name that is both a layer and an output of ``ours`` means the output, unless the file marks the output separately.
    The single array of an npy file, which has no name, is the single output.
    """
    if not is_weights(path):
        raise UsageError(
            f"results are compared with a .npy, .npz or .safetensors, and {path} is none of them", hint="--output y.npy"
        )
    opened = open_weights(path)
    if isinstance(opened, NpyFile):
        outputs = [name for name in ours if name.startswith(OUTPUT)]
        if len(outputs) != 1:
            raise UsageError(f"{path} holds one array, and there are {len(outputs)} outputs to compare", hint="a .npz")
        [(name, entry)] = opened.entries.items()
        return {outputs[0]: ComparisonResult("", entry.dtype, opened.read(name))}
    found = {}
    for name, entry in opened.entries.items():
        marked = f"{OUTPUT} {name}"
        is_output = marked in ours and marked not in opened.entries
        found[marked if is_output else name] = ComparisonResult("", entry.dtype, opened.read(name))
    return found
