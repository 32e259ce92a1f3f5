"""The variables of a model or of a file: their properties, and on request their values or statistics."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from layercli.core import limits
from layercli.core.backend import get_backend
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FormatError, UsageError, nearest
from layercli.formats.json_numbers import json_number, json_values
from layercli.formats.weight_file import BITS, TensorEntry, WeightFile
from layercli.inspect.checkpoint_parts import left_out
from layercli.inspect.dtype_totals import DtypeTotal, dtype_totals
from layercli.inspect.glob import matches
from layercli.inspect.histogram import ValueSample
from layercli.inspect.packed_weights import PackedWeight, packed_weights
from layercli.inspect.statistics import Statistics, statistics
from layercli.inspect.variable_values import ComputedValues, EntryValues, VariableValues

if TYPE_CHECKING:
    import numpy as np

STATISTICS = ("minimum", "maximum", "mean", "std", "zeros", "nonfinite")
MEASURED = (*STATISTICS, "histogram")
"""What ``--stats`` measures of a variable's values."""


APART = ("buffer", "state")
"""The kinds of variables that are no parameters of the model."""


@dataclass(slots=True)
class VariableRow:
    """One variable. ``trainable`` and ``initializer`` are None if a file does not record them.

    ``same_as`` is the path of another variable for which the file holds the same data. ``kind`` is "parameter", "buffer",
    "overhead" or "state": the buffers of a torch module are not parameters, nor are the scales of a packed weight, and the state
    of an optimizer is not of the model. ``parameters`` are those
    that packed values stand for.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool | None
    parameters: int
    bytes: int
    initializer: str | None
    values: VariableValues
    statistics: Statistics | None = None
    histogram: list[int] | None = None
    """How many of a sample of the values lie in each of 16 equal intervals from the least to the greatest."""
    same_as: str | None = None
    kind: str | None = None
    sha256: str | None = None
    packed: PackedWeight | None = None
    """The packed weight that it holds the values or the scales of."""
    unreadable: str | None = None
    """Why its values cannot be read: ``each takes 4 bits``."""

    def read(self) -> np.ndarray:
        """Return the values."""
        return self.values.read()

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the values flat, a part at a time."""
        return self.values.chunks()

    def stored(self) -> np.ndarray | None:
        """Return the values as the bytes of a file have them, mapped; None where they lie in no such form."""
        return self.values.stored()

    def to_json(self, values: bool = False) -> JSONObject:
        """Return the variable as JSON data, with its statistics if any, and its values on request."""
        keys = ("path", "shape", "dtype", "trainable", "parameters", "bytes", "initializer")
        document = {key: getattr(self, key) for key in keys}
        document.update({"kind": self.kind} if self.kind is not None else {})
        document.update({"packed": self.packed.to_json()} if self.packed is not None else {})
        document.update({"sha256": self.sha256} if self.sha256 is not None else {})
        if self.statistics is not None:
            document["statistics"] = {
                key: json_number(value) for key, value in asdict(self.statistics).items() if key != "count"
            }
            document["statistics"]["histogram"] = self.histogram
        if values:
            document["values"] = None if self.unreadable else json_values(self.read())
        return document


