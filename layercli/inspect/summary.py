"""A summary: a row per layer with shapes, parameters and cost, the totals, and their JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from layercli.core import dims
from layercli.core.backend import get_backend
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass

if TYPE_CHECKING:
    from layercli.inspect.adapter import Adapter
    from layercli.inspect.decoding import DecodingStep
    from layercli.inspect.dtype_totals import DtypeTotal


@dataclass
class Row:
    """One layer. Counts include its sublayers; ``shared``: it is called more than once.

    A layer that was never called has no shapes; if it is not built, its parameter count is None. A weight file does not record
    the classes of its modules. ``shared_with`` are the other paths of its own parameters, or the first path of a layer that
    has a row at several; ``counted`` is the number of its parameters that no earlier row holds, if that is not all.
    """

    path: str
    name: str
    cls: str | None
    depth: int
    input_shape: Any
    output_shape: Any
    parameters: int | None
    trainable: int | None
    non_trainable: int | None
    macs: Size
    shared: bool
    variables: dict[str, Shape] = field(default_factory=dict)
    shared_with: list[str] = field(default_factory=list)
    counted: int | None = None
    repeats: int = 1
    """How many equal layers it stands for, where they are folded."""

    def to_json(self, parameters: int, texts: SizeTexts, variables: bool = False) -> JSONObject:
        """Return the row as JSON data, with its share of ``parameters``; ``texts`` are those of the rows before it."""
        document = vars(self).copy()  # asdict would copy every shape and size
        for name in (
            "counted",
            "repeats",
            *([] if variables else ["variables"]),
            *([] if self.shared_with else ["shared_with"]),
        ):
            del document[name]
        if variables:
            document["variables"] = {name: texts.shapes(shape) for name, shape in self.variables.items()}
        sizes = {"input_shape": texts.shapes(self.input_shape), "output_shape": texts.shapes(self.output_shape)}
        return {
            "class" if key == "cls" else key: value
            for key, value in {**document, **sizes, **texts.cost(self.macs), "share": self.share(parameters)}.items()
        }

    @property
    def new_parameters(self) -> int:
        """The number of its parameters that no row before it has."""
        return (self.parameters or 0) if self.counted is None else self.counted

    def share(self, parameters: int) -> float:
        """Return which share it has of so many ``parameters``: of what no row before it has."""
        return self.new_parameters / parameters if parameters else 0.0


@dataclass
class Totals:
    """Sums over the whole model, with shared parameters counted once; ``bytes`` is the size of the variables.

    The trainable count is None if a file does not record it.
    """

    parameters: int
    trainable: int | None
    non_trainable: int | None
    bytes: int
    macs: Size


@dataclass
class Summary:
    """A model, its inputs and outputs, its layers in definition order, and the totals."""

    name: str
    cls: str | None
    source: str
    inputs: list[tuple[str, Spec]]
    outputs: list[tuple[str, Spec]]
    rows: list[Row]
    totals: Totals
    footnotes: list[str] = field(default_factory=list)
    failure: str | None = None
    """Why the forward pass failed; the rows are known up to that call."""
    other_outputs: list[tuple[str, str]] = field(default_factory=list)
    """The outputs that are not tensors, such as a cache, with their classes."""
    other_inputs: list[tuple[str, str]] = field(default_factory=list)
    """The inputs of a graph that are not tensors, with their types: ``sequence of float32``."""
    adapter: Adapter | None = None
    """What the weights of an adapter change."""
    active: int | None = None
    """How many parameters each token uses, of a model with experts."""
    decoding: DecodingStep | None = None
    """What the next token costs, of a decoder."""
    dtypes: list[DtypeTotal] = field(default_factory=list)
    """The totals by dtype of a weight file."""
    kind: str = ""
    """What a weight file is, in words, and ``metadata`` what its writer noted."""
    metadata: str = ""

    def __str__(self) -> str:
        return get_backend().text(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)

    def to_json(self, depth: int | None = None, *, variables: bool = False) -> JSONObject:
        """Return the document ``layercli summary --format json`` prints, with the rows down to ``depth``.

        ``variables``: with the shapes of each layer's own variables.
        """
        shown, texts = [row for row in self.rows if depth is None or row.depth <= depth], SizeTexts()
        return {
            "schema": "layercli.summary/1",
            "model": {
                "name": self.name,
                "class": self.cls,
                "source": self.source,
                **({"kind": self.kind} if self.kind else {}),
            },
            "inputs": [json_end(name, spec) for name, spec in self.inputs],
            "outputs": [json_end(name, spec) for name, spec in self.outputs],
            "rows": [row.to_json(self.totals.parameters, texts, variables) for row in shown],
            "totals": {
                **asdict(self.totals),
                **json_cost(self.totals.macs),
                **({"active_parameters": self.active} if self.active is not None else {}),
            },
            **({"adapter": self.adapter.to_json()} if self.adapter is not None else {}),
            **({"decoding": self.decoding.to_json()} if self.decoding is not None else {}),
            **({"dtypes": [total.to_json() for total in self.dtypes]} if self.dtypes else {}),
            **({"notes": self.footnotes} if self.footnotes else {}),
            **({"failure": self.failure} if self.failure else {}),
        }


def as_shape(sizes: Iterable[Size]) -> _Shape:
    """Return sizes as a shape that prints compactly inside a tree."""
    return _Shape(sizes)


class _Shape(tuple):  # type: ignore[type-arg]  # of sizes
    """A shape that prints compactly inside a tree of shapes."""

    def __repr__(self) -> str:
        return show_shape(tuple(self))


def json_end(name: str, spec: Spec) -> dict[str, object]:
    """Return one input or output as JSON data."""
    return {"name": name, "shape": json_shapes(spec.shape), "dtype": spec.dtype}


def json_shapes(shape: Any) -> object:
    """Return a shape, or a tree of shapes, as JSON data."""
    if shape is None:
        return None
    if isinstance(shape, dict):
        return {key: json_shapes(item) for key, item in shape.items()}
    if any(isinstance(item, (tuple, list, dict)) for item in shape):
        return [json_shapes(item) for item in shape]
    return [
        None if size is None or (axis == 0 and size == dims.Dim.named(dims.BATCH)) else json_size(size)
        for axis, size in enumerate(shape)
    ]


def json_cost(cost: Size) -> dict[str, int | str | None]:
    """Return a cost as JSON has it: a number or null, and beside it the formula of one that depends on named sizes."""
    known = isinstance(cost, Dim) and cost != UNKNOWN
    return {"macs": None if isinstance(cost, Dim) else cost, "macs_formula": str(cost) if known else None}


class SizeTexts:
    """The JSON of shapes and costs, once for those that are the same object, as rows of equal layers have them."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, Any]] = {}  # with the object, whose id no other then has

    def shapes(self, shape: Any) -> Any:
        """Return a shape, or a tree of shapes, as JSON data."""
        return self._of(shape, json_shapes)

    def cost(self, cost: Size) -> dict[str, int | str | None]:
        """Return a cost as JSON has it."""
        return self._of(cost, json_cost) if isinstance(cost, Dim) else json_cost(cost)

    def _of(self, value: Any, convert: Callable[[Any], Any]) -> Any:
        if id(value) not in self._made:
            self._made[id(value)] = value, convert(value)
        return self._made[id(value)][1]


def json_size(size: Size) -> int | str | None:
    """Return a number, a formula as text, or null for an unknown size."""
    if isinstance(size, Dim):
        return None if size == UNKNOWN else str(size)
    return size
