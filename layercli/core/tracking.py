"""Track the variables and sublayers of a layer by their attribute names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from typing import TYPE_CHECKING, Any, cast

from layercli.core import naming, seed
from layercli.core.backend import get_backend
from layercli.core.dims import Size, total
from layercli.errors import NotBuiltError, ShapeError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
    from layercli.core.variable import Variable


class Trackable:
    """Own variables by name, and sublayers in attributes, lists, tuples and dicts."""

    name: str = ""
    built: bool = False
    _variables: dict[str, Variable]
    _trainable: bool = True
    _module: Any = None
    _call_specs: Any = None
    _built_for: Any = None
    _node: Any = None
    _activity_regularizer: Any = None
    _input_shape: Any = None
    _asks_training = False  # whether it is a graph that was drawn with an argument `training` of a layer
    _makes_tensors = False
    """Whether a call makes tensors of nothing but settings, which its layer module then creates on the device of its inputs."""

    wraps_modules = True
    _root: Any = None
    """The model around it, until the layer module is made: initial values follow from the path in that model."""
    _path_drawn: str | None = None

    def path_drawn(self) -> str:
        """Return the seed and path that initial values follow from, of an outermost layer: fixed when it is first built."""
        if self._path_drawn is None:
            vars(self)["_path_drawn"] = seed.new_root(naming.stem_of(self))
        return cast("str", self._path_drawn)

    def draw_anew(self) -> None:
        """Draw initial values, if there are none yet, as the first layer of its name does since the last ``set_seed``."""
        vars(self).pop("_path_drawn", None)

    def set_as_root(self) -> None:
        """Be the model around all layers below that have no values yet, unless they are in another one that is not below."""
        self.path_drawn()
        below = self.layers_below()
        inside = {id(layer) for layer in below}
        for layer in below[1:]:
            if layer._module is None and (layer._root is None or id(layer._root) in inside):
                vars(layer)["_root"] = self

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; a torch module becomes a layer, as in Keras, so that its parameters are trained and saved.

        The layer module registers a replaced sublayer in the next call.
        """
        if type(value) in PLAIN:
            object.__setattr__(self, name, value)
            return
        if name not in FRAMEWORK and self.wraps_modules and is_torch_module(value):
            value = get_backend().wrap_module(value)
        object.__setattr__(self, name, value)
        if name not in FRAMEWORK:
            self._register_variables(value)
        if isinstance(value, Trackable) and name not in FRAMEWORK and self.__dict__.get("_module") is not None:
            self._module.ready = False

    def _register_variables(self, value: object) -> None:
        """Make variables of no layer those of this one: ``self.scale = Variable(1.0)``, or a list of them."""
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if getattr(type(each), "is_free", None) is not None and each.is_free:
                each.join(self, naming.uniquify([*self._variables, each.key.replace("/", "_").replace(".", "_")])[-1])

    def children(self) -> list[tuple[str, Layer]]:
        """Return the direct sublayers with their paths: ``conv2a``, ``blocks/0``, ``heads/left``."""
        found: list[tuple[str, Layer]] = []
        own = self.__dict__
        for key, value in compress(own.items(), map(may_hold, map(type, own.values()))):
            if key not in FRAMEWORK:
                if isinstance(value, Trackable):
                    found.append((key, value))  # type: ignore[arg-type]  # every Trackable is a Layer
                elif value:
                    found += _layers_in(key, value)
        return found

    def layers_below(self) -> list[Layer]:
        """Return this layer and all layers below, each once, in the order of ``named_layers``."""
        found: dict[int, Any] = {}
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                stack += [child for _, child in reversed(layer.children())]
        return list(found.values())

    def named_layers(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer and all layers below, each once, with its path from here (empty for this one)."""
        seen: set[int] = set()
        stack: list[tuple[str, Any]] = [(path, self)]
        while stack:
            path, layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            yield path, layer
            stack += [(f"{path}/{key}".lstrip("/"), child) for key, child in reversed(layer.children())]

    def path_to(self, layer: Trackable) -> str:
        """Return the path from here to a layer below, or empty text if it is not below."""
        return next((path for path, found in self.named_layers() if found is layer), "")

    def named_variables(self) -> dict[str, Variable]:
        """Return every variable by its path from here: ``conv2a/kernel``."""
        return {
            f"{path}/{variable.key}".lstrip("/"): variable
            for path, layer in self.named_layers()
            for variable in layer.own_variables
        }

    def own_metrics(self) -> list[Any]:
        """Return the metrics in the attributes of this layer and of those below, also in lists and dicts."""
        found = [
            x
            for layer in self.layers_below()
            for key, value in vars(layer).items()
            if key not in FRAMEWORK
            for x in _metrics_in(value)
        ]
        return list({id(metric): metric for metric in found}.values())

    @property
    def layers(self) -> list[Layer]:
        """The direct sublayers, each once."""
        return list({id(layer): layer for _, layer in self.children()}.values())

    @property
    def serialized_variables(self) -> list[Variable]:
        """The layer's own variables that Keras's files hold."""
        return self.own_variables

    def serialized_value(self, variable: Variable) -> Any:
        """Return the value of a variable in Keras's files, as a NumPy array."""
        return variable.numpy()

    def reset_after_load(self) -> list[tuple[Variable, Any]]:
        """Return the variables that Keras's files do not hold, with their values after loading; usually none."""
        return []

    def assets(self) -> dict[str, bytes]:
        """Return the files that a .keras archive holds for this layer, by name; usually none."""
        return {}

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        """Take what the files say that ``assets`` gave."""

    def named_arrays(self) -> dict[str, object]:
        """Return the arrays that files hold for this layer by name, not being variables; usually none."""
        return {}

    def named_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays that a file must hold for ``load_named_arrays``."""
        return {}

    def load_named_arrays(self, arrays: Mapping[str, object]) -> None:
        """Take the arrays that ``named_arrays`` gave."""

    @property
    def own_variables(self) -> list[Variable]:
        """The variables of this layer itself: those created trainable first, then the others, in order of creation."""
        persistent = [variable for variable in self._variables.values() if variable.persistent]
        if len(persistent) < 2:
            return persistent
        return sorted(persistent, key=lambda variable: not variable.made_trainable)

    @property
    def variables(self) -> list[Variable]:
        """Every variable of this layer and those below, each once, in Keras's order."""
        own = [variable for layer in self.layers_below() for variable in layer.own_variables]
        return list(dict.fromkeys(own))

    @property
    def weights(self) -> list[Variable]:
        """The same as ``variables``."""
        return self.variables

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that an optimizer updates."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that an optimizer does not update."""
        return [variable for variable in self.variables if not variable.trainable]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether its variables are trained; setting it also sets it for every layer below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers_below():
            layer._trainable = bool(value)
            layer.update_requires_grad()

    def update_requires_grad(self) -> None:
        """Update requires_grad of the parameters of the layer module, if there is one."""
        if self._module is not None:
            self._module.update_requires_grad()

    def count_params(self) -> Size:
        """Return the number of values in all variables. Raises NotBuiltError before the layer is built."""
        if not self.built:
            raise NotBuiltError(
                f"{self.name} has no variables yet: their shapes follow from its input",
                hint="call it on data, or build(input_shape)",
            )
        return total(variable.size for variable in self.variables)

    def get_weights(self) -> list[Any]:
        """Return copies of the values of all variables as NumPy arrays."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Set every variable from ``weights``, in the order of ``variables``. If one does not fit, nothing is set."""
        variables, values = self.variables, list(weights)
        if len(values) != len(variables):
            raise ShapeError(f"{self.name} has {len(variables)} variables, got {len(values)} weights")
        for variable, value in zip(variables, values, strict=True):
            if tuple(value.shape) != variable.shape:
                raise ShapeError(
                    f"the variable {variable.path} has the shape {variable.shape}, not {tuple(value.shape)}"
                )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


PLAIN = frozenset({type(None), bool, int, float, str})
"""The types of most attributes of a layer, which hold no sublayer."""
MAY_HOLD_LAYERS = (Trackable, list, tuple, dict)


class HoldingTypes(dict[type, bool]):
    """Whether attributes of a type may hold sublayers: a model asks it of each attribute many times."""

    def __missing__(self, kind: type) -> bool:
        """Return it for a type that was not met before."""
        return self.setdefault(kind, issubclass(kind, MAY_HOLD_LAYERS))


may_hold = HoldingTypes().__getitem__
FRAMEWORK = frozenset(
    {
        "_variables",
        "_module",
        "_init_args",
        "_call_specs",
        "_policy",
        "_settings",
        "_graph",
        "_input",
        "_built_for",
        "_node",
        "_path_drawn",
        "_root",
        "_trainer",
    }
)
"""Attributes of a layer that are the framework's own, and hold no sublayer of the author's."""


def is_torch_module(value: object) -> bool:
    """Whether ``value`` is a torch.nn.Module; false if torch is not loaded."""
    nn = getattr(sys.modules.get("torch"), "nn", None)
    return nn is not None and isinstance(value, nn.Module)


def _metrics_in(value: object) -> list[object]:
    if isinstance(value, (list, tuple, dict)):
        return [x for each in (value.values() if isinstance(value, dict) else value) for x in _metrics_in(each)]
    return [value] if hasattr(type(value), "stateless_update_state") else []


def _layers_in(path: str, value: object) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Trackable):
        yield path, value  # type: ignore[misc]  # every Holder is a Layer
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            if isinstance(item, MAY_HOLD_LAYERS):
                yield from _layers_in(f"{path}/{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, MAY_HOLD_LAYERS):
                yield from _layers_in(f"{path}/{key}", item)
