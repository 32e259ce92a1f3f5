"""Models: a layer made of layers. Written as a class, drawn from inputs to outputs, or stacked (see sequential)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.core import naming, tree
from layercli.core.graph import Graph
from layercli.core.layer import Layer
from layercli.core.symbolic import SymbolicTensor
from layercli.errors import ShapeError, UsageError


class Model(Layer):
    """A layer that nests layers, to be trained, saved and looked at.

    Subclass it and write ``call``, or give it the ends of what was drawn with ``Input``: ``Model(inputs, outputs)``.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a Functional for ``Model(inputs, outputs)``."""
        if cls is Model and (len(args) == 2 or "outputs" in kwargs):
            return super().__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the direct sublayer of that name, or at that place."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise UsageError(f"{self.name} has {len(self.layers)} layers, there is none at {index}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UsageError(
            f"{self.name} has no layer {name!r}", hint=f"its layers: {', '.join(x.name for x in self.layers)}"
        )


class Functional(Model):
    """The model between ``inputs`` and ``outputs``: symbolic tensors, or lists, tuples and dicts of them."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        for end, given in (("inputs", inputs), ("outputs", outputs)):
            if not all(isinstance(x, SymbolicTensor) for x in tree.leaves(given)):
                raise UsageError(f"the {end} of a model must come from Input and from layers called on it")
        self._graph = Graph(inputs, outputs)
        self._traced = (self._graph.specs,)
        self.built = True

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, flat."""
        return tree.leaves(self._graph.inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat."""
        return tree.leaves(self._graph.outputs)

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers of the graph under their own names, or, for names given by themselves, class by class."""
        layers = {id(node.target): node.target for node in self._graph.nodes if isinstance(node.target, Layer)}
        yield from named_by_class(list(layers.values()))

    def call(self, inputs: Any) -> Any:
        """Return the outputs of the graph."""
        return self._graph.run(self._in_order(inputs))

    def _in_order(self, inputs: Any) -> list[Any]:
        """Return ``inputs`` flat in the graph's order; a dict is taken by the inputs' names."""
        wanted = self._graph.inputs
        if isinstance(inputs, dict):
            names = list(wanted) if isinstance(wanted, dict) else [x.name for x in self.inputs]
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ShapeError(f"expects an input named {missing[0]!r}, got {', '.join(map(repr, inputs)) or 'none'}")
            return tree.leaves([inputs[name] for name in names])
        flat = tree.leaves(inputs)
        if len(flat) != len(self.inputs):
            raise ShapeError(f"expects {len(self.inputs)} inputs, got {len(flat)}")
        return flat


def named_by_class(layers: list[Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield layers with names that do not depend on what was made before: the author's, or the class's, numbered here."""
    stems = [naming.snake_case(type(layer).__name__) if automatic(layer) else layer.name for layer in layers]
    yield from zip(naming.distinct(stems), layers, strict=True)


def automatic(layer: Layer) -> bool:
    """Whether the layer's name was not chosen by its author."""
    stem = naming.snake_case(type(layer).__name__)
    rest = layer.name.removeprefix(stem)
    return layer.name.startswith(stem) and (not rest or rest[1:].isdigit())
