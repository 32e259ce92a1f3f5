"""Summarize a torch module from a trace of one call: the same report as for a Layer.

Unknown sizes are filled with two different primes; the way layer sizes and costs change then gives the formulas, as for raw
torch functions inside a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core import dims
from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.core.types import TensorTree
from layercli.errors import FormatError, LayercliError
from layercli.inspect.output_names import distinct
from layercli.inspect.summary import Summary, Totals
from layercli.inspect.variable_values import ComputedValues, InitialValues
from layercli.inspect.variables import VariableRow, Variables
from layercli.runtime.analysis.fake_tensors import FakeTensor
from layercli.runtime.analysis.filled_sizes import PRIMES
from layercli.runtime.analysis.module_failure import failure_of
from layercli.runtime.analysis.module_inputs import tensors_for
from layercli.runtime.analysis.module_parameters import Parameter, all_parameters, dtype_name, packed_parameters
from layercli.runtime.analysis.module_rows import ModuleRows
from layercli.runtime.analysis.module_runs import Fill, Runs
from layercli.runtime.analysis.module_trace import described_part, is_lazy, run_once, trace, traceable
from layercli.runtime.analysis.script_calls import frozen_values
from layercli.runtime.analysis.trace_recording import OtherValue, Trace
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_hooks import class_of
from layercli.runtime.execution.forward_signature import spreading
from layercli.runtime.execution.graph_module import GraphModule, first_line

SMALL_NUMBERS = (
    (101, 103, 107, 109, 113, 127, 131, 137),
    (211, 223, 227, 229, 233, 239, 241, 251),
    (193, 257, 321, 385, 449, 513, 577, 641),
    (254, 318, 382, 446, 510, 574, 638, 702),
)
"""The sizes that are tried first: a loop over one ends soon, and where control flow depends on values they can be computed."""
LARGE_NUMBERS = (
    *PRIMES,
    (16001, 16065, 16129, 16193, 16257, 16321, 16385, 16449),
    (16062, 16126, 16190, 16254, 16318, 16382, 16446, 16510),
)
"""As many sets: the first two are primes; the third and fourth, one more and two less than multiples of 64, tell halves of halves
that are rounded up or down from each other."""


def summarize_module(
    module: nn.Module,
    inputs: Mapping[str, Spec],
    name: str,
    source: str,
    limits: dict[str, int] | None = None,
    values: Mapping[str, object] | None = None,
    rebuilt: Callable[[], nn.Module] | None = None,
) -> Summary:
    """Return the summary of ``module`` called on arguments with those Specs; without Specs it is not called.

    It is called in inference mode and left unchanged. ``limits`` are the largest values of named sizes; ``values`` are
    given arguments, arrays and others; ``rebuilt`` creates the module again with real parameters.
    """
    module, given = traceable(module), values or {}
    runs = runs_of(module, inputs, given, limits or {}, rebuilt) if inputs or given else Runs([], [])
    held = all_parameters(module)
    parameters, trainable = sum(p.size for p in held), sum(p.size for p in held if p.trainable)
    totals = Totals(
        parameters, trainable, parameters - trainable, sum(p.bytes for p in held),
        UNKNOWN if runs.failed else runs.macs_below(()),
    )  # fmt: skip
    outputs, others = outputs_of(runs)
    failed = next((each for each in runs.traces if each.failure is not None), None)
    if failed is not None and isinstance(module, GraphModule):
        raise refused(name, inputs, failed)
    return Summary(
        name, class_of(module), source, list(inputs.items()), outputs, ModuleRows(module, runs).all(), totals,
        footnotes=[
            *dict.fromkeys(note for each in runs.traces for note in each.notes),
            *shapeless(held),
            *frozen(module, held),
            *(module.notes if isinstance(module, GraphModule) else ()),
        ],
        failure=None if failed is None else failure_of(name, failed),
        other_outputs=others,
    )  # fmt: skip


def shapeless(held: list[Parameter]) -> list[str]:
    """Return the footnote for parameters of lazy modules that have no shape yet."""
    count = sum(p.shape is None for p in held)
    return [f"{count} parameters get their shapes at the first call: they are not in the totals"] if count else []


def frozen(module: nn.Module, held: list[Parameter]) -> list[str]:
    """Return the footnote for a frozen TorchScript module, which has no parameters left."""
    count = 0 if held else frozen_values(module)
    return [f"frozen: {count:,} values are constants of the graph, no parameters"] if count else []


def refused(name: str, inputs: Mapping[str, Spec], failed: Trace) -> FormatError:
    """Return the error for inputs that an exported program rejects; its modules do not carry the reason."""
    error = failed.failure
    cause = error.__cause__ if isinstance(error, LayercliError) and error.__cause__ is not None else error
    assert isinstance(cause, Exception)
    return FormatError(f"{name} cannot be described on {', '.join(map(str, inputs.values()))}: {first_line(cause)}")


def runs_of(
    module: nn.Module,
    inputs: Mapping[str, Spec],
    values: Mapping[str, object],
    limits: dict[str, int],
    rebuilt: Callable[[], nn.Module] | None,
) -> Runs:
    """Return the traces of a module: one if all sizes are known, else two or four on different numbers."""
    names = sorted({found for spec in inputs.values() for size in spec.shape for found in dims.names(size)})
    unknown = any(not isinstance(size, int) for spec in inputs.values() for size in spec.shape)
    found = Runs([], [])
    for numbers in (SMALL_NUMBERS, LARGE_NUMBERS):
        all_fills = filled_within(names, limits, numbers)
        fills = all_fills[: 2 if unknown else 1]
        found = Runs([trace_of(module, inputs, values, fill, rebuilt) for fill in fills], fills)
        if not found.failed and found.alike and found.unexplained:
            rest = [trace_of(module, inputs, values, fill, rebuilt) for fill in all_fills[2:]]
            more = Runs([*found.traces, *rest], all_fills)
            found = more if more.alike and not more.failed else found
        if not unknown or not found.failed:
            break
    return found


def trace_of(
    module: nn.Module, inputs: Mapping[str, Spec], values: Mapping[str, object], fill: Fill, rebuilt: Any = None
) -> Trace:
    """Return the trace of a module on inputs whose unknown sizes are filled with numbers."""
    return trace(module, lambda called: spreading(called)(tensors_for(inputs, values, fill)), rebuilt=rebuilt)


def traced_outputs(
    module: nn.Module, inputs: Mapping[str, Spec], values: Mapping[str, object]
) -> tuple[list[tuple[str, Spec]], list[tuple[str, str]]]:
    """Return the outputs of a module as ``outputs_of`` does, without a run on real values; nothing if only that tells them."""
    found = run_once(traceable(module), lambda called: spreading(called)(tensors_for(inputs, values, {})), real=False)
    return outputs_of(Runs([found], [{}]))


def with_shapes(module: nn.Module, inputs: Mapping[str, Spec], values: Mapping[str, object]) -> nn.Module:
    """Return the part of ``module`` to describe; a lazy one as a copy whose parameters got their shapes in a call."""
    found = traceable(module)
    if inputs and found is not module and any(map(is_lazy, [*found.parameters(), *found.buffers()])):
        names = sorted({name for spec in inputs.values() for size in spec.shape for name in dims.names(size)})
        trace_of(found, inputs, values, filled_within(names, {}, SMALL_NUMBERS)[0])
    return found


def filled_within(names: list[str], limits: dict[str, int], numbers: Sequence[Sequence[int]]) -> list[Fill]:
    """Return the ``numbers`` of each run by name; those above a size's limit become the largest primes that it allows."""
    fills: list[Fill] = [dict(zip([None, *names], each, strict=False)) for each in numbers]
    taken: set[int] = set()
    for name, run in ((name, run) for name in names for run in reversed(fills)):
        if run[name] > limits.get(name, run[name]):
            run[name] = next((p for p in range(limits[name], 1, -1) if is_prime(p) and p not in taken), limits[name])
        taken.add(run[name])
    return fills


