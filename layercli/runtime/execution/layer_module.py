"""LayerModule: the torch.nn.Module that holds the state of a layer and runs it.

It has one submodule per sublayer under the attribute its author wrote, and one parameter or buffer per variable, contiguous
in the variable's physical layout. Hooks, state_dict, optimizers, torch.compile, export, DDP and FSDP see an ordinary module.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from layercli import ops
from layercli.core import dtypes, seed, tree
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.ops.numpy.creation import creation_device
from layercli.runtime.execution import tensors
from layercli.runtime.execution.tensors import dtype_of

warnings.filterwarnings("ignore", "RNN module weights are not part of single")  # cuDNN: the weights are views
ops.load()


class CallState:
    """What the modules of one tree share about the call in progress: its ``training``, and the losses given to add_loss."""

    def __init__(self, outermost: LayerModule) -> None:
        self.outermost = outermost
        self.augmenting: list[LayerModule] = []  # the modules below that are in training mode by default
        self.losses: list[tuple[Layer, Any]] = []  # since the start of the outermost call
        self.training: bool | None = None  # that of the last call or default: calls without the argument take it
        self.in_call = False  # whether a call of a module here is in progress

    @contextmanager
    def asked(self, training: bool | None) -> Iterator[None]:
        """Let calls that say nothing of ``training`` run as this says; inside a call, those after it too, as in Keras."""
        before, self.training = self.training, training
        try:
            yield
        finally:
            if not self.in_call:
                self.training = before


class LayerModule(nn.Module):
    """Hold the values of one layer's variables; ``forward`` is the layer's ``call``.

    ``training`` is torch's flag and the default for calls; it begins as the default of the layer's ``call``. The first layer whose
    default is not None decides for those after it in the same outermost call, as in Keras. ``ready`` says that
    the whole tree below is built; ``call_state`` is shared by the whole tree.
    """

    described: Layer
    dtype: torch.dtype
    takes_training: bool
    training_position: int
    asks_training: bool
    activity_regularizer: Callable[[Any], Any] | None
    ready: bool
    call_state: CallState

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        vars(self).update(  # torch would register the layer, and looks at each other value for a parameter
            described=layer,
            dtype=dtype_of(layer.compute_dtype),
            takes_training="training" in layer.call_names(),
            training_position=layer.training_position(),
            asks_training=layer.training_default() is None,
            activity_regularizer=layer._activity_regularizer,
            training=layer.trains_by_default(),
            ready=False,
            call_state=CallState(self),
        )
        self.choose_forward()

    @property
    def asked_training(self) -> bool | None:
        """What the call in progress says of ``training``, None where it says nothing."""
        return (self.training or None) if self.call_state.training is None else self.call_state.training

    def step_start(self) -> Callable[[Any], None] | None:
        """Return what a graph does before it calls a layer: in a call that says nothing, each layer runs by its own default, as in
        Keras. None where there is nothing to do.
        """
        state = self.call_state
        if not state.augmenting or state.training is not None:
            return None

        def start(layer: Any) -> None:
            if isinstance(layer, Layer) and layer.training_default() is not None and "training" in layer.call_names():
                state.training = None

        return start

    def choose_forward(self) -> None:
        """Make ``forward`` the layer's ``call`` where nothing is to be added to it: that saves one Python call."""
        layer = self.described
        plain = self.activity_regularizer is None and not layer._makes_tensors and layer.remat_mode is None
        if plain and not self.takes_training:
            self.forward = layer.call  # type: ignore[method-assign]
        else:
            vars(self).pop("forward", None)

    def __reduce__(self) -> Any:
        return new_empty, (type(self.described),), self.__dict__  # pickle would find the layer's class under that name

    def forward(self, *args: object, **kwargs: object) -> Any:
        """Return ``layer.call`` of the arguments; ``training`` is that of the call in progress, else the module's flag."""
        state = self.call_state
        if state.in_call:
            return self._forward(args, kwargs)
        state.in_call, before = True, state.training
        try:
            return self._forward(args, kwargs)
        finally:
            state.in_call, state.training = False, before

    def _forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        state = self.call_state
        if self.takes_training:
            if "training" in kwargs:
                state.training = None if kwargs["training"] is None else bool(kwargs["training"])
            elif len(args) <= self.training_position:
                if state.training is None:
                    state.training = (self.training or None) if self.asks_training else self.training
                kwargs["training"] = state.training
        if state.losses and state.outermost is self:
            state.losses.clear()
        call = self.described.call
        if self.described.remat_mode is not None:
            call = state.asked(state.training)(call)  # also when it is computed again
            call = self.described.rematerialized_call(call, *args, **kwargs)
        outputs = self._beside(call, args, kwargs) if self.described._makes_tensors else call(*args, **kwargs)
        if self.activity_regularizer is not None:
            for x in tree.flatten(outputs):
                penalty = self.activity_regularizer(x)
                self.described.add_loss(penalty / max(x.shape[0], 1) if x.ndim else penalty)
        return outputs

    def _beside(self, call: Any, args: Any, kwargs: Any) -> object:
        """Return ``call``, the layer's, such that tensors it creates are on the device of its first input."""
        before = creation_device.device
        creation_device.device = next(
            (x.device for x in tree.flatten((args, kwargs)) if isinstance(x, torch.Tensor)), before
        )
        try:
            return call(*args, **kwargs)
        finally:
            creation_device.device = before

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Apply torch's ``double``, ``to`` and similar to every tensor; later calls compute in the new dtype."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        policy = self.described._policy
        if policy.compute == policy.variable:
            self.dtype = fn(torch.empty(0, dtype=self.dtype)).dtype
        return self

    def add_loss(self, loss: Tensor) -> None:
        """Keep a loss until the next outermost call starts."""
        vars(self.call_state.outermost).pop("forward", None)
        self.call_state.losses.append((self.described, loss))

    def register_variable(self, variable: Variable) -> None:
        """Register the parameter or buffer of ``variable``, initialized from the current seed and its path."""
        if not hasattr(self, variable.key):
            with torch.inference_mode(False), torch.enable_grad():
                register(self, variable)

    def register_layer(self, path: str, child: LayerModule) -> None:
        """Register ``child`` as the submodule at ``path``; each list or dict on the way becomes a plain module."""
        *containers, name = path.split("/")
        module: nn.Module = self
        for step in containers:
            if step not in module._modules:
                module.add_module(step, nn.Module())
                module._modules[step].training = self.training  # type: ignore[union-attr]  # just added
            module = module._modules[step]  # type: ignore[assignment]  # just added
        if module._modules.get(name) is not child:
            module.add_module(name.replace(".", "_"), child)

    def update_requires_grad(self) -> None:
        """Set ``requires_grad`` of each parameter to its variable's ``trainable``."""
        for variable in self.described._variables.values():
            parameter = self._parameters.get(variable.key)
            if parameter is not None:
                parameter.requires_grad_(variable.trainable)


