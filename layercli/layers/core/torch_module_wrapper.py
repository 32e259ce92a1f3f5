"""TorchModuleWrapper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from layercli.core import dtypes, tree
from layercli.core.backend import get_backend
from layercli.core.fields import Validator
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.types import Config, Tensor
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.layers.core.opaque_op import OpaqueOp
from layercli.lazy import torch


def _module(value: object) -> Any:
    if not isinstance(value, torch.nn.Module):
        raise TypeError
    return value


MODULE = Validator("a torch.nn.Module", _module)


class TorchModuleWrapper(Layer):
    """out = module(x, ...) for any torch.nn.Module; its parameters and buffers are the layer's variables.

    The module follows the training mode of the layer. Shapes come from torch's meta device, or from ``output_shape``. The module is
    the attribute ``wrapped``; ``module`` is the layer module, as in every layer. Raises UsageError for a lazy parameter without a
    shape, and when it is saved to ``.keras``, which holds no code; use ``save_weights``.

    Args:
        module: The torch.nn.Module.
        output_shape: The shape of the output, batch first; None to run the module on the meta device.
    """

    module: Annotated[Any, MODULE]
    output_shape: Any = None

    _positional = ("module", "name", "output_shape")

    wraps_modules = False

    def setup(self) -> None:
        """Make a variable of each parameter and buffer."""
        self.wrapped = vars(self).pop("module")
        if any(torch.nn.parameter.is_lazy(parameter) for parameter in self.wrapped.parameters()):
            raise UsageError("TorchModuleWrapper expects a module whose parameters have shapes: call it on data first")
        self._held: dict[str, Variable] = {}
        for name, value in [*self.wrapped.named_parameters(), *self.wrapped.named_buffers()]:
            self._held[name] = self.add_weight(
                name,
                tuple(value.shape),
                lambda shape, dtype="float32", value=value: value.detach().cpu().to(getattr(torch, dtype)),
                dtype=dtypes.name_of(value.dtype),
                trainable=value.requires_grad,
                autocast=isinstance(value, torch.nn.Parameter),
            )
        self.built = True

    def call(self, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        """Return what the module gives."""
        self.wrapped.train(training)
        values = [variable.value for variable in self._held.values()]
        if not any(isinstance(x, SymbolicTensor) for x in tree.flatten((args, kwargs))):
            return self._applied()(values, *args, **kwargs)
        if self.output_shape is not None:
            return OpaqueOp(self.output_shape, self.compute_dtype)(*tree.flatten((args, kwargs)))
        return get_backend().torch_function(self._applied(), (values, *args), kwargs)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the module: an author who put it into a layer finds there what was in it."""
        if name.startswith("_") or "wrapped" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.wrapped, name)

    def _applied(self) -> Callable[..., Any]:
        """Return the module as a function of the values of its parameters and buffers."""
        names, wrapped = list(self._held), self.wrapped

        def apply(values: Tensor, *args: object, **kwargs: object) -> Any:
            held = dict(zip(names, values, strict=True))
            return torch.func.functional_call(wrapped, held, args, kwargs)

        apply.__name__ = type(wrapped).__name__
        return apply

    def get_config(self) -> Config:
        """Raise UsageError: a module is code."""
        raise UsageError(
            f"{self.name} (TorchModuleWrapper) wraps a {type(self.wrapped).__name__} of torch's, and a file holds no code",
            hint="save_weights saves the values",
        )

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Raise UsageError for a module that Keras pickled; otherwise return a new layer of this config."""
        if isinstance(config.get("module"), str):
            raise UsageError("its module is pickled Python code, which is never executed")
        return super().from_config(config, custom_objects)
