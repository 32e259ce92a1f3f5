"""How a torch.nn.Module in Python is run: its inputs are the arguments of its ``forward``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from layercli.core import tree
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.core.types import TensorTree, Tree
from layercli.errors import LayercliError, UsageError, with_and
from layercli.formats.detect import open_weights
from layercli.inspect.input_generation import draws_outside
from layercli.inspect.input_names import Arguments
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.execution import load_weights, tensors
from layercli.runtime.execution.forward_arguments import flags_for
from layercli.runtime.execution.forward_signature import calling_with, compiled_part, module_arguments
from layercli.runtime.execution.graph_module import first_line, refused
from layercli.runtime.inference.runnable_model import RunnableModel

if TYPE_CHECKING:
    from layercli.runtime.inference.prepared_model import RunSettings


class RunnableTorchModule(RunnableModel[nn.Module]):
    """A torch.nn.Module in Python: its inputs are the arguments of its ``forward``."""

    says_inputs = False
    gives_text = False

    @property
    def compiled(self) -> bool:  # type: ignore[override]  # a class attribute of the others
        """Whether torch.compile has made it."""
        return compiled_part(self.model) is not None

    def arguments(self, specs: TensorTree = None, count: int = 1) -> Arguments:
        """Return the arguments of its ``forward``."""
        return module_arguments(self.model, count)

    def flags(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return those of another model's flags that ``forward`` takes as well."""
        return flags_for(self.model, given)

    def indexed(self, specs: Any, values: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, int]:
        """Return how many rows a table has that an input chooses rows of, of a module with tables of few rows: a trace tells."""
        tables = [each.num_embeddings for each in self.model.modules() if isinstance(each, nn.Embedding)]
        if not any(draws_outside(spec, rows) for spec in tree.flatten(specs) for rows in tables):
            return {}
        from layercli.inspect.indexed_inputs import rows_by_input
        from layercli.runtime.analysis.module_graph import module_graph

        return rows_by_input(module_graph(self.model, specs, "", "", values))

    def loaded(self, source: ModelSource, inputs: TensorTree, settings: RunSettings) -> nn.Module:
        """Return the module with the weights that ``settings`` name."""
        if settings.weights is not None:
            load_weights.load_state(self.model, open_weights(settings.weights))
        return self.model.eval()

    def output_specs(self, inputs: Any) -> dict[str, Spec] | None:
        """Return the Specs of the outputs, which a trace gives; None where that needs values or another object is returned."""
        from layercli.runtime.analysis.module_summary import traced_outputs

        specs, others = traced_outputs(self.model, {name: spec_of(x) for name, x in inputs.items()}, inputs)
        return dict(specs) if specs and not others else None

    def recast(self, dtype: str) -> None:
        """Cast its floating parameters and buffers; UsageError for packed weights, which have a dtype of their own."""
        from layercli.runtime.analysis.module_parameters import packs_weights

        if packed := next((each for each in self.model.modules() if packs_weights(each)), None):
            kind = type(packed).__name__
            raise UsageError(f"a quantized {kind} computes in the dtype of its packed weight, not in {dtype}")
        self.model.to(tensors.dtype_of(dtype))

    @property
    def floating_dtype(self) -> str | None:
        """The dtype of its first floating parameter."""
        held = next((x.dtype for x in self.model.parameters() if x.is_floating_point()), torch.float32)
        return tensors.name_of(held)

    def function(
        self, module: nn.Module, compiled: bool, flags: Mapping[str, object] = MappingProxyType({})
    ) -> Callable[[Any], Any]:
        """Return the function of inputs by name that calls ``forward``."""
        if not isinstance(module, torch.jit.ScriptModule):
            return calling_with(self.model, torch.compile(module) if compiled else module, flags)
        if compiled:
            raise UsageError("the model is TorchScript, which torch cannot compile again")
        return calling_with(self.model, script_call(module), flags)

    def explained(self, name: str, error: RuntimeError, inputs: Tree) -> Exception | None:
        """Say which inputs hold integers, where the error is about dtypes."""
        integers = integer_inputs(inputs)
        if not integers or isinstance(error, LayercliError) or not re.search(r"dtype|scalar type", str(error)):
            return None
        return UsageError(
            f"{name} fails on integers as {with_and(integers)}: {first_line(error)}",
            hint="--cast converts integers to floats",
        )

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield each module below it once, with its path."""
        yield from ((path.replace(".", "/"), module) for path, module in python_modules(self.model) if path)


def integer_inputs(inputs: Any) -> list[str]:
    """Return which inputs of a module, by name, hold no floating-point numbers."""
    return [name for name, x in inputs.items() if not x.is_floating_point() and not x.is_complex()]


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


def script_call(module: torch.jit.ScriptModule) -> Callable[..., Any]:
    """Return the call of a TorchScript module, whose errors come from torch's interpreter and show no line of the user's."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return module(*args, **kwargs)
        except RuntimeError as error:
            given = tuple(x for x in tree.flatten([args, kwargs]) if isinstance(x, torch.Tensor))
            raise refused(str(module.original_name), error, given) from error

    return call
