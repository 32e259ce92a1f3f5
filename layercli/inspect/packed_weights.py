"""Packed weights: the tensors of a quantized checkpoint that stand for one weight, found by their names, dtypes and shapes.

A quantizer stores a matrix as packed integers or 8-bit floats, with scales (and zero points) beside it. ``packed_weights`` returns
the weights, with the shape before packing, and ``unpacked_entries`` the entries of a file as if each was one quantized tensor, as
in GGUF. No value is unpacked. The layouts are those of ``packed_layouts``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from layercli.core.types import JSONObject
from layercli.formats.weight_file import TensorEntries, TensorEntry, TensorKind, kinds_of
from layercli.inspect.packed_layouts import RULES, Rule, WeightParts

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile


class PackedWeight(NamedTuple):
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


def last_part(ending: str) -> str:
    """Return the part of an ending that the last name in a path ends with.

    >>> last_part("_scale"), last_part(".scales"), last_part(".centroids.weight")
    ('_scale', '.scales', '.weight')
    """
    return ending[max(ending.rfind("."), 0) :]


LAST_PARTS = tuple(
    {last_part(end) for rule in RULES for end in (rule.mark, *rule.beside)}
    | {f".{name}" for rule in RULES for name in rule.siblings}
)


def packed_weights(file: WeightFile, config: Mapping[str, object] | None = None) -> list[PackedWeight]:
    """Return the packed weights of ``file``; ``config`` is the config.json of its folder, if there is one."""
    kinds, settings = kinds_of(file.entries), quantization_settings(config)
    names = {path.rpartition(".")[2] for path in kinds}  # a large model has a dozen
    ends = tuple(end for end in (f".{name}" for name in names) if end.endswith(LAST_PARTS))
    found: dict[str, PackedWeight] = {}
    for rule in RULES:
        if occurs(rule.mark, ends):
            used = {name for weight in found.values() for name in (weight.values, *weight.overhead)}
            marked = [path for path in kinds if path.endswith(rule.mark) and path not in used]
            for weight in packed_by(rule, file, kinds, settings, ends, marked):
                found.setdefault(weight.values, weight)
    return list(found.values())


def occurs(ending: str, ends: tuple[str, ...]) -> bool:
    """Whether a path may have an ending, as one of ``ends``, the last names in paths after a dot, has its last part."""
    return any(end.endswith(last_part(ending)) for end in ends)


class Measured(NamedTuple):
    """What weights with entries of the same dtypes and shapes have in common."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int
    overhead_bytes: int
    whole: bool
    """Whether none of the entries is missing."""


def packed_by(
    rule: Rule,
    file: WeightFile,
    kinds: Mapping[str, TensorKind],
    settings: Mapping[str, object],
    ends: tuple[str, ...],
    marked: list[str],
) -> Iterator[PackedWeight]:
    """Yield the weights that ``marked`` entries belong to by ``rule``; not all do. ``kinds`` are those of the file's entries.

    Names that none of ``ends`` fits are not looked for: there may be 45,000 weights.
    """
    bases = [path[: -len(rule.mark)] for path in marked]
    beside = [ending for ending in rule.beside if occurs(ending, ends)]
    siblings = [name for name in rule.siblings if occurs(f".{name}", ends)]
    columns = [
        marked if ending == rule.mark else [base + ending for base in bases] for ending in (rule.values, *beside)
    ]
    columns += [[f"{base.rpartition('.')[0]}.{name}" for base in bases] for name in siblings]
    rows = zip(*[list(map(kinds.get, column)) for column in columns], strict=True)
    known: dict[tuple[TensorKind | None, ...], Measured | None] = {}
    for base, names, row in zip(bases, zip(*columns, strict=True), rows, strict=True):
        if not rule.alike or row not in known:
            known[row] = measured(rule, file, settings, beside, names, row)
        if (found := known[row]) is not None:
            overhead = names[1:]
            if siblings or not found.whole:
                held = zip(overhead, row[1:], strict=True)
                overhead = tuple([name for name, kind in held if kind is not None and name != names[0]])
            shape, dtype, size, of_overhead, _ = found
            yield PackedWeight(base + rule.weight, shape, dtype, names[0], overhead, size, of_overhead)


def measured(
    rule: Rule,
    file: WeightFile,
    settings: Mapping[str, object],
    beside: list[str],
    names: tuple[str, ...],
    row: tuple[TensorKind | None, ...],
) -> Measured | None:
    """Return what the entries of these ``names``, the values first, stand for by ``rule``; None if they stand for no weight."""
    values, *others = [
        None if kind is None else TensorEntry(name, *kind) for name, kind in zip(names, row, strict=True)
    ]
    if values is None:
        return None
    by_ending = {ending: entry for ending, entry in zip(beside, others, strict=False) if entry is not None}
    layout = rule.layout(WeightParts(file, settings, values, by_ending))
    if layout is None:
        return None
    overhead = sum(entry.bytes for entry in others if entry is not None and entry.path != values.path)
    return Measured(layout.shape, layout.dtype, values.bytes + overhead, overhead, None not in row)


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


def contradicting_kinds(packed: Iterable[PackedWeight], settings: Mapping[str, object]) -> list[str]:
    """Return the kinds of GPTQ's and AWQ's weights if none of them has the method and the bits of ``settings``, else nothing."""
    method, bits = settings.get("quant_method"), settings.get("bits")
    starts = (f"{method}-",) if method in ("gptq", "awq") else ("gptq-", "awq-")
    ends = f"-int{bits}" if type(bits) is int else ""
    kinds = sorted({weight.dtype for weight in packed if weight.dtype.startswith(("gptq-", "awq-"))})
    return [] if any(kind.startswith(starts) and kind.endswith(ends) for kind in kinds) else kinds


def unpacked_entries(entries: Mapping[str, TensorEntry], packed: Iterable[PackedWeight]) -> Mapping[str, TensorEntry]:
    """Return the entries with each packed weight as one: its shape before packing, its bytes with scales."""
    weights = {weight.values: weight for weight in packed}
    hidden = set(chain.from_iterable([weight.overhead for weight in weights.values()]))
    found: dict[str, TensorKind] = {}
    for path, kind in kinds_of(entries).items():
        if path in weights:
            weight = weights[path]
            found[weight.path] = (weight.shape, weight.dtype, weight.bytes, None, None)
        elif path not in hidden:
            found[path] = kind
    return TensorEntries(found)
