"""Packed weights: the tensors of a quantized checkpoint that stand for one weight, found by their names, dtypes and shapes.

A quantizer stores a matrix as packed integers or 8-bit floats, with scales (and zero points) beside it. ``packed_weights`` returns
the weights, with the shape before packing, and ``unpacked_entries`` the entries of a file as if each was one quantized tensor, as
in GGUF. No value is unpacked. The layouts are those of ``packed_layouts``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.weight_file import TensorEntry
from layercli.inspect.packed_layouts import RULES, Rule, WeightParts

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile


@dataclass(frozen=True)
class PackedWeight:
    """One weight, stored as the entry ``values`` with scales and the like in ``overhead``; ``shape`` is that before packing.

    ``dtype`` names the method and the type of a value: ``gptq-int4``. ``bytes`` are those of all its entries.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    values: str
    overhead: tuple[str, ...]
    bytes: int
    overhead_bytes: int

    @property
    def size(self) -> int:
        """The number of values before packing."""
        return math.prod(self.shape)

    def to_json(self) -> JSONObject:
        """Return what the weight is as JSON data."""
        return {"path": self.path, "shape": list(self.shape), "dtype": self.dtype}


MARKS = tuple(rule.mark for rule in RULES)


def packed_weights(file: WeightFile, config: Mapping[str, object] | None = None) -> list[PackedWeight]:
    """Return the packed weights of ``file``, in its order; ``config`` is the config.json of its folder, if there is one."""
    settings, entries = quantization_settings(config), file.entries
    found: dict[str, PackedWeight] = {}
    for path in (path for path in entries if path.endswith(MARKS)):
        for rule in RULES:
            if path.endswith(rule.mark) and (weight := matched(file, settings, rule, path)) is not None:
                found.setdefault(weight.values, weight)
                break
    places = {path: i for i, path in enumerate(entries)} if found else {}
    return sorted(found.values(), key=lambda weight: places[weight.values])


def matched(file: WeightFile, settings: Mapping[str, object], rule: Rule, path: str) -> PackedWeight | None:
    """Return the weight that the marked entry ``path`` belongs to by ``rule``, or None."""
    base, entries = path.removesuffix(rule.mark), file.entries
    values = entries.get(base + rule.values)
    if values is None:
        return None
    beside = {ending: entries[base + ending] for ending in rule.beside if base + ending in entries}
    layout = rule.layout(WeightParts(file, settings, values, beside))
    if layout is None:
        return None
    module = base.rpartition(".")[0]
    siblings = [entries[name] for each in rule.siblings if (name := f"{module}.{each}") in entries]
    overhead = [entry for entry in [*beside.values(), *siblings] if entry is not values]
    bytes_beside = sum(entry.bytes for entry in overhead)
    names = tuple(entry.path for entry in overhead)
    return PackedWeight(
        base + rule.weight, layout.shape, layout.dtype, values.path, names, values.bytes + bytes_beside, bytes_beside
    )


def quantization_settings(config: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return the settings of the quantizer in a config.json: quantization_config, or MLX's quantization."""
    for key in ("quantization_config", "quantization"):
        given = (config or {}).get(key)
        if isinstance(given, dict):
            groups = given.get("config_groups")
            first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
            weights = first.get("weights") if isinstance(first, dict) else None
            return {**given, **weights} if isinstance(weights, dict) else given
    return {}


def unpacked_entries(entries: Mapping[str, TensorEntry], packed: Iterable[PackedWeight]) -> dict[str, TensorEntry]:
    """Return the entries with each packed weight as one: its shape before packing, its bytes with scales."""
    weights = {weight.values: weight for weight in packed}
    hidden = {name for weight in weights.values() for name in weight.overhead}
    found: dict[str, TensorEntry] = {}
    for path, entry in entries.items():
        if path in weights:
            weight = weights[path]
            found[weight.path] = TensorEntry(weight.path, weight.shape, weight.dtype, weight.bytes)
        elif path not in hidden:
            found[path] = entry
    return found
