"""Lambda."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from layercli.core import call_context, tree
from layercli.core.custom_objects import custom_object_scope, get_registered_object
from layercli.core.fields import Validator
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.registry import function as named
from layercli.core.types import Config, Tensor
from layercli.errors import UsageError
from layercli.layers.core.opaque_op import OpaqueOp

SERIALIZED = ("function", "output_shape", "mask")
"""The settings that may be functions."""


def _callable(value: object) -> object:
    if not callable(value):
        raise TypeError
    return value


class Lambda(Layer):
    """out = function(x, **arguments); the function also gets ``mask`` and ``training`` if it takes them.

    The output shape is found by calling the function on a symbolic tensor, or else it is ``output_shape``. A file holds the name of
    the function, which must be registered with register_keras_serializable or given as a custom object. Raises UsageError for a
    lambda expression in a file: its code is never executed.

    Args:
        function: The function of the inputs.
        output_shape: The shape without the batch, or a function of the input shape, where the function cannot be traced.
        mask: The mask of the outputs, or a function of the inputs and their mask.
        arguments: A dict of further keyword arguments of the function.
    """

    function: Annotated[Any, Validator("a function", _callable)]
    output_shape: Any = None
    mask: Any = None
    arguments: Annotated[Any, Validator("a dict of arguments", lambda value: dict(value or {}))] = None

    def setup(self) -> None:
        """Find the arguments that the function takes."""
        self.supports_masking = self.mask is not None
        self._wanted = wanted_by(self.function) & {"mask", "training"}

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Any:
        """Return what the function gives."""
        optional = {"mask": mask, "training": training}
        given = self.arguments | {name: optional[name] for name in self._wanted}
        if self.output_shape is None or not any(isinstance(x, SymbolicTensor) for x in tree.flatten(inputs)):
            return self.function(inputs, **given)
        calls = call_context.call_stack()[-1].node.calls
        before = len(calls)
        try:
            return self.function(inputs, **given)
        except Exception:  # the user's code, on a symbolic tensor
            del calls[before:]
            return OpaqueOp(self._promised(inputs), self.compute_dtype)(*tree.flatten(inputs))

    def _promised(self, inputs: Tensor) -> Any:
        """Return the shape of the outputs as the setting says it, or a list of them."""
        if callable(self.output_shape):
            return self.output_shape(tree.map_structure(lambda x: tuple(x.shape), inputs))
        batch = tree.flatten(inputs)[0].shape[0]
        if all(isinstance(each, (list, tuple)) for each in self.output_shape):
            return [(batch, *each) for each in self.output_shape]
        return (batch, *self.output_shape)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Any:
        """Return the mask that the setting says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> Config:
        """Return the settings, functions by their names; UsageError for one without."""
        held: dict[str, object] = {name: vars(self)[name] for name in SERIALIZED if callable(vars(self)[name])}
        for name, value in held.items():
            if getattr(value, "__name__", "<lambda>") == "<lambda>":
                raise UsageError(
                    f"{self.name} (Lambda) has a {name} without a name, and a file holds no code",
                    hint="write it with def, and register it with register_keras_serializable",
                )
        return super().get_config() | {name: named(value) for name, value in held.items()}

    def clone_from_config(self) -> Lambda:
        """Return a new layer of the very same functions, which need no names for that."""
        held = self.function, self.output_shape, self.mask, self.arguments
        return type(self)(*held, name=self.name, trainable=self._trainable, dtype=self.dtype_policy)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new layer of this config; UsageError where its functions are not there themselves."""
        if custom_objects:
            with custom_object_scope(custom_objects):
                return cls.from_config(config)
        found = {**config, "function": config.get("function")}
        for name in SERIALIZED:
            value = found.get(name)
            if isinstance(value, dict) and value.get("class_name") == "function":
                named_so = value.get("config"), value.get("registered_name")
                known = (get_registered_object(str(each)) for each in named_so)
                value = found[name] = next((each for each in known if each is not None), value.get("config"))
            if isinstance(value, str):
                raise UsageError(
                    f"its {name} {value!r} is not registered",
                    hint=f"give it as custom_objects={{{value!r}: {value}}}, or --custom FILE.py:{value}",
                )
            if (name == "function" and not callable(value)) or isinstance(value, dict):
                raise UsageError(f"its {name} has no name, and code in a file is never executed")
        return super().from_config(found)


def wanted_by(function: Callable[..., object]) -> set[str]:
    """Return the names of the arguments a function takes, none where it does not say."""
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()