building = threading.RLock()
"""Held while a layer is built or its module is created: threads that share it, or a part of it, do so once."""
NONE_GIVEN: Mapping[Variable, Any] = MappingProxyType({})
_kinds: WeakKeyDictionary[type[Layer], type[LayerModule]] = WeakKeyDictionary()


def module_class(layer: type[Layer]) -> type[LayerModule]:
    """Return the module class for a layer class; torch displays, exports and counts modules by class name."""
    if layer not in _kinds:
        names = {"__module__": layer.__module__, "__qualname__": layer.__qualname__, "__doc__": LayerModule.__doc__}
        _kinds[layer] = type(layer.__name__, (LayerModule,), names)
    return _kinds[layer]


def new_empty(layer: type[Layer]) -> LayerModule:
    """Return a layer module without children or variables."""
    return module_class(layer).__new__(module_class(layer))


def build_module(layer: Layer, *, ready: bool = False, values: Mapping[Variable, object] = NONE_GIVEN) -> LayerModule:
    """Create the module of ``layer`` and of its built sublayers, or add what is missing.

    New parameters have the ``values``, of their logical shapes, and others their initial values.
    """
    with building, torch.inference_mode(False), torch.enable_grad():
        module = _attached(layer, layer.path_drawn(), values)
        if not layer.is_container_only:
            _share_call_state(layer, ready)
            return module
        for child in layer.layers:  # sublayers called separately each keep the losses of their own last call
            below = [each._module for _, each in child.named_layers() if each._module is not None]
            if any(each.call_state is not child._module.call_state for each in below):
                _share_call_state(child, ready)
        return module


