"""How a layer is run: it is called on one tree of inputs, and its module is built for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from layercli import random
from layercli.core import tree
from layercli.core.dtypes import DTypePolicy
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import TensorTree, Tree
from layercli.inspect import shape_parser
from layercli.inspect.input_generation import draws_outside
from layercli.inspect.input_names import Arguments, NamedInputs
from layercli.inspect.layer_call import ends, input_names, layer_arguments, offered_inputs
from layercli.inspect.model_loader import ModelSource
from layercli.layers.core.embedding import BaseEmbedding
from layercli.runtime.analysis import pretrained
from layercli.runtime.execution import eager_call, model_saving, tensors
from layercli.runtime.inference import model_placement
from layercli.runtime.inference.runnable_model import RunnableModel

if TYPE_CHECKING:
    from layercli.runtime.inference.prepared_model import RunSettings


class RunnableLayer(RunnableModel[Layer]):
    """A layer or a model of layers."""

    takes_tree = True
    takes_memory_format = False

    def arguments(self, specs: TensorTree = None, count: int = 1) -> Arguments:
        """Return its inputs by name, those of its optional arguments last."""
        required = input_names(self.model, specs.inputs if isinstance(specs, NamedInputs) else specs)
        others = [name for name in self.model.optional_inputs() if name not in required]
        return Arguments([*required, *others], others, others)

    def declared(self) -> Any:
        """Return the tree of Specs that it was called on, or of its example inputs."""
        return offered_inputs(self.model)

    def by_name(self, inputs: object) -> dict[str, Any]:
        """Return a tree of its inputs by name; if it takes more, the given ones are the first."""
        if inputs is None:
            return {}
        return dict(zip(input_names(self.model, inputs), tree.flatten(inputs), strict=False))

    def grouped(self, taken: Arguments, specs: object, given: Mapping[str, object]) -> Any:
        """Return inputs by name as the tree that ``specs`` are, or as a list, with the optional ones by name."""
        optional = {name: x for name, x in given.items() if name in taken.named}
        required = [x for name, x in given.items() if name not in optional]
        left = iter(required)
        one = required[0] if len(required) == 1 else required
        inputs = one if specs is None else tree.map_structure(lambda _: next(left), specs)
        return NamedInputs(inputs, optional) if optional else inputs

    def shapes(self, name: str, texts: Sequence[str], specs: object, taken: Arguments) -> Any:
        """Return the tree ``specs`` with the shapes of the command line applied, and those of optional arguments by name."""
        return shape_parser.layer_shapes(self.model, texts, specs)

    def loaded(self, source: ModelSource, inputs: TensorTree, settings: RunSettings) -> nn.Module:
        """Build it for inputs like these, and return its module with the weights of a file, or initial ones."""
        random.set_seed(settings.seed)
        model = self.model
        model.draw_anew()
        if settings.offload or settings.shard:
            model_placement.place(source, settings)
        elif source.checkpoint is not None and model._module is None:
            pretrained.restore(model, source.checkpoint)
        file = settings.weights or source.archive
        arguments = layer_arguments(model, tree.map_structure(tensors.as_tensor, inputs))
        if file is not None and model._module is None:  # its parameters are made with the file's values
            eager_call.described_outputs(model, *arguments)
        elif model._module is None or not model._module.ready:
            eager_call.describe(model, *arguments)
        if file is not None:
            model_saving.load_weights(model, file)
        module: nn.Module = model.module
        return module.eval()

    def recast(self, dtype: str) -> None:
        """Cast the floating values of every layer, and let each compute in ``dtype``."""
        for _, layer in self.model.named_layers():
            layer._policy = DTypePolicy.named(dtype)
            for variable in layer._variables.values():
                variable._cast = None
            if layer._module is not None:
                layer._module.dtype = tensors.dtype_of(layer._policy.compute)
        self.model.module.to(self.model.module.dtype)

    def function(
        self, module: nn.Module, compiled: bool, flags: Mapping[str, object] = MappingProxyType({})
    ) -> Callable[[Any], Any]:
        """Return the function of the inputs, one tree, that calls the layer."""
        model, run = self.model, torch.compile(module) if compiled else self.model
        if len(model.required_inputs()) < 2 and not model.optional_inputs():
            return run

        def call(inputs: Tree) -> Any:
            args, kwargs = layer_arguments(model, inputs)
            return run(*args, **kwargs)

        return call

    def indexed(self, specs: Any, values: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, int]:
        """Return how many rows a table has that an input chooses rows of, of a model with tables of few rows."""
        tables = [layer.input_dim for _, layer in self.model.named_layers() if isinstance(layer, BaseEmbedding)]
        if not any(draws_outside(spec, rows) for spec in tree.flatten(specs) for rows in tables):
            return {}
        from layercli.inspect.indexed_inputs import rows_by_input
        from layercli.inspect.layer_graph import layer_graph

        try:
            return rows_by_input(layer_graph(self.model, specs))
        except Exception:  # of the user's code, which may need values
            return {}

    def output_specs(self, inputs: TensorTree) -> dict[str, Spec] | None:
        """Return the Specs of the outputs, which a symbolic call gives; None where it cannot be called on symbols."""
        try:
            outputs = eager_call.described_outputs(self.model, *layer_arguments(self.model, inputs))
        except Exception:  # of the user's code, which may need values
            return None
        return {name: spec for name, spec in ends(outputs, None) if isinstance(spec, Spec)}

    def named_outputs(self, results: object) -> list[tuple[str, Any]]:
        """Return what a call returned by name."""
        return list(ends(results, None))

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the module of each layer below it that has one, with its path."""
        named = ((path, layer) for path, layer in self.model.named_layers() if path)
        yield from ((path, layer.module) for path, layer in named if layer._module is not None)