def is_prime(number: int) -> bool:
    """Whether a number is prime."""
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def outputs_of(runs: Runs) -> tuple[list[tuple[str, Spec]], list[tuple[str, str]]]:
    """Return the named outputs of the module: Specs of tensors, class names of other values."""
    if not runs.traces or runs.failed:
        return [], []
    named = [dict(_named(each.outputs)) for each in runs.traces]
    specs, others = [], []
    for name, value in named[0].items():
        if isinstance(value, Spec):
            shape = runs.merged_shape([each[name] for each in named if name in each])
            specs.append((name, Spec(tuple(shape), value.dtype)))
        else:
            others.append((name, value.cls))
    return specs, others


def _named(outputs: TensorTree) -> list[tuple[str, Any]]:
    """Return the outputs with names: dict keys, otherwise output_0, ...; several values under one key are numbered."""
    parts = list(outputs.items()) if isinstance(outputs, dict) else [("", x) for x in _flat(outputs)]
    found = []
    for key, value in parts:
        inner = _flat(value)
        found += [(key if len(inner) == 1 else f"{key}_{i}", x) for i, x in enumerate(inner)]
    if not isinstance(outputs, dict):
        return [(f"output_{i}", x) for i, (_, x) in enumerate(found)]
    return list(zip(distinct([key for key, _ in found]), [x for _, x in found], strict=True))