@dataclass
class Variables:
    """The requested variables of ``source``."""

    source: str
    rows: list[VariableRow]

    def __str__(self) -> str:
        return get_backend().text(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)

    @property
    def parameters(self) -> int:
        """The total number of elements; shared ones count once."""
        return sum(row.parameters for row in self._distinct if row.kind not in APART)

    @property
    def bytes(self) -> int:
        """The total size in bytes; shared variables count once."""
        return sum(row.bytes for row in self._distinct if row.kind not in APART)

    @cached_property
    def buffers(self) -> tuple[int, int]:
        """The number of elements in the buffers of a torch module, and their size in bytes."""
        found = [row for row in self._distinct if row.kind == "buffer"]
        return sum(row.parameters for row in found), sum(row.bytes for row in found)

    @cached_property
    def state(self) -> tuple[int, int]:
        """The number of tensors that are training state, and their size in bytes."""
        found = [row for row in self._distinct if row.kind == "state"]
        return len(found), sum(row.bytes for row in found)

    @cached_property
    def dtypes(self) -> list[DtypeTotal]:
        """The totals by dtype, packed weights by that of their method; shared variables and buffers as in ``parameters``."""
        return dtype_totals(
            (
                row.packed.dtype if row.packed else row.dtype,
                row.parameters,
                row.bytes,
                row.bytes * (row.kind == "overhead"),
            )
            for row in self._distinct
            if row.kind not in APART
        )

    @property
    def packed(self) -> bool:
        """Whether some of the weights are packed."""
        return any(row.packed is not None for row in self.rows)

    def unpacked(self) -> Variables:
        """Return the variables with each packed weight as one, of which shape, dtype and bytes are known and no values."""
        rows = [unpacked(row) for row in self.rows if row.kind != "overhead"]
        return replace(self, rows=rows)

    @cached_property
    def _distinct(self) -> list[VariableRow]:
        """One row for each data: of the model where both the model and its training state hold it, as averaged weights may."""
        found: dict[str, VariableRow] = {}
        for row in self.rows:
            key = row.same_as or row.path
            if key not in found or (found[key].kind in APART and row.kind not in APART):
                found[key] = row
        return list(found.values())

    def to_json(self, values: bool = False) -> JSONObject:
        """Return the document ``layercli vars --format json`` prints."""
        return {
            "schema": "layercli.vars/1",
            "variables": [row.to_json(values) for row in self.rows],
            "totals": {
                "variables": len(self.rows),
                "parameters": self.parameters,
                "bytes": self.bytes,
                **({"state_bytes": self.state[1]} if self.state[0] else {}),
                "dtypes": [total.to_json() for total in self.dtypes],
                **(
                    {"buffers": self.buffers[0]}
                    if any(row.kind in ("parameter", "buffer") for row in self.rows)
                    else {}
                ),
            },
        }


def of_file(file: WeightFile, config: Mapping[str, object] | None = None) -> Variables:
    """Return the entries of a weight file; where it has them by the alphabet, numbers among their names in their order.

    ``config`` is the config.json of its folder, for packed weights.
    """
    entries = list(file.entries.values())
    if is_alphabetical(entries):
        entries.sort(key=lambda entry: natural(entry.path))
    holds = {name: weight for weight in packed_weights(file, config) for name in (*weight.overhead, weight.values)}
    rows = [as_packed(of_entry(file, entry), holds.get(entry.path)) for entry in entries]
    apart, _ = left_out(file.entries, getattr(file, "parts", ()))
    grouped = [row for row in rows if row.path not in apart]
    return Variables(str(file.file), [*grouped, *(replace(row, kind="state") for row in rows if row.path in apart)])


def as_packed(row: VariableRow, weight: PackedWeight | None) -> VariableRow:
    """Return the row of an entry with what it stands for: the parameters of a packed weight, or none, as scales do."""
    if weight is None:
        return row
    if row.path == weight.values:
        return replace(row, packed=weight, parameters=weight.size)
    return replace(row, packed=weight, parameters=0, kind="overhead")


def unpacked(row: VariableRow) -> VariableRow:
    """Return the row of a packed weight in place of that of its values; another one unchanged."""
    weight = row.packed
    if weight is None:
        return row

    def refuse() -> object:
        raise FormatError(f"the values of {weight.path!r} cannot be read, as they are packed", code="unreadable")

    return replace(
        row,
        path=weight.path,
        shape=weight.shape,
        dtype=weight.dtype,
        bytes=weight.bytes,
        values=ComputedValues(refuse),
        unreadable="they are packed",
    )