def _share_call_state(layer: Layer, ready: bool) -> None:
    state = layer._module.call_state = CallState(layer._module)
    around: dict[str, Any] = {}
    for path, below in layer.named_layers():
        around[path] = below
        if below._module is not None:
            below._module.ready |= ready
            below._module.call_state = state
            if below.trains_by_default():
                state.augmenting.append(below._module)
            if below.training_default() is not False:
                _join(around, path)
            if below._makes_tensors:
                vars(below._module).pop("forward", None)


def _join(around: dict[str, Any], path: str) -> None:
    """Let the layer at ``path``, whose default is not False, share ``training`` with those beside it in calls around them."""
    while path:
        path = path.rpartition("/")[0]
        module = around[path]._module if path in around else None
        if module is not None:
            vars(module).pop("forward", None)


def _attached(layer: Layer, path: str, values: Mapping[Variable, object]) -> LayerModule:
    module: LayerModule = module_class(type(layer))(layer) if layer._module is None else layer._module
    if vars(module).get("forward") == layer.__call__:  # registered before it was built
        module.choose_forward()
    for variable in layer._variables.values():
        if not hasattr(module, variable.key):
            register(module, variable, f"{path}/{variable.key}", values.get(variable))
    for step, child in layer.children():
        if child.built:
            module.register_layer(step, _attached(child, f"{path}/{step}", values))
    layer._module = module  # other threads see it with all its variables
    return module


def register(module: nn.Module, variable: Variable, path: str = "", value: object = None) -> None:
    """Register the parameter or buffer of ``variable`` in ``module``, with a value or initialized."""
    tensor = drawn(variable, path or seed.seeded_path(variable.path)) if value is None else holding(variable, value)
    if variable.made_trainable and dtypes.is_floating(variable.dtype):
        parameter = nn.Parameter(tensor, requires_grad=variable.trainable)
        if variable.overwrite_with_gradient:
            parameter.overwrite_with_gradient = True  # type: ignore[attr-defined]  # for the optimizer
        module.register_parameter(variable.key, parameter)
    else:
        module.register_buffer(variable.key, tensor, persistent=variable.persistent)


def variable_module(variable: Variable) -> nn.Module:
    """Return a module that holds the value of a variable that is of no layer."""
    module = nn.Module()
    with torch.inference_mode(False), torch.enable_grad():
        register(module, variable)
    return module


def drawn(variable: Variable, path: str) -> torch.Tensor:
    """Return the initial value of ``variable``: sampled in the logical shape, stored in the physical layout.

    ``path`` begins with the seed.
    """
    dtype, device = dtype_of(variable.dtype), torch.get_default_device()
    if device.type == "meta":
        physical = tuple(variable.sizes[axis] for axis in variable.layout or range(variable.ndim))
        return torch.empty(physical, dtype=dtype)
    constant = getattr(variable.initializer, "is_constant", False)
    values = variable.initial_value(None if constant else seed.generator(path))
    tensor = (
        values
        if isinstance(values, torch.Tensor)
        else torch.from_numpy(np.ascontiguousarray(values).reshape(variable.shape))
    )
    if variable.layout is not None:
        tensor = tensor.permute(variable.layout)
    return tensor.to(device, dtype).contiguous()


def holding(variable: Variable, value: Any) -> torch.Tensor:
    """Return a new tensor in the physical layout of ``variable`` with a value of its logical shape."""
    physical = tuple(variable.sizes[axis] for axis in variable.layout or range(variable.ndim))
    tensor = torch.empty(physical, dtype=dtype_of(variable.dtype))
    if not tensor.is_meta:
        tensors.assign(tensor, value, variable.layout)
    return tensor
