"""What Keras's layers offer beside their call: their path, stateless calls, build configs, own variables in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from layercli import regularizers
from layercli.core import dims, rematerialization, tree
from layercli.core.backend import get_backend
from layercli.core.input_spec import InputSpec, check_inputs
from layercli.core.spec import Shape
from layercli.core.types import Config
from layercli.errors import ShapeError

if TYPE_CHECKING:
    from layercli.core.variable import Variable


class LayerProtocol:
    """The part of Keras's Layer that scripts and own classes use and the framework itself does not."""

    if TYPE_CHECKING:
        name: str
        built: bool
        _variables: dict[str, Variable]
        _built_for: Any
        _call_specs: tuple[Any, ...] | None
        _module: Any
        _activity_regularizer: Any

    _input_spec: Any = None
    _autocast = True
    is_operation = False
    """Whether it is an Operation, which Keras counts among the operations of a model and not among its layers."""

    @property
    def path(self) -> str | None:
        """The names of the layers around this one and its own, as in ``block/dense``; None before the layer is built."""
        if not self.built:
            return None
        first: Variable | None = next(iter(self._variables.values()), None)
        return self.name if first is None else first.path.rpartition("/")[0]

    @property
    def input_spec(self) -> Any:
        """The InputSpec, or the tree of them, that the inputs of a call must fit; None for any.

        A call is checked against one that was set. That of Keras's own layers describes what they check themselves.
        """
        if "_input_spec" in vars(self):
            return self._input_spec
        config = self.get_build_config() if self.built else None
        return self._expected_input((config or {}).get("input_shape"))

    @input_spec.setter
    def input_spec(self, value: object) -> None:
        if any(not isinstance(each, InputSpec) for each in tree.flatten(value) if each is not None):
            raise TypeError(f"{self.name} expects input_spec to be an InputSpec or a tree of them, got {value!r}")
        self._input_spec = value

    def _expected_input(self, shape: Shape | None) -> Any:
        """Return the InputSpec of this class; ``shape`` is the input shape of a layer that is built, else None."""
        return None

    def _check_inputs(self, inputs: object) -> None:
        """Raise ShapeError where the first argument of a call does not fit ``input_spec``."""
        if self._input_spec is not None:
            check_inputs(self._input_spec, inputs)

    supports_jit = True
    """Whether the call can be compiled."""

    @property
    def activity_regularizer(self) -> Any:
        """The regularizer of the outputs, None for none."""
        return self._activity_regularizer

    @activity_regularizer.setter
    def activity_regularizer(self, value: object) -> None:
        self._activity_regularizer = regularizers.get(value)
        if "activity_regularizer" in type(self)._fields:  # type: ignore[attr-defined]  # every layer has them
            vars(self)["activity_regularizer"] = self._activity_regularizer
        if self._module is not None:
            self._module.activity_regularizer = self._activity_regularizer
            self._module.choose_forward()

    @property
    def call_signature_parameters(self) -> list[str]:
        """The names of the arguments of ``call``."""
        return list(type(self).call_argument_names())  # type: ignore[attr-defined]  # every layer has it

    @property
    def autocast(self) -> bool:
        """Whether floating-point inputs are cast to the compute dtype."""
        return self._autocast

    def quantize(self, mode: str | None = None, type_check: bool = True, config: object = None) -> None:
        """Raise NotImplementedError: this layer has no weights that are stored as integers."""
        raise NotImplementedError(f"{self.name} ({type(self).__name__}) has no weights to quantize")

    def quantized_build(self, input_shape: object, mode: str) -> None:
        """Raise NotImplementedError, as ``quantize``."""
        raise NotImplementedError(f"{self.name} ({type(self).__name__}) has no weights to quantize")

    def quantized_call(self, *args: object, **kwargs: object) -> Any:
        """Return what ``call`` returns, which computes with the variables that there are."""
        return self.call(*args, **kwargs)  # type: ignore[attr-defined]  # every layer has one

    @property
    def metrics(self) -> list[Any]:
        """The metrics in the attributes of this layer and of those below."""
        return self.own_metrics()  # type: ignore[attr-defined,no-any-return]  # every layer is a Trackable

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    remat_mode: rematerialization.RematMode | None = None
    """What of the call is computed again in the backward pass: the mode of the RematScope that the layer was made in."""

    def rematerialized_call(
        self, layer_call: Callable[..., Any], *args: object, **kwargs: object
    ) -> Callable[..., Any]:
        """Return a function that calls ``layer_call``, so that what ``remat_mode`` says is computed again in the backward pass."""
        return rematerialization.layer_call(self, layer_call, *args, **kwargs)

    def symbolic_call(self, *args: object, **kwargs: object) -> Any:
        """Return the symbolic outputs for symbolic tensors."""
        return self(*args, **kwargs)  # type: ignore[operator]  # every layer is called

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the outputs for values of the variables, and the new values of those not trained; nothing is changed.

        With ``return_losses`` also the losses. ShapeError where the numbers of values differ from those of the variables.
        """
        layer: Any = self
        groups = (
            ("trainable", layer.trainable_variables, trainable_variables),
            ("non-trainable", layer.non_trainable_variables, non_trainable_variables),
        )
        for kind, variables, values in groups:
            if len(variables) != len(values):
                raise ShapeError(f"{self.name} has {len(variables)} {kind} variables, got {len(values)} values")
        return get_backend().stateless_call(layer, groups[0][1:], groups[1][1:], args, kwargs, return_losses)

    def get_build_config(self) -> Config | None:
        """Return the shapes that the layer was built with: ``input_shape``, or ``shapes_dict`` of several; None if not built."""
        if self._built_for is None:
            return None if self._call_specs is None else self._shapes_of_call(self._call_specs)
        args, named = tree.map_structure(dims.number, self._built_for)
        if len(args) == 1 and not named:
            return {"input_shape": args[0]}
        names = [*build_argument_names(type(self))]
        return {"shapes_dict": {**dict(zip(names, args, strict=False)), **named}}

    def _shapes_of_call(self, specs: tuple[object, ...]) -> dict[str, object]:
        """Return the shapes that a layer without a ``build`` of its own was called with, unknown sizes as None."""

        def shape_of(spec: object) -> Any:
            sizes = getattr(spec, "shape", None)
            return None if sizes is None else tuple(map(dims.number, sizes))

        shapes = [tree.map_structure(shape_of, spec) for spec in specs]
        if len(shapes) == 1:
            return {"input_shape": shapes[0]}
        names = self.call_signature_parameters
        return {"shapes_dict": {f"{name}_shape": shape for name, shape in zip(names, shapes, strict=False)}}

    def build_from_config(self, config: Config) -> None:
        """Build the layer as ``get_build_config`` says."""
        layer: Any = self
        if "shapes_dict" in config:
            layer.build(**config["shapes_dict"])
        elif config:
            layer.build(config["input_shape"])

    @property
    def has_own_layout(self) -> bool:
        """Whether the class says itself how its variables lie in files, by ``save_own_variables`` or ``load_own_variables``."""
        names = ("save_own_variables", "load_own_variables")
        return any(getattr(type(self), name) is not getattr(LayerProtocol, name) for name in names)

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own variables into ``store`` under "0", "1" and so on; override it for a layout of one's own."""
        layer: Any = self
        for place, variable in enumerate(layer.serialized_variables):
            store[str(place)] = layer.serialized_value(variable)

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's own variables from ``store``; override it with ``save_own_variables``."""
        layer: Any = self
        variables = layer.serialized_variables
        if len(store) != len(variables):
            raise ShapeError(f"{self.name} has {len(variables)} variables, the file has {len(store)}")
        for place, variable in enumerate(variables):
            variable.assign(store[str(place)])


def build_argument_names(layer: type) -> list[str]:
    """Return the names of the arguments of ``build``."""
    import inspect

    return list(inspect.signature(layer.build).parameters)[1:]  # type: ignore[attr-defined]  # every layer has one
