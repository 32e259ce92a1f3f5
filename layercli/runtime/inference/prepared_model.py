"""A model made ready to run: built, its weights set, in the dtype and on the device asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from layercli import random
from layercli.core import dtypes, tree
from layercli.core.dtypes import Policy
from layercli.core.layer import Layer
from layercli.errors import LayercliError, UsageError
from layercli.formats.detect import open_weights
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.summary import ends, given_to, no_tensor_output_error
from layercli.runtime.analysis import pretrained
from layercli.runtime.execution import device as devices
from layercli.runtime.execution import eager_call, load_weights, model_saving, tensors
from layercli.runtime.execution.forward_signature import calling_with
from layercli.runtime.execution.graph_module import GraphModule, first_line
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
from layercli.runtime.inference.graph_fusion import FusedModel, FusionStats
from layercli.runtime.inference.prepacked_weights import PrepackedCall

PRECISIONS = ("highest", "high", "medium")


@dataclass(frozen=True)
class RunSettings:
    """How a model is run: on which device, in which dtype, with which arithmetic and weights.

    ``precision`` is torch's for float32 matrix products: ``high`` and ``medium`` let a GPU use TF32 or bfloat16.
    ``channels_last`` is how torch modules hold kernels and images; layers always do. ``fuse`` is ``fusing``'s.
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


@dataclass(frozen=True)
class PreparedModel:
    """A model ready to run. ``call`` takes a tree of tensors, as ``place`` makes it, and gives one.

    ``channels_last`` is how ``place`` lays out tensors of four axes; ``compiled`` says that torch has compiled ``call``.
    """

    name: str
    model: Layer | nn.Module
    module: nn.Module
    device: torch.device
    dtype: str | None
    call: Callable[[Any], Any]
    channels_last: bool = False
    compiled: bool = False

    @property
    def one_graph(self) -> bool:
        """Whether it runs as one graph, in which no layer can be heard."""
        return self.compiled or isinstance(self.call, FusedModel)

    @property
    def shows_layers(self) -> bool:
        """Whether torch runs the model, so that its layers and kernels can be seen."""
        return not isinstance(self.model, GraphModule) or self.model.compiles

    @property
    def folds(self) -> FusionStats | None:
        """What was folded into what, where the model runs fused."""
        return self.call.folds if isinstance(self.call, FusedModel) else None

    def place(self, inputs: Any) -> Any:
        """Return a tree of arrays as tensors on the device, floating ones in the dtype it computes in."""

        def placed(x: Any) -> Any:
            tensor = tensors.as_tensor(x, self.device)
            tensor = tensor if self.dtype is None else tensors.cast(tensor, self.dtype)
            return channels_last(tensor) if self.channels_last else tensor

        return tree.map_structure(placed, inputs)

    def outputs(self, inputs: Any) -> list[tuple[str, torch.Tensor]]:
        """Return the named outputs for a tree of tensors."""
        with torch.inference_mode():
            results = self._called(inputs)
            values: list[tuple[str, Any]] = ends(results, None)
            found = [(name, tensors.valued(self.name, x)) for name, x in values if isinstance(x, torch.Tensor)]
        if not found:
            raise no_tensor_output_error(self.name, results)
        return found

    def _called(self, inputs: Any) -> Any:
        try:
            return self.call(inputs)
        except RuntimeError as error:
            if isinstance(self.model, (Layer, GraphModule)) or not (whole := whole_numbers(inputs)):
                raise
            if isinstance(error, LayercliError) or not re.search(r"dtype|scalar type", str(error)):
                raise
            raise UsageError(
                f"{self.name} fails on integers as {' and '.join(whole)}: {first_line(error)}",
                hint="--cast makes floats of integers",
            ) from error

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield every module below with the path its author gave it, each once."""
        if isinstance(self.model, Layer):
            yield from ((path, layer.module) for path, layer in self.model.walk() if path and layer._module is not None)
        elif isinstance(self.model, GraphModule):
            yield from self.model.layers()
        else:
            yield from ((path.replace(".", "/"), module) for path, module in self.model.named_modules() if path)


def prepare(subject: ModelSource, inputs: Any, settings: RunSettings, *, many: bool = False) -> PreparedModel:
    """Return the program of a model for inputs like these: a tree of arrays, for a module its arguments by name.

    ``many``: it will be called many times.
    """
    place = devices.resolve(settings.device)
    keep_freed_memory()
    set_arithmetic(settings)
    model = subject.model
    module = _built(subject, inputs, settings) if isinstance(model, Layer) else _loaded(model, settings)
    if settings.dtype is not None:
        recast(model, settings.dtype)
    module.to(place)
    kept = settings.channels_last and not isinstance(model, Layer)
    if kept:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it alone
    call = calling(model, module, settings.compile and not settings.fuse)
    program = PreparedModel(subject.name, model, module, place, settings.dtype or floating_of(model), call, kept)
    if not settings.fuse and settings.compile:
        return replace(program, compiled=True)
    if not settings.fuse:
        return replace(program, call=PrepackedCall(call, many=many))
    call = FusedModel(call, subject.name, compiled=settings.compile)
    call.prepare(program.place(inputs))
    return replace(program, call=call)


def whole_numbers(inputs: dict[str, torch.Tensor]) -> list[str]:
    """Return which of a module's inputs hold no floats."""
    return [name for name, x in inputs.items() if not x.is_floating_point() and not x.is_complex()]


