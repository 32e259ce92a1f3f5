"""A cost as JSON: numbers are numbers, or null where sizes are open or unknown; formulas stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.inspect.budgets import Finding
from layercli.inspect.cost import ACTIVATIONS, INPUTS, KEPT, SCHEMA, WEIGHTS, Cost, ModuleCost, formula_of
from layercli.inspect.fit import Fit
from layercli.inspect.model_graph import ValueKind
from layercli.inspect.time_floor import TimeFloor


def document(
    cost: Cost,
    fit: Fit | None = None,
    findings: list[Finding] | None = None,
    time: TimeFloor | None = None,
    depth: int | None = None,
) -> dict[str, Any]:
    """Return the document that ``layercli cost --format json`` prints, with the modules down to ``depth``."""
    return {
        "schema": SCHEMA,
        "model": {"name": cost.name, "class": cost.class_name, "source": cost.source},
        "mode": cost.mode,
        "dtype": cost.dtype,
        "at": cost.at,
        "open_sizes": cost.open_sizes,
        "totals": totals(cost),
        "formulas": formulas(cost),
        "parts": [asdict(part) for part in cost.parts()],
        "peak": {"step": cost.peak_step(), "live": [asdict(each) for each in cost.live()]},
        "cache": cache_of(cost),
        "modules": [module_row(each, cost.at) for each in cost.modules(depth)],
        "fit": None if fit is None else {**asdict(fit), "fits": fit.fits, "largest": dict(fit.largest)},
        "time": None if time is None else asdict(time),
        "findings": [asdict(each) for each in findings or []],
        "notes": cost.notes,
    }


def number(size: Size, at: Mapping[str, int]) -> int | None:
    """Return the number that a size is for these values of the named sizes; None where it stays open or unknown."""
    found = dims.at(size, at)
    return found if isinstance(found, int) else None


def totals(cost: Cost) -> dict[str, int | None]:
    """Return the figures of the whole model by name."""
    values = [value for value in cost.graph.variables_below() if value.kind is ValueKind.PARAMETER]
    parts = {part.name: part.bytes for part in cost.parts()}
    trained = [value.spec.size for value in values if value.trainable]
    return {
        "parameters": number(cost.graph.parameters_below(), {}),
        "trainable": number(dims.total(trained), {}),
        "macs": number(cost.graph.macs(), cost.at),
        "memory": cost.bytes,
        "weights": parts.get(WEIGHTS),
        "inputs": parts.get(INPUTS),
        "activations": parts.get(ACTIVATIONS, 0 if cost.bytes is not None else None),
        "cache": parts.get(cost.cache_name, 0 if cost.bytes is not None else None),
        "kept": parts.get(KEPT, 0 if cost.bytes is not None else None),
    }


def formulas(cost: Cost) -> dict[str, str | None]:
    """Return the formulas of the figures that depend on named sizes, whether those have values or not."""
    return {"macs": formula_of(cost.graph.macs()), "memory": cost.formula({}) if cost.memory.names else None}


def cache_of(cost: Cost) -> dict[str, object] | None:
    """Return what the KV cache takes; None for a model that has none."""
    if cost.cache is None:
        return None
    fixed, token = cost.cache_per_token
    return {
        "bytes": number(cost.cache, cost.at), "formula": formula_of(cost.cache), "fixed": fixed, "per_token": token,
    }  # fmt: skip


def module_row(module: ModuleCost, at: Mapping[str, int]) -> dict[str, object]:
    """Return what a module costs as JSON has it."""
    sizes = {"outputs": module.outputs, "kept": module.kept, "macs": module.macs}
    return {
        "path": module.path,
        "class": module.class_name,
        "depth": module.depth,
        "parameters": number(module.parameters, {}),
        "weights": number(module.weights, at),
        **{name: None if size is None else number(size, at) for name, size in sizes.items()},
        "formulas": {name: formula_of(size) for name, size in sizes.items() if size is not None},
    }