def is_alphabetical(entries: list[TensorEntry]) -> bool:
    """Whether a writer sorted the entries by name, perhaps those of each dtype by themselves, as safetensors does."""
    paths: dict[str, list[str]] = {}
    for entry in entries:
        paths.setdefault(entry.dtype, []).append(entry.path)
    return all(found == sorted(found) for found in paths.values())


NUMBER = re.compile(r"[0-9]+")


def natural(path: str) -> str:
    """Return the key by which ``layers.2`` comes before ``layers.10``: before each number stands how many digits it has.

    >>> sorted(["a/10/b", "a/9/b", "a/b"], key=natural)
    ['a/9/b', 'a/10/b', 'a/b']
    """
    return NUMBER.sub(lambda found: with_length(found[0]), path)


@lru_cache(maxsize=1 << 16)
def with_length(digits: str) -> str:
    """Return a number so that texts with numbers in their places compare as the numbers do, and less than any letter."""
    return f"\0{chr(min(len(digits.lstrip('0')), sys.maxunicode))}{digits}\0"


def of_exported(path: str) -> Variables:
    """Return the state_dict of a ``.pt2``, which records what is trainable."""
    from layercli.formats.pt2_state_dict import Pt2File

    file = Pt2File(path)
    return Variables(
        path, [replace(of_entry(file, entry), trainable=file.trainable[name]) for name, entry in file.entries.items()]
    )


def of_entry(file: WeightFile, entry: TensorEntry) -> VariableRow:
    """Return the row of one entry of ``file``."""
    path, shape, dtype, held, same_as, opaque = entry
    size = math.prod(shape)
    bits = BITS.get(dtype, 0) if held is None and opaque is None else 0
    return VariableRow(  # positional arguments, and each property computed once: there may be a million
        path,
        shape,
        sys.intern(dtype),
        None,
        size,
        size * bits // 8 if bits >= 8 else entry.bytes,
        None,
        EntryValues(file, path),
        same_as=same_as,
        unreadable=None if bits >= 8 else entry.unreadable,
    )


def matching(variables: Variables, pattern: str | None) -> Variables:
    """Return those whose path matches ``pattern``: a shell pattern with ``*``, ``?`` or ``[``, else a part of the path."""
    if pattern is None:
        return variables
    rows = [row for row in variables.rows if matches(row.path, pattern)]
    if not rows:
        paths = [row.path for row in variables.rows]
        raise UsageError(
            f"no variable of {variables.source} matches {pattern!r}", hint=nearest(pattern, paths, "variables")
        )
    return replace(variables, rows=rows)


def check_drawn(variables: Variables) -> None:
    """Raise FormatError where more initial values would be drawn for the rows than the limit allows."""
    held = [row.values.drawn for row in variables.rows if isinstance(row.values, ComputedValues)]
    drawn = {each for each in held if each is not None}
    count, size = sum(each.count for each in drawn), sum(each.bytes for each in drawn)
    if count > limits.DRAWN.value:
        error = limits.DRAWN.refused(
            f"{variables.source} has no weights, and {count:,} initial values ({size:,} bytes) are more than the "
            f"limit of {limits.DRAWN.value:,} to draw"
        )
        error.hint = f"name a file of weights, or a part: layercli vars MODEL PATTERN; {error.hint}"
        raise error


def measure(variables: Variables) -> None:
    """Compute the statistics and the histogram of every row whose values can be read."""
    for row in variables.rows:
        if row.unreadable is None:
            sample = ValueSample()
            row.statistics = statistics(row.chunks(), sample)
            row.histogram = sample.histogram()


def unread(rows: Iterable[VariableRow]) -> list[str]:
    """Return a sentence for each reason why the values of some rows cannot be read."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.unreadable is not None and row.path not in found.setdefault(row.unreadable, []):
            found[row.unreadable].append(row.path)
    return [
        f"the values of {paths[0]!r}{f' and {len(paths) - 1:,} more' if paths[1:] else ''} are not read: {why}"
        for why, paths in found.items()
    ]
