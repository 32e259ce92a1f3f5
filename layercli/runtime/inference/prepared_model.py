"""Prepare a model to run: build it, set its weights, move it to the requested dtype and device."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from layercli import random
from layercli.core import dtypes, tree
from layercli.core.dtypes import DTypePolicy
from layercli.core.layer import Layer
from layercli.core.types import Tensor, TensorTree, Tree
from layercli.errors import LayercliError, UsageError, nearest
from layercli.formats.detect import open_weights
from layercli.inspect.layer_call import ends, no_tensor_output_error
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.user_input import without_input
from layercli.runtime.analysis import pretrained
from layercli.runtime.execution import eager_call, load_weights, model_saving, tensors
from layercli.runtime.execution.forward_signature import calling_with, compiled_part, layer_arguments
from layercli.runtime.execution.graph_module import GraphModule, first_line, refused
from layercli.runtime.execution.grouped_inputs import by_field
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
from layercli.runtime.inference import model_placement
from layercli.runtime.inference.graph_fusion import FusedModel, FusionStats
from layercli.runtime.inference.prepacked_weights import PrepackedCall

PRECISIONS = ("highest", "high", "medium")


@dataclass(frozen=True)
class RunSettings:
    """How a model is run: device, dtype, arithmetic and weights.

    ``precision`` is torch's for float32 matrix products: ``high`` and ``medium`` let a GPU use TF32 or bfloat16.
    ``channels_last`` is the memory format of torch modules; layers always use it. ``fuse``: see ``graph_fusion``. ``offload``
    leaves the weights of a folder in its files, ``shard`` shares them among torchrun's ranks.
    """

    device: str = "auto"
    dtype: str | None = None
    precision: str = "highest"
    threads: int | None = None
    compile: bool = False
    fuse: bool = False
    channels_last: bool = False
    weights: str | None = None
    seed: int = 0
    offload: bool = False
    shard: bool = False


@dataclass(frozen=True)
class PreparedModel:
    """A model ready to run. ``call`` maps a tree of tensors, made by ``place``, to a tree of outputs.

    ``channels_last`` is the memory format that ``place`` gives 4D tensors; ``compiled``: torch has compiled ``call``;
    ``flags`` are arguments of a torch module's ``forward`` that are no inputs.
    """

    name: str
    model: Layer | nn.Module
    module: nn.Module
    device: torch.device
    dtype: str | None
    call: Callable[[Any], Any]
    channels_last: bool = False
    compiled: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def one_graph(self) -> bool:
        """Whether the model runs as one graph, in which layers cannot be observed."""
        return self.compiled or isinstance(self.call, FusedModel)

    @property
    def shows_layers(self) -> bool:
        """Whether torch runs the model, so that its layers and kernels can be observed."""
        return not isinstance(self.model, GraphModule) or self.model.compiles

    @property
    def folds(self) -> FusionStats | None:
        """What was folded, if the model runs fused."""
        return self.call.folds if isinstance(self.call, FusedModel) else None

    def place(self, inputs: Any) -> Any:
        """Return a tree of arrays as tensors on the device; floating ones are cast to the model's dtype, a graph's to its own."""

        def placed(x: Tensor) -> Tensor:
            tensor = tensors.as_tensor(x, self.device)
            tensor = tensor if self.dtype is None else tensors.cast(tensor, self.dtype)
            return channels_last(tensor) if self.channels_last else tensor

        made = tree.map_structure(placed, inputs)
        return self.model.cast(made) if isinstance(self.model, GraphModule) else made

    def outputs(self, inputs: Any) -> list[tuple[str, torch.Tensor]]:
        """Return the named outputs for a tree of tensors."""
        with torch.inference_mode(), without_input():
            results = self._called(inputs)
            values: list[tuple[str, Any]] = ends(results if isinstance(self.model, Layer) else by_field(results), None)
            found = [(name, tensors.valued(self.name, x)) for name, x in values if isinstance(x, torch.Tensor)]
        if not found:
            raise no_tensor_output_error(self.name, results)
        return found

    def _called(self, inputs: Tree) -> Any:
        try:
            return self.call(inputs)
        except RuntimeError as error:
            if isinstance(self.model, (Layer, GraphModule)) or not (whole := whole_numbers(inputs)):
                raise
            if isinstance(error, LayercliError) or not re.search(r"dtype|scalar type", str(error)):
                raise
            raise UsageError(
                f"{self.name} fails on integers as {' and '.join(whole)}: {first_line(error)}",
                hint="--cast converts integers to floats",
            ) from error

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield each layer below the model once, with its path."""
        if isinstance(self.model, Layer):
            yield from (
                (path, layer.module) for path, layer in self.model.named_layers() if path and layer._module is not None
            )
        elif isinstance(self.model, GraphModule):
            yield from self.model.layers()
        else:
            yield from ((path.replace(".", "/"), module) for path, module in python_modules(self.model) if path)


