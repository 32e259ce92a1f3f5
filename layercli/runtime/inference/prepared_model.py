"""Prepare a model to run: build it, set its weights, move it to the requested dtype and device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from layercli.core import dtypes, tree
from layercli.core.layer import Layer
from layercli.core.text import is_text
from layercli.core.types import Tensor, TensorTree, Tree
from layercli.dataclass import dataclass
from layercli.errors import LayercliError, UsageError, nearest
from layercli.inspect.layer_call import no_tensor_output_error
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.user_input import without_input
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_arguments import with_dtypes
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
from layercli.runtime.inference import model_placement
from layercli.runtime.inference.graph_fusion import FusedModel, FusionStats
from layercli.runtime.inference.model_kinds import runnable
from layercli.runtime.inference.prepacked_weights import PrepackedCall
from layercli.runtime.inference.repeated_call import RepeatedCall
from layercli.runtime.inference.runnable_model import RunnableModel

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

    @cached_property
    def kind(self) -> RunnableModel[Any]:
        """What runs the model, by its kind."""
        return runnable(self.model)

    @property
    def shows_layers(self) -> bool:
        """Whether torch runs the model, so that its layers and kernels can be observed."""
        return self.kind.shows_layers

    @property
    def folds(self) -> FusionStats | None:
        """What was folded, if the model runs fused."""
        return self.call.folds if isinstance(self.call, FusedModel) else None

    def place(self, inputs: object) -> Any:
        """Return a tree of arrays as tensors on the device; floating ones are cast to the model's dtype, a graph's to its own."""

        def placed(x: Tensor) -> Tensor:
            tensor = tensors.as_tensor(x, self.device)
            tensor = tensor if self.dtype is None else tensors.cast(tensor, self.dtype)
            return channels_last(tensor) if self.channels_last else tensor

        return self.kind.placed(tree.map_structure(placed, inputs))

    def outputs(self, inputs: object, *, texts: bool = False) -> list[tuple[str, Any]]:
        """Return the named outputs for a tree of tensors: tensors, and arrays of text, for which ``texts`` must be set."""
        with torch.inference_mode(), without_input():
            results = self._called(inputs)
            values = [
                (name, x) for name, x in self.kind.named_outputs(results) if isinstance(x, torch.Tensor) or is_text(x)
            ]
            if (text := next((name for name, x in values if is_text(x)), None)) is not None and not texts:
                raise UsageError(f"{self.name} gives text as {text}, which only run shows and writes")
            found = [(name, x if is_text(x) else tensors.valued(self.name, x)) for name, x in values]
        if not found:
            raise no_tensor_output_error(self.name, results)
        return found

    def _called(self, inputs: Tree) -> Any:
        try:
            return self.call(inputs)
        except RuntimeError as error:
            if isinstance(error, LayercliError) or (explained := self.kind.explained(self.name, error, inputs)) is None:
                raise
            raise explained from error

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield each layer below the model once, with its path."""
        return self.kind.layers()


def prepare(
    subject: ModelSource,
    inputs: TensorTree,
    settings: RunSettings,
    *,
    flags: Mapping[str, object] | None = None,
    calls: int = 1,
) -> PreparedModel:
    """Prepare a model for inputs like these: a tree of arrays, for a module its arguments by name.

    ``flags`` are other arguments of a module's ``forward``; ``calls`` is the number of calls that are announced.
    """
    flags = flags or {}
    if flags and isinstance(subject.model, nn.Module):
        flags = with_dtypes(subject.model, flags)
    place = model_placement.device_of(settings)
    keep_freed_memory()
    set_arithmetic(settings)
    model = subject.model
    kind = runnable(model)
    module = kind.loaded(subject, inputs, settings)
    if settings.dtype is not None:
        recast(model, settings.dtype)
    if any(x.is_meta for x in module.parameters()):
        raise UsageError(f"{subject.name} has parameters without values (on the device meta): it cannot be run")
    module.to(place)
    kept = settings.channels_last and kind.takes_memory_format
    if kept:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs require more arguments
    call = kind.function(module, settings.compile and not settings.fuse, flags)
    dtype = settings.dtype or kind.floating_dtype
    program = PreparedModel(subject.name, model, module, place, dtype, call, kept, kind.compiled, flags)
    if any(isinstance(x, nn.UninitializedParameter) for x in module.parameters()):
        with torch.no_grad():  # a call gives lazy parameters their shapes, outside of inference mode
            call(program.place(inputs))
    if not settings.fuse and settings.compile:
        return replace(program, compiled=True)
    if not settings.fuse:
        traces = isinstance(model, Layer) and not (settings.offload or settings.shard)
        kept_call = RepeatedCall(call, model, calls=calls) if traces else PrepackedCall(call, many=calls > 1)
        return replace(program, call=kept_call)
    call = FusedModel(call, subject.name, compiled=settings.compile)
    call.prepare(program.place(inputs))
    return replace(program, call=call)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """Return a batch of images (batch, channels, height, width) in channels-last memory format; others unchanged."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


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


def recast(model: Layer | nn.Module, dtype: str) -> None:
    """Cast the floating values of the built ``model`` to ``dtype`` and let it compute in that dtype."""
    name = dtypes.name_of(dtype)
    if not dtypes.is_floating(name):
        raise UsageError(f"a model computes in a floating dtype, not in {dtype}")
    if dtype.startswith("float8"):
        raise UsageError(f"torch keeps values in {dtype} and computes nothing in it", hint="--dtype bfloat16")
    runnable(model).recast(name)
