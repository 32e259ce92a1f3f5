"""The shapes of an ONNX graph as formulas of its dynamic sizes.

Each dynamic size is filled with a prime, in two runs. How the sizes of a tensor change between the runs shows which product of
names they are; if an operator adds to a size or divides it, its own formula is tried and kept if both runs agree. A size that
no formula explains is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size, ceil_div
from layercli.core.spec import Shape, Spec
from layercli.core.types import Config
from layercli.errors import LayercliError
from layercli.formats.onnx import constant_of
from layercli.inspect.graph_signature import bound_in
from layercli.inspect.onnx.inference import Inference, Kind, settings_of, small_values
from layercli.inspect.onnx.symbolic_dims import Names, sizes_in
from layercli.ops.nn.window_geometry import Window

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


FIRST = (10007, 20011)
MOST_FORMULAS = 16
"""The maximum number of formulas combined in a product."""
SLIDING = {"Conv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool", "FusedConv"}


class Shapes:
    """The shape of each tensor, after ``infer`` was called for every node in order."""

    def __init__(
        self, file: Path, graph: GraphProto, versions: dict[str, int], inputs: dict[str, Spec], names: Names
    ) -> None:
        open_ = sorted({name for spec in inputs.values() for size in spec.shape for name in dims.names(size)})
        several = open_ or any(size == UNKNOWN for spec in inputs.values() for size in spec.shape)
        declared = {
            x.name: Spec(names.shape(sizes_in(x.type.tensor_type.shape), end=True))
            for x in graph.input
            if x.name in inputs
        }
        bound = bound_in({name: spec for name, spec in declared.items() if spec.rank == inputs[name].rank}, inputs)
        primes = [dict(zip(open_, primes_from(first), strict=False)) for first in FIRST[: 2 if several else 1]]
        stored = {x.name: x for x in [*graph.value_info, *graph.output]}
        codes = {x.name: x.type.tensor_type.elem_type for x in graph.input}
        self._bound = bound
        self._file, self._names, self._stored = file, names, stored
        self._runs = []
        for prime, first in zip(primes, FIRST, strict=False):
            fill = {**bound, **prime}
            unnamed = iter(primes_from(first * 2))
            kinds = {name: Kind(codes[name], filled(spec.shape, fill, unnamed)) for name, spec in inputs.items()}
            self._runs.append(Inference(file, versions, kinds, stored, names, fill))
        self._formulas: dict[tuple[int, ...], Size] = {
            tuple(prime[name] for prime in primes): Dim.named(name) for name in open_
        }
        self._found: dict[tuple[int, ...], Size] = {}
        self._shapes: dict[str, Shape | None] = {}

    def keep(self, name: str, x: Any) -> None:
        """Add a tensor that the file holds, with its values if it is small."""
        kind, values = Kind(x.data_type, tuple(x.dims)), small_values(self._file, name, x)
        for run in self._runs:
            run.keep(name, kind, values)

    def infer(self, node: NodeProto, settings: dict[str, object]) -> None:
        """Infer the shapes of a node's outputs."""
        if (constant := constant_of(node)) is not None:
            self.keep(node.output[0], constant)
        else:
            for run in self._runs:
                run.infer(node, settings)
        for i, name in enumerate(node.output):
            if name:
                self._shapes[name] = self._explained(name, node if i == 0 else None)

    def of(self, name: str) -> Shape | None:
        """Return the shape of a tensor, or None if its rank is unknown."""
        if name not in self._shapes:
            self._shapes[name] = self._explained(name, None)
        return self._shapes[name]

    def code(self, name: str) -> int:
        """Return ONNX's dtype number of a tensor, 0 if unknown."""
        kind = self._runs[0].kinds.get(name)
        return 0 if kind is None else kind.dtype

    def _explained(self, name: str, node: NodeProto | None) -> Shape | None:
        runs = [run.sizes(name) for run in self._runs]
        if any(sizes is None or len(sizes) != len(runs[0] or ()) for sizes in runs):
            return None
        pairs: list[Any] = list(zip(*runs, strict=True)) if len(runs) > 1 else [(size,) for size in runs[0] or ()]
        tried: Sequence[Size | None] | None = None
        found = []
        for axis, pair in enumerate(pairs):
            size = self._size(pair)
            if size == UNKNOWN and None not in pair and node is not None:
                tried = self._tried(node, len(pairs)) if tried is None else tried
                size = self._kept(tried[axis], pair)
            if size == UNKNOWN and None not in pair and name in self._stored:
                size = self._kept(self._noted(name, len(pairs))[axis], pair)
            found.append(size)
        return tuple(found)

    def _noted(self, name: str, rank: int) -> Sequence[Size | None]:
        """Return the file's own formulas for the sizes of a tensor."""
        noted = self._names.shape(sizes_in(self._stored[name].type.tensor_type.shape))
        return noted if len(noted) == rank else [None] * rank

    def _size(self, pair: tuple[int | None, ...]) -> Size:
        """Return the number on which both runs agree, a product of formulas that explains both, or unknown."""
        first, *rest = pair
        if first is None or None in rest:
            return UNKNOWN
        if not rest or first == rest[0]:
            return first
        key: Any = pair
        if key in self._formulas:
            return self._formulas[key]
        if key not in self._found:
            self._found[key] = next(self._products(*key), UNKNOWN)
        return self._found[key]

    def _products(self, first: int, second: int) -> Iterator[Size]:
        known = list(self._formulas.items())
        degrees = (combinations_with_replacement(known, degree) for degree in (1, 2, 3))
        for factors in chain.from_iterable(degrees):
            whole = [1, 1]
            for (a, b), _ in factors:
                whole = [whole[0] * a, whole[1] * b]
            times, rest = divmod(first, whole[0])
            if times and rest == 0 and second == times * whole[1]:
                yield times * dims.product(formula for _, formula in factors)

    def _kept(self, formula: Size | None, pair: tuple[int, ...]) -> Size:
        """Store a formula that explains both runs for later use; else return unknown."""
        formula = None if formula is None else dims.at(formula, self._bound)
        if not isinstance(formula, Dim) or formula == UNKNOWN:
            return UNKNOWN
        if tuple(dims.at(formula, run.fill) for run in self._runs) != pair:
            return UNKNOWN
        if len(self._formulas) < MOST_FORMULAS:
            self._formulas[pair] = formula
            self._found.clear()
        else:
            self._found[pair] = formula
        return formula

    def _tried(self, node: NodeProto, rank: int) -> Sequence[Size | None]:
        """Return the sizes by an operator's own formula if it adds to or divides the sizes of its first input."""
        given = [self.of(name) for name in node.input if name]
        if not given or given[0] is None or len(given[0]) != rank:
            return [None] * rank
        try:
            return tried(node, given, settings_of(node, self._file), [self._moved(node, axis) for axis in range(rank)])
        except (LayercliError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            return [None] * rank

    def _moved(self, node: NodeProto, axis: int) -> int | None:
        """Return the difference in size between an axis of a node's output and its first input, if both runs agree."""
        ends = [(run.sizes(node.input[0]) or (), run.sizes(node.output[0]) or ()) for run in self._runs]
        moved = {b[axis] - a[axis] for a, b in ends if a[axis] is not None and b[axis] is not None}  # type: ignore[operator]
        return moved.pop() if len(moved) == 1 else None


def tried(
    node: NodeProto, given: Sequence[Shape | None], settings: dict[str, object], moved: list[int | None]
) -> list[Size | None]:
    """Return the formula for each axis of a node's output; None for an axis without one."""
    first = given[0]
    assert first is not None
    if node.op_type in SLIDING:
        return [None, None, *slid(first[2:], given, settings)]
    if node.op_type == "ConvTranspose":
        return [None, None, *spread(first[2:], given, settings)]
    if node.op_type == "Concat":
        return [dims.total(x[axis] if x else UNKNOWN for x in given) for axis in range(len(first))]
    if node.op_type in ("Pad", "Slice"):
        return [None if by is None else size + by for size, by in zip(first, moved, strict=True)]
    return [None] * len(first)


def slid(sizes: Sequence[Size], given: Sequence[Shape | None], settings: Config) -> list[Size]:
    """Return the number of window positions along each axis."""
    kernel, strides, dilations, pads = geometry(len(sizes), given, settings)
    if settings.get("auto_pad", "NOTSET").startswith("SAME"):
        return [ceil_div(size, stride) for size, stride in zip(sizes, strides, strict=True)]
    found = []
    for i, size in enumerate(sizes):
        window, padded = Window(kernel[i], strides[i], "valid", dilations[i]), size + pads[i] + pads[i + len(sizes)]
        found.append(window.output(padded + (strides[i] - 1) * settings.get("ceil_mode", 0)))
    return found


def spread(sizes: Sequence[Size], given: Sequence[Shape | None], settings: Config) -> list[Size]:
    """Return the output sizes of a transposed convolution for ``sizes``."""
    kernel, strides, dilations, pads = geometry(len(sizes), given, settings)
    extra = settings.get("output_padding") or [0] * len(sizes)
    if settings.get("auto_pad", "NOTSET").startswith("SAME"):
        return [size * stride for size, stride in zip(sizes, strides, strict=True)]
    return [
        strides[i] * (size - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1 - pads[i] - pads[i + len(sizes)]
        for i, size in enumerate(sizes)
    ]


def geometry(rank: int, given: Sequence[Shape | None], settings: Config) -> tuple[list[int], ...]:
    """Return kernel, strides, dilations and padding at both ends of each axis."""
    kernel: Any = settings.get("kernel_shape")
    if kernel is None:
        kernel = next(x[2:] for x in given[1:] if x is not None and len(x) == rank + 2)
    return (
        [int(n) for n in kernel],
        settings.get("strides") or [1] * rank,
        settings.get("dilations") or [1] * rank,
        settings.get("pads") or [0] * 2 * rank,
    )


def filled(shape: Shape, fill: dict[str, Size], unnamed: Iterator[int]) -> tuple[int | None, ...]:
    """Return the sizes of an input in one run; each unnamed size gets its own prime."""
    found = [dims.at(size, fill) for size in shape]
    return tuple(size if isinstance(size, int) else next(unnamed) for size in found)


def primes_from(start: int) -> Iterator[int]:
    """Yield the primes from ``start`` on."""
    number = start | 1
    while True:
        if all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2)):
            yield number
        number += 2
