"""The layers of a model from one walk: their paths and depths, what each contains, and the variables that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from layercli.core.layer import Layer
from layercli.core.variable import Variable


class LayerTree:
    """A model's layers, each once, parents first; what is asked of each of them is computed from the layers inside it.

    A model of a thousand layers asks a thousand times what is below a layer: ``Layer.variables`` would walk through all of it
    every time.
    """

    def __init__(self, model: Layer) -> None:
        self.layers: list[tuple[str, Layer]] = []
        self.children: dict[int, list[Layer]] = {}
        pending = [("", model)]
        while pending:
            path, layer = pending.pop()
            if id(layer) not in self.children:
                inside = layer.children()
                self.layers.append((path, layer))
                self.children[id(layer)] = [child for _, child in inside]
                pending += [(f"{path}/{key}".lstrip("/"), child) for key, child in reversed(inside)]
        self.depths = {id(model): 0}
        for _, layer in self.layers:
            for child in self.children[id(layer)]:
                self.depths.setdefault(id(child), self.depths[id(layer)] + 1)
        self._held: dict[int, dict[Variable, None]] = {}
        self._lacking: dict[int, bool] = {}
        for layer in self._inner_first():
            self._held[id(layer)] = dict.fromkeys(layer.own_variables)
            self._lacking[id(layer)] = not layer.built and type(layer).build is not Layer.build and not layer.stateless
            for child in self.children[id(layer)]:
                self._held[id(layer)].update(self._held.get(id(child), {}))
                self._lacking[id(layer)] |= self._lacking.get(id(child), False)

    def _inner_first(self) -> Iterator[Layer]:
        """Yield each layer after those inside it; layers that contain each other in any order."""
        seen: set[int] = set()
        pending = [(self.layers[0][1], False)]
        while pending:
            layer, done = pending.pop()
            if done:
                yield layer
            elif id(layer) not in seen:
                seen.add(id(layer))
                pending.append((layer, True))
                pending += [(child, False) for child in self.children[id(layer)]]

    def below(self) -> Iterator[tuple[str, int, Layer]]:
        """Yield the path, depth and layer of everything below the model."""
        for path, layer in self.layers[1:]:
            yield path, self.depths[id(layer)], layer

    def variables(self, layer: Layer) -> list[Variable]:
        """Return the variables of a layer and of those below it, each once."""
        return list(self._held[id(layer)])

    @cached_property
    def counts(self) -> dict[int, int]:
        """The parameters of each layer and of those below it that no layer before it has, by the layer's id."""
        found: dict[int, int] = {}
        seen: set[Variable] = set()
        above: list[tuple[str, Layer]] = []
        for path, layer in self.layers:
            while above and above[-1][0] and not path.startswith(f"{above[-1][0]}/"):
                above.pop()
            above.append((path, layer))
            new = [variable for variable in layer.own_variables if variable not in seen]
            seen.update(new)
            size = sum(variable.parameters for variable in new)
            for _, each in above:
                found[id(each)] = found.get(id(each), 0) + size
        return found

    def lacks_variables(self, layer: Layer) -> bool:
        """Whether a layer, or one below it, is not built yet."""
        return self._lacking[id(layer)]