def python_modules(
    module: nn.Module, path: str = "", seen: set[nn.Module] | None = None
) -> Iterator[tuple[str, nn.Module]]:
    """Yield a module and those below it once, with their paths; TorchScript runs its modules itself, unseen."""
    seen = set() if seen is None else seen
    if isinstance(module, torch.jit.ScriptModule) or module in seen:
        return
    seen.add(module)
    yield path, module
    for name, child in module.named_children():
        yield from python_modules(child, f"{path}.{name}".lstrip("."), seen)


def prepare(
    subject: ModelSource,
    inputs: TensorTree,
    settings: RunSettings,
    *,
    flags: Mapping[str, object] | None = None,
    many: bool = False,
) -> PreparedModel:
    """Prepare a model for inputs like these: a tree of arrays, for a module its arguments by name.

    ``flags`` are other arguments of a module's ``forward``; ``many`` announces many calls.
    """
    flags = flags or {}
    place = model_placement.device_of(settings)
    keep_freed_memory()
    set_arithmetic(settings)
    model = subject.model
    module = _built(subject, inputs, settings) if isinstance(model, Layer) else _loaded(model, settings)
    if settings.dtype is not None:
        recast(model, settings.dtype)
    module.to(place)
    kept = settings.channels_last and not isinstance(model, Layer)
    if kept:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs require more arguments
    call = calling(model, module, settings.compile and not settings.fuse, flags)
    dtype = settings.dtype or floating_of(model)
    compiled = not isinstance(model, (Layer, GraphModule)) and compiled_part(model) is not None
    program = PreparedModel(subject.name, model, module, place, dtype, call, kept, compiled, flags)
    if any(isinstance(x, nn.UninitializedParameter) for x in module.parameters()):
        with torch.no_grad():  # a call gives lazy parameters their shapes, outside of inference mode
            call(program.place(inputs))
    if not settings.fuse and settings.compile:
        return replace(program, compiled=True)
    if not settings.fuse:
        return replace(program, call=PrepackedCall(call, many=many))
    call = FusedModel(call, subject.name, compiled=settings.compile)
    call.prepare(program.place(inputs))
    return replace(program, call=call)


def whole_numbers(inputs: dict[str, torch.Tensor]) -> list[str]:
    """Return which inputs of a module hold no floating-point numbers."""
    return [name for name, x in inputs.items() if not x.is_floating_point() and not x.is_complex()]


def floating_of(model: Layer | nn.Module) -> str | None:
    """Return the dtype of a torch module's first floating parameter; layers and graphs cast their inputs themselves."""
    if isinstance(model, (Layer, GraphModule)):
        return None
    held = next((x.dtype for x in model.parameters() if x.is_floating_point()), torch.float32)
    return tensors.name_of(held)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Return a batch of images (batch, channels, height, width) in channels-last memory format; others unchanged."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def calling(
    model: Layer | nn.Module, module: nn.Module, compiled: bool, flags: Mapping[str, object] = MappingProxyType({})
) -> Callable[[Tensor], Tensor]:
    """Return the function of the inputs that runs the model; ``flags`` are other arguments of ``forward``."""
    if compiled and isinstance(model, GraphModule) and not model.compiles:
        raise UsageError(f"{model.file} is run by onnxruntime, and torch cannot compile it")
    if compiled and isinstance(module, torch.jit.ScriptModule):
        raise UsageError("the model is TorchScript, which torch cannot compile again")
    run: Callable[..., Any] = torch.compile(module) if compiled else module
    if isinstance(module, torch.jit.ScriptModule):
        run = script_call(module)
    if isinstance(model, Layer):
        return layer_call(model, run if compiled else model)
    return calling_with(model, run, flags)