def floating_of(model: Layer | nn.Module) -> str | None:
    """Return the dtype a torch module is given floats in, its first floating parameter's; layers and graphs see to theirs."""
    if isinstance(model, (Layer, GraphModule)):
        return None
    held = next((x.dtype for x in model.parameters() if x.is_floating_point()), torch.float32)
    return tensors.name_of(held)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Return a batch of images (batch, channels, height, width) with the channels last in memory; others as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def calling(model: Layer | nn.Module, module: nn.Module, compiled: bool) -> Callable[[Any], Any]:
    """Return the function of the inputs that runs the model."""
    if compiled and isinstance(model, GraphModule) and not model.compiles:
        raise UsageError(f"{model.file} is run by onnxruntime, and torch cannot compile it")
    run: Callable[..., Any] = torch.compile(module) if compiled else module
    if isinstance(model, Layer):
        run = run if compiled else model
        return run if len(model.required_inputs()) < 2 else lambda inputs: run(*given_to(model, inputs))
    return calling_with(model, run)


def set_arithmetic(settings: RunSettings) -> None:
    """Set torch's precision of float32 matrix products and its threads, for the whole process."""
    if settings.precision not in PRECISIONS:
        raise UsageError(f"a precision is {', '.join(PRECISIONS)}, got {settings.precision!r}")
    torch.set_float32_matmul_precision(settings.precision)
    torch.backends.cudnn.allow_tf32 = settings.precision != "highest"
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)


def _built(subject: ModelSource, inputs: Any, settings: RunSettings) -> nn.Module:
    random.set_seed(settings.seed)
    model = subject.model
    if subject.checkpoint is not None and model._module is None:
        pretrained.restore(model, subject.checkpoint)
    if model._module is None or not model._module.ready:
        eager_call.describe(model, given_to(model, tree.map_structure(tensors.as_tensor, inputs)), {})
    if (file := settings.weights or subject.archive) is not None:
        model_saving.load_weights(model, file)
    module: nn.Module = model.module
    return module


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
    """Let ``model``, which is built, hold its floating values and compute in ``dtype``."""
    if not dtypes.is_floating(dtypes.name_of(dtype)):
        raise UsageError(f"a model computes in a floating dtype, not in {dtype}")
    if dtype.startswith("float8"):
        raise UsageError(f"torch keeps values in {dtype} and computes nothing in it", hint="--dtype bfloat16")
    if isinstance(model, GraphModule):
        raise UsageError(f"{model.file} computes in the dtypes that are written in it, not in {dtype}")
    if not isinstance(model, Layer):
        model.to(tensors.dtype_of(dtypes.name_of(dtype)))
        return
    for _, layer in model.walk():
        layer._policy = Policy.named(dtypes.name_of(dtype))
        for variable in layer._variables.values():
            variable._cast = None
        if layer._module is not None:
            layer._module.dtype = tensors.dtype_of(layer._policy.compute)
    model.module.to(model.module.dtype)