def _flat(tree: object) -> list[Any]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [x for item in tree for x in _flat(item)]
    return [tree] if isinstance(tree, (Spec, OtherValue)) else []


def variables_of_module(module: nn.Module, source: str, model: Callable[[], nn.Module] | None = None) -> Variables:
    """Return the rows of the parameters and persistent buffers of ``module``; ``model`` creates one with values."""
    module = module if isinstance(module, GraphModule) else described_part(module)
    packed = dict(packed_parameters(module))
    held = module.state_dict(keep_vars=True)
    state = {name: x for name, x in held.items() if isinstance(x, torch.Tensor) and name not in packed}

    def value(name: str) -> torch.Tensor:
        found = state[name]
        return (
            described_part(model()).state_dict()[name] if isinstance(found, FakeTensor) and model is not None else found
        )

    first: dict[int, str] = {}
    drawn = None if model is None else drawn_with(state.values())
    rows = [
        variable_row(name, x, partial(value, name), first.setdefault(id(x), name), drawn) for name, x in state.items()
    ]
    return Variables(source, rows + [_packed_row(name, p) for name, p in packed.items()])


def _packed_row(name: str, p: Parameter) -> VariableRow:
    """Return the row of a packed weight of a quantized module, with its dequantized values."""

    def read() -> np.ndarray:
        x = p.value.detach()
        return tensors.to_numpy(x.dequantize() if x.is_quantized else x)

    return VariableRow(name, p.shape or (), p.dtype, False, p.size, p.bytes, None, ComputedValues(read))


def drawn_with(found: Iterable[torch.Tensor]) -> InitialValues | None:
    """Return what is drawn for any of these tensors, as a module is made whole; None if they have values."""
    made = {id(x): x for x in found if isinstance(x, FakeTensor) and not is_lazy(x)}.values()
    return InitialValues(sum(x.numel() for x in made), sum(x.nbytes for x in made)) if made else None


def variable_row(
    name: str, x: torch.Tensor, value: Callable[[], torch.Tensor], first: str, drawn: InitialValues | None
) -> VariableRow:
    """Return the row of one ``state_dict`` entry; ``value`` reads its values; ``first`` is the first name of its tensor."""

    def read() -> np.ndarray:
        return tensors.to_numpy(value())

    size = 0 if is_lazy(x) else x.numel()
    return VariableRow(
        path=name,
        shape=() if is_lazy(x) else tuple(x.shape),
        dtype=dtype_name(x),
        trainable=isinstance(x, nn.Parameter) and x.requires_grad,
        parameters=size,
        bytes=size and size * x.element_size(),
        initializer=None,
        values=ComputedValues(read, drawn),
        same_as=None if first == name else first,
        kind="parameter" if isinstance(x, nn.Parameter) else "buffer",
    )