def script_call(module: torch.jit.ScriptModule) -> Callable[..., Any]:
    """Return the call of a TorchScript module, whose errors come from torch's interpreter and show no line of the user's."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return module(*args, **kwargs)
        except RuntimeError as error:
            given = tuple(x for x in tree.flatten([args, kwargs]) if isinstance(x, torch.Tensor))
            raise refused(str(module.original_name), error, given) from error

    return call


def layer_call(model: Layer, run: Callable[..., object]) -> Callable[[Any], Any]:
    """Return the function of the inputs, one tree, that calls ``run`` with the arguments of a layer."""
    if len(model.required_inputs()) < 2 and not model.optional_inputs():
        return run

    def call(inputs: Tree) -> Any:
        args, kwargs = layer_arguments(model, inputs)
        return run(*args, **kwargs)

    return call


MOST_THREADS = 1 << 16
"""The maximum number of CPU threads; torch itself refuses more than an int holds, in words of its own."""


def set_arithmetic(settings: RunSettings) -> None:
    """Set torch's float32 matrix product precision and its number of threads, for the whole process."""
    if settings.precision not in PRECISIONS:
        raise UsageError(
            f"a precision is {', '.join(PRECISIONS)}, got {settings.precision!r}",
            hint=nearest(settings.precision, PRECISIONS),
        )
    torch.set_float32_matmul_precision(settings.precision)
    torch.backends.cudnn.allow_tf32 = settings.precision != "highest"
    if settings.threads is not None:
        if settings.threads > MOST_THREADS:
            raise UsageError(f"the number of threads is at most {MOST_THREADS:,}, got {settings.threads:,}")
        torch.set_num_threads(settings.threads)


def _built(subject: ModelSource, inputs: TensorTree, settings: RunSettings) -> nn.Module:
    random.set_seed(settings.seed)
    model = subject.model
    if settings.offload or settings.shard:
        model_placement.place(subject, settings)
    elif subject.checkpoint is not None and model._module is None:
        pretrained.restore(model, subject.checkpoint)
    if model._module is None or not model._module.ready:
        eager_call.describe(model, *layer_arguments(model, tree.map_structure(tensors.as_tensor, inputs)))
    if (file := settings.weights or subject.archive) is not None:
        model_saving.load_weights(model, file)
    module: nn.Module = model.module
    return module.eval()


def _loaded(model: nn.Module, settings: RunSettings) -> nn.Module:
    if isinstance(model, GraphModule):
        _check_unchanged(model, settings)
    if settings.weights is not None:
        load_weights.load_state(model, open_weights(settings.weights))
    return model.eval()


def _check_unchanged(model: GraphModule, settings: RunSettings) -> None:
    asked = {"--weights": settings.weights, "--channels-last": settings.channels_last, "--fuse": settings.fuse}
    for option, value in asked.items():
        if value:
            raise UsageError(f"{model.file} is run as it was written, so {option} cannot change it")


def recast(model: Layer | nn.Module, dtype: str) -> None:
    """Cast the floating values of the built ``model`` to ``dtype`` and let it compute in that dtype."""
    if not dtypes.is_floating(dtypes.name_of(dtype)):
        raise UsageError(f"a model computes in a floating dtype, not in {dtype}")
    if dtype.startswith("float8"):
        raise UsageError(f"torch keeps values in {dtype} and computes nothing in it", hint="--dtype bfloat16")
    if isinstance(model, GraphModule):
        raise UsageError(f"{model.file} computes in the dtypes that are written in it, not in {dtype}")
    if not isinstance(model, Layer):
        if packed := next((each for each in model.modules() if hasattr(each, "_packed_params")), None):
            kind = type(packed).__name__
            raise UsageError(f"a quantized {kind} computes in the dtype of its packed weight, not in {dtype}")
        model.to(tensors.dtype_of(dtypes.name_of(dtype)))
        return
    for _, layer in model.named_layers():
        layer._policy = DTypePolicy.named(dtypes.name_of(dtype))
        for variable in layer._variables.values():
            variable._cast = None
        if layer._module is not None:
            layer._module.dtype = tensors.dtype_of(layer._policy.compute)
    model.module.to(model.module.dtype)
