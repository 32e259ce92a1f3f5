"""The models that ``convert`` takes beside files of weights: created in code, or whole ones in files and folders."""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.cli import options, startup
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
    from layercli.formats.weight_file import WeightFile
    from layercli.saving.conversion_result import Conversion
    from layercli.sources.layer import LayerSource
    from layercli.sources.source import Source


@dataclass(frozen=True)
class ModelInCode:
    """What a model in code is created with, and what it is called on; ``custom`` is for models in files too."""

    set_: options.Set = field(default_factory=list)
    config: options.Config = None
    input_shape: options.InputShape = field(default_factory=list)
    arg: options.ForwardArgument = field(default_factory=list)
    custom: options.Custom = field(default_factory=list)

    def refuse(self, why: str) -> None:
        """Raise UsageError where an option is given: ``why`` SRC is no model in code."""
        given = {
            "--set": self.set_, "--config": self.config, "--input-shape": self.input_shape, "--arg": self.arg,
        }  # fmt: skip
        for name, value in given.items():
            if value:
                raise UsageError(f"{name} is for a model in code, {why}")

    def open(self, source: str) -> Source:
        """Return the model, with the seed 0 where it draws values."""
        from layercli.inspect.python_import import register_custom_objects
        from layercli.sources.resolve import resolve

        register_custom_objects(self.custom)
        startup.import_torch()
        from layercli import random

        random.set_seed(0)
        return resolve(source, self.set_, config=self.config)

    def weights(self, source: str) -> WeightFile:
        """Return the tensors of the model, in memory; a torch module is called where its lazy parameters need that."""
        from layercli.sources.layer import LayerSource

        opened = self.open(source)
        from layercli.runtime.export.module_export import with_shapes
        from layercli.runtime.export.tensors_file import BUILT, INITIAL, TensorsFile, tensors_of

        if not isinstance(opened, LayerSource):
            module = with_shapes(opened.subject, self.input_shape, self.arg)
            return TensorsFile(source, tensors_of(module), [BUILT.format(source)])
        self.refuse_arg(source)
        notes = [] if opened.holds_values else [INITIAL.format(source)]
        described_for(opened, self.input_shape)
        return TensorsFile(source, tensors_of(opened.model), notes)

    def refuse_arg(self, source: str) -> None:
        """Raise UsageError for ``--arg`` of a model that is no torch module."""
        if self.arg:
            raise UsageError(f"--arg is for the forward of a torch module in Python, and {source} is none")


def described_for(source: LayerSource, shapes: list[str]) -> None:
    """Build the layer of a source for inputs of the given shapes; by default those that it was built for."""
    from layercli.inspect.layer_call import described
    from layercli.sources.source import as_specs

    if shapes or not source.model.built:
        described(source.model, as_specs(source.inputs(shapes)))


def is_in_code(source: str) -> bool:
    """Whether a text names a model in Python, or a named one."""
    from layercli.inspect.model_loader import named_models
    from layercli.inspect.python_import import is_python

    if os.path.exists(source):
        return source.endswith(".py")
    return is_python(source) or source in named_models()


def convert_whole(
    source: str,
    target: str,
    kind: str,
    model: ModelInCode,
    *,
    force: bool,
    dry_run: bool,
) -> Conversion:
    """Convert a whole model, with the initial values of the seed 0 where it has none."""
    from layercli.sources.layer import LayerSource
    from layercli.sources.torch_module import ModuleSource

    opened = model.open(source)
    if type(opened) is ModuleSource and kind != "archive":
        from layercli.runtime.export.module_export import convert_module

        return convert_module(opened.subject, model.input_shape, model.arg, target, kind, force=force, dry_run=dry_run)
    if not isinstance(opened, LayerSource):
        raise UsageError(f"{source} {held(source)}: {Path(target).suffix} is written from a whole model of layers")
    from layercli.runtime.export.model_conversion import convert_model

    model.refuse_arg(source)
    if model.input_shape and opened.archive is not None:
        raise UsageError(f"{source} says what shapes its inputs have, so --input-shape cannot")
    taken, optional = of_optional_inputs(model.input_shape, opened.model)
    if optional and kind == "archive":
        raise UsageError(f"{target} takes the inputs of the layers: {', '.join(optional)} need no shape")
    inputs = None if opened.archive is not None else opened.inputs(taken)
    return convert_model(
        opened.subject, inputs, target, kind, optional=optional, initial=not opened.holds_values, force=force,
        dry_run=dry_run,
    )  # fmt: skip


def of_optional_inputs(shapes: list[str], model: Layer) -> tuple[list[str], dict[str, Spec]]:
    """Return the shapes of the inputs that a model always takes, and the Specs of its optional ones by name.

    A shape of an optional input without a dtype has that of the first input, as masks have.
    """
    from layercli.core import tree
    from layercli.inspect.layer_call import offered_inputs
    from layercli.inspect.shape_parser import parse_shape

    names = {text: text.partition("=")[0] for text in shapes}
    known = model.optional_inputs()
    first = next((spec.dtype for spec in tree.flatten(offered_inputs(model)) if isinstance(spec, Spec)), "float32")
    others = {name: parse_shape(text.partition("=")[2], first) for text, name in names.items() if name in known}
    return [text for text, name in names.items() if name not in known], others


def held(source: str) -> str:
    """Return what a source that is no model of layers is."""
    from layercli.formats import detect

    if os.path.isdir(source):
        return "is the folder of a model that layercli does not know"
    if not os.path.isfile(source) or source.endswith(".py"):
        return "is a module of torch"
    return "holds a graph without layers" if detect.content(source) in ("onnx", "pt2") else "holds weights alone"
